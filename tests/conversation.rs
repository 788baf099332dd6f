//! Conversations written down message by message: names and values in, packets
//! out. Layouts come from the description; what is not given is zero, or what
//! every driver sends.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::{
    FieldRule, HEADER, Layout, Message, MessageSet, Tail, TailElement, TailLength,
};
use dxgtrace_protocol::table::by_name;
use dxgtrace_protocol::table::framing::{
    EXTENDED_HEADER, FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION, PACKET_INBAND, VERSION_EXTENDED,
    header,
};

use crate::generate::{get, put};
use crate::synthetic::Owned;

/// Names with their values: a field has one, or an array's; a tail has its
/// elements; `tail.member` is a member of each element.
pub type Values<'a> = &'a [(&'a str, &'a [u64])];

/// The global channel's number.
pub const GLOBAL: u32 = 20;
/// The number of the first virtual GPU's channel.
pub const VGPU0: u32 = 21;
/// The number of the second virtual GPU's channel.
pub const VGPU1: u32 = 22;
/// What stands for the driver itself.
pub const DRIVER: u32 = 0;

/// A request that was sent.
#[derive(Debug, Clone)]
pub struct Asked {
    message: &'static Message,
    /// Where it was sent.
    pub channel: u32,
    /// Its transaction id.
    pub transaction: u64,
    body: Vec<u8>,
    pid: u32,
}

/// Packets in the making.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The packets so far.
    pub packets: Vec<Owned>,
    /// The interface version: whether there is an extended header.
    pub version: u32,
    /// Who asks, as the host numbers it.
    pub process: u32,
    /// Process and thread of who asks.
    pub pid: u32,
    /// The channel of vGPU messages.
    pub vgpu: u32,
    /// The LUID in extended headers of vGPU messages.
    pub luid: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    transactions: BTreeMap<u32, u64>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self::new(VERSION_EXTENDED)
    }
}

impl Conversation {
    /// Nothing was said yet.
    pub fn new(version: u32) -> Self {
        Self {
            packets: Vec::new(),
            version,
            process: 0,
            pid: 100,
            vgpu: VGPU0,
            luid: 0x00c0_ffee,
            time: 1_767_225_600_000_000_000,
            transactions: BTreeMap::new(),
        }
    }

    /// The channels that conversations use.
    pub fn channels() -> Vec<Channel> {
        let channel = |name: &str, kind, relid: u32| Channel {
            name: name.to_owned(),
            kind,
            relid,
            instance: Some([relid as u8; 16]),
        };
        vec![
            channel("global", ChannelKind::Global, GLOBAL),
            channel("vgpu0", ChannelKind::Vgpu, VGPU0),
            channel("vgpu1", ChannelKind::Vgpu, VGPU1),
            Channel {
                instance: None,
                ..channel("driver", ChannelKind::Unknown, DRIVER)
            },
        ]
    }

    /// The packets, numbered.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let numbered = (1..).zip(&self.packets);
        numbered.map(|(number, packet)| packet.packet(number))
    }

    /// The driver starts.
    pub fn start(&mut self) -> Result<()> {
        self.process = 0;
        self.exchange("set_io_space_region", &[("length", &[1 << 26])], &[])?;
        self.open()
    }

    /// The virtual GPU is opened.
    pub fn open(&mut self) -> Result<()> {
        let process = std::mem::take(&mut self.process);
        let version = u64::from(self.version);
        self.exchange(
            "open_adapter",
            &[("vmbus_interface_version", &[version])],
            &[
                ("host_adapter_handle", &[u64::from(self.vgpu) << 6]),
                ("vmbus_interface_version", &[version]),
                ("vmbus_last_compatible_interface_version", &[16]),
            ],
        )?;
        let luid = [self.luid];
        let told: Values<'_> = match self.version >= VERSION_EXTENDED {
            true => &[("host_vgpu_luid", &luid)],
            false => &[],
        };
        self.exchange("get_internal_adapter_info", &[], told)?;
        self.process = process;
        Ok(())
    }

    /// A process opens the device, and asks from now on.
    pub fn process(&mut self, handle: u32, pid: u32) -> Result<()> {
        (self.process, self.pid) = (0, pid);
        let asked = [("process_id", &[u64::from(pid)][..])];
        self.exchange(
            "create_process",
            &asked,
            &[("hprocess", &[u64::from(handle)])],
        )?;
        self.process = handle;
        Ok(())
    }

    /// A device is created.
    pub fn device(&mut self, handle: u64) -> Result<()> {
        let cookie = [("error_code", &[0xffff_8000_1234_5678][..])];
        self.exchange("create_device", &cookie, &[("device", &[handle])])
    }

    /// Allocations are created on a device.
    pub fn allocations(&mut self, device: u64, handles: &[u64]) -> Result<()> {
        let flags = vec![0; handles.len()];
        let sizes = vec![4096; handles.len()];
        self.exchange(
            "create_allocation",
            &[("device", &[device]), ("alloc_info.flags", &flags)],
            &[
                ("allocation_info.allocation", handles),
                ("allocation_info.allocation_size", &sizes),
            ],
        )
    }

    /// A request and its reply.
    pub fn exchange(&mut self, name: &str, asked: Values<'_>, told: Values<'_>) -> Result<()> {
        let asked = self.ask(name, asked)?;
        self.answer(&asked, told)
    }

    /// A request.
    pub fn ask(&mut self, name: &str, values: Values<'_>) -> Result<Asked> {
        let message = by_name(name).with_context(|| format!("no message {name}"))?;
        let layout = message.request.as_ref().context("no layout")?;
        let body = body(layout, values, None)?;
        self.send(message, body)
    }

    /// A request with these bytes from the command header on, which is filled in.
    pub fn send(&mut self, message: &'static Message, mut body: Vec<u8>) -> Result<Asked> {
        if body.len() < usize::from(HEADER) {
            body.resize(usize::from(HEADER), 0);
        }
        let named = header(message.set);
        let mut set = |name: &str, value: u64| -> Result<()> {
            put(
                &mut body,
                0,
                named.field(name).context("no such header")?,
                value,
            );
            Ok(())
        };
        use dxgtrace_protocol::schema::Subject;
        let process = match message.subject {
            Subject::Nobody => 0,
            _ => self.process,
        };
        set("process", u64::from(process))?;
        set("channel_type", message.set as u64)?;
        set("command", u64::from(message.id))?;
        let (channel, luid) = match message.set {
            MessageSet::Global => (GLOBAL, 0),
            _ => (self.vgpu, self.luid),
        };
        let transaction = self.transactions.entry(channel).or_insert(0);
        *transaction += 1;
        let transaction = *transaction;
        let mut payload = Vec::new();
        if self.version >= VERSION_EXTENDED {
            payload.extend_from_slice(&u32::from(EXTENDED_HEADER).to_le_bytes());
            payload.extend_from_slice(&[0; 4]);
            payload.extend_from_slice(&luid.to_le_bytes());
        }
        payload.extend_from_slice(&body);
        let header = RecordHeader {
            packet_flags: FLAG_COMPLETION_REQUESTED,
            transaction,
            known: KnownFields(
                KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH,
            ),
            ..self.header(Direction::GuestToHost, channel, PACKET_INBAND)
        };
        self.push(header, payload);
        Ok(Asked {
            message,
            channel,
            transaction,
            body,
            pid: self.pid,
        })
    }

    /// The reply to a request.
    pub fn answer(&mut self, asked: &Asked, values: Values<'_>) -> Result<()> {
        let layout = asked.message.reply_at(self.version).context("no reply")?;
        let mut payload = match layout.echo {
            true => echo(layout, asked, values)?,
            false => body(layout, values, Some(asked))?,
        };
        payload.resize(payload.len().next_multiple_of(8), 0);
        self.reply(asked, payload);
        Ok(())
    }

    /// A reply of these bytes.
    pub fn reply(&mut self, asked: &Asked, payload: Vec<u8>) {
        let header = RecordHeader {
            transaction: asked.transaction,
            pid: asked.pid,
            tid: asked.pid,
            known: KnownFields(KnownFields::TASK | KnownFields::REQUESTER),
            ..self.header(Direction::HostToGuest, asked.channel, PACKET_COMPLETION)
        };
        self.push(header, payload);
    }

    /// A message of the host.
    pub fn tell(&mut self, name: &str, values: Values<'_>) -> Result<()> {
        let message = by_name(name).with_context(|| format!("no message {name}"))?;
        let mut payload = match &message.request {
            Some(layout) => body(layout, values, None)?,
            None => vec![0; 48],
        };
        let named = header(MessageSet::Host);
        for (name, value) in [("channel_type", 2), ("command", u64::from(message.id))] {
            put(
                &mut payload,
                0,
                named.field(name).context("no such header")?,
                value,
            );
        }
        let header = self.header(Direction::HostToGuest, GLOBAL, PACKET_INBAND);
        self.push(header, payload);
        Ok(())
    }

    /// Any packet.
    pub fn push(&mut self, header: RecordHeader, payload: Vec<u8>) {
        self.time += 100_000;
        let channel = match header.channel {
            GLOBAL => 0,
            VGPU0 => 1,
            VGPU1 => 2,
            _ => 3,
        };
        self.packets.push(Owned {
            time: self.time,
            channel,
            header: RecordHeader {
                payload_length: payload.len() as u32,
                ..header
            },
            payload,
        });
    }

    /// Packets are missing here.
    pub fn lose(&mut self, count: u64) {
        let header = RecordHeader {
            kind: RecordKind::Lost,
            ..self.header(Direction::HostToGuest, GLOBAL, 0)
        };
        let lost = LostPackets {
            ring_full: count,
            ..LostPackets::default()
        };
        self.push(header, lost.encode().to_vec());
    }

    /// The next request on a channel has this transaction id.
    pub fn next_transaction(&mut self, channel: u32, transaction: u64) {
        self.transactions.insert(channel, transaction - 1);
    }

    /// The latest packet, to be changed.
    pub fn last(&mut self) -> Result<&mut Owned> {
        self.packets.last_mut().context("no packet yet")
    }

    /// A header without what only some packets have.
    pub fn header(&self, direction: Direction, channel: u32, packet_type: u16) -> RecordHeader {
        let mut comm = [0; 16];
        comm[..3].copy_from_slice(b"app");
        RecordHeader {
            kind: RecordKind::Packet,
            direction,
            channel_kind: match channel {
                GLOBAL => ChannelKind::Global,
                DRIVER => ChannelKind::Unknown,
                _ => ChannelKind::Vgpu,
            },
            packet_type,
            packet_flags: 0,
            known: KnownFields(0),
            channel,
            transaction: 0,
            pid: self.pid,
            tid: self.pid,
            comm,
            return_value: 0,
            refused_attempts: 0,
            expected_reply_length: 0,
            interface_version: self.version,
            ioctl: 0,
            ioctl_result: 0,
            cpu: 0,
            payload_length: 0,
        }
    }
}

/// The reply that repeats its request.
fn echo(layout: &'static Layout, asked: &Asked, values: Values<'_>) -> Result<Vec<u8>> {
    let mut bytes = asked.body.clone();
    for (name, given) in values {
        let field = layout
            .field(name)
            .with_context(|| format!("no field {name}"))?;
        put(&mut bytes, 0, field, given.first().copied().unwrap_or(0));
    }
    Ok(bytes)
}

/// One part of a message.
fn body(layout: &'static Layout, values: Values<'_>, asked: Option<&Asked>) -> Result<Vec<u8>> {
    for (name, _) in values {
        let tail = |tail: &Tail| {
            *name == tail.name
                || name
                    .strip_prefix(tail.name)
                    .is_some_and(|end| end.starts_with('.'))
        };
        if layout.field(name).is_none() && !layout.tails.iter().any(tail) {
            bail!("no field or tail {name}");
        }
    }
    let mut bytes = vec![0; usize::from(layout.tails_at)];
    for field in layout.fields {
        if let FieldRule::Always(value) = field.rule {
            put(&mut bytes, 0, field, value);
        }
    }
    for tail in layout.tails {
        if let TailLength::Field(name) | TailLength::FieldOrOne(name) = tail.len
            && let Some(field) = layout.field(name)
            && let Some(count) = given_to(tail, values)
        {
            put(&mut bytes, 0, field, count as u64);
        }
    }
    for (name, given) in values {
        let Some(field) = layout.field(name) else {
            continue;
        };
        let mut one = *field;
        for value in *given {
            put(&mut bytes, 0, &one, *value);
            one.at += one.ty.size();
        }
        if let Some(used) = field.used.and_then(|used| layout.field(used))
            && !values.iter().any(|(name, _)| *name == used.name)
        {
            put(&mut bytes, 0, used, given.len() as u64);
        }
    }
    for tail in layout.tails {
        let count = match tail.len {
            TailLength::FieldIfRoom(_) => given_to(tail, values).unwrap_or(0),
            _ => count(layout, tail, &bytes, asked),
        };
        elements(&mut bytes, tail, count, values);
    }
    let end = (bytes.len() + usize::from(layout.slack)).max(usize::from(layout.min));
    let end = match layout.total {
        Some(total) => total as usize,
        None if layout.round8 => end.next_multiple_of(8),
        None => end,
    };
    bytes.resize(end, 0);
    Ok(bytes)
}

/// How many elements of a tail are given.
fn given_to(tail: &Tail, values: Values<'_>) -> Option<usize> {
    let mine = values.iter().filter(|(name, _)| {
        *name == tail.name
            || name
                .strip_prefix(tail.name)
                .is_some_and(|end| end.starts_with('.'))
    });
    mine.map(|(_, given)| given.len()).max()
}

fn count(layout: &Layout, tail: &Tail, bytes: &[u8], asked: Option<&Asked>) -> usize {
    let of = |layout: &Layout, bytes: &[u8], name: &str| {
        layout.field(name).map_or(0, |field| get(bytes, 0, field))
    };
    let request = |name: &str| match asked {
        Some(asked) => match &asked.message.request {
            Some(layout) => of(layout, &asked.body, name),
            None => 0,
        },
        None => 0,
    };
    let count = match tail.len {
        TailLength::Field(name) => of(layout, bytes, name),
        TailLength::FieldOrOne(name) => of(layout, bytes, name).max(1),
        TailLength::FieldIfRoom(_)
        | TailLength::SumOf(..)
        | TailLength::RequestSumOf(..)
        | TailLength::Fill => 0,
        TailLength::ResultArea {
            head,
            element,
            count,
        } => (u64::from(head) + u64::from(element) * of(layout, bytes, count).max(1))
            .next_multiple_of(8),
        TailLength::Request(name) => request(name),
        TailLength::RequestOrOne(name) => request(name).max(1),
        TailLength::RequestIf(name, flag) => match request(flag) {
            0 => 0,
            _ => request(name),
        },
    };
    count as usize
}

fn elements(bytes: &mut Vec<u8>, tail: &Tail, count: usize, values: Values<'_>) {
    let start = bytes.len();
    let size = usize::from(tail.element.size());
    bytes.resize(start + count * size, 0);
    for (name, given) in values {
        for (index, value) in given.iter().take(count).enumerate() {
            let at = start + index * size;
            match tail.element {
                TailElement::Value(ty) if *name == tail.name => {
                    let width = usize::from(ty.size());
                    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                }
                TailElement::Struct(structure) => {
                    let member = name.strip_prefix(tail.name);
                    let member = member.and_then(|rest| rest.strip_prefix('.'));
                    if let Some(field) = member.and_then(|member| {
                        structure.fields.iter().find(|field| field.name == member)
                    }) {
                        put(bytes, at, field, *value);
                    }
                }
                TailElement::Value(_) => {}
            }
        }
    }
}
