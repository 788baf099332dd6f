//! Conversations written down message by message: names and values in, packets
//! out. What is not given is zero, or what every driver sends.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use dxgtrace_protocol::encode::{self, EncodedMessage, MessageBuilder};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::{HeaderProcess, MessageSet};
use dxgtrace_protocol::table::by_name;
use dxgtrace_protocol::table::framing::{
    FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION, PACKET_INBAND, VERSION_EXTENDED,
};

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
    request: EncodedMessage,
    /// Where it was sent.
    pub channel: u32,
    /// Its transaction id.
    pub transaction: u64,
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
        let mut builder = given(encode::request_at(name, self.version), values);
        let message = by_name(name).with_context(|| format!("no message {name}"))?;
        if message.header_process != HeaderProcess::Nobody {
            builder = builder.process(self.process);
        }
        let (channel, luid) = match message.set {
            MessageSet::Global => (GLOBAL, 0),
            _ => (self.vgpu, self.luid),
        };
        let request = builder.vgpu_luid(luid).build()?;
        let transaction = self.transactions.entry(channel).or_insert(0);
        *transaction += 1;
        let transaction = *transaction;
        let header = RecordHeader {
            packet_flags: FLAG_COMPLETION_REQUESTED,
            transaction,
            known: KnownFields(
                KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH,
            ),
            ..self.header(Direction::GuestToHost, channel, PACKET_INBAND)
        };
        self.push(header, request.payload.clone());
        Ok(Asked {
            request,
            channel,
            transaction,
            pid: self.pid,
        })
    }

    /// The reply to a request.
    pub fn answer(&mut self, asked: &Asked, values: Values<'_>) -> Result<()> {
        let reply = given(asked.request.reply()?, values).build()?;
        self.reply(asked, reply.on_ring());
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
        let payload = given(encode::event(name), values).build()?.on_ring();
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

/// The builder with these values.
fn given(builder: MessageBuilder, values: Values<'_>) -> MessageBuilder {
    let each = values.iter();
    each.fold(builder, |builder, (name, numbers)| {
        builder.set(name, *numbers)
    })
}
