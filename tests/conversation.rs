//! Builds captures message by message from the names and values of fields. Fields that
//! are not given are zero, or hold what every driver sends.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use dxgtrace_protocol::encode::{self, EncodedMessage, MessageBuilder};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelEvent, ChannelKind, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::{HeaderProcess, MessageSet};
use dxgtrace_protocol::table::by_name;
use dxgtrace_protocol::table::framing::{
    FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION, PACKET_INBAND, VERSION_EXTENDED,
};

use crate::synthetic::Owned;

/// Names of fields with their values: one, or those of an array. A tail's name sets its
/// elements, `tail.member` a member of each element.
pub type Values<'a> = &'a [(&'a str, &'a [u64])];

/// The global channel's number.
pub const GLOBAL: u32 = 20;
/// The number of the first virtual GPU's channel.
pub const VGPU0: u32 = 21;
/// The number of the second virtual GPU's channel.
pub const VGPU1: u32 = 22;
/// The channel that stands for the driver itself.
pub const DRIVER: u32 = 0;

/// A request that was sent.
#[derive(Debug, Clone)]
pub struct SentRequest {
    request: EncodedMessage,
    /// The channel that it was sent on.
    pub channel: u32,
    /// Its transaction id.
    pub transaction: u64,
    pid: u32,
}

/// A capture under construction.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The packets so far.
    pub packets: Vec<Owned>,
    /// The interface version, which decides whether there is an extended header.
    pub version: u32,
    /// The host's handle of the requesting process.
    pub process: u32,
    /// Process and thread id of the requests.
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
    /// An empty capture.
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

    /// Adds the messages of the driver's start.
    pub fn start_driver(&mut self) -> Result<()> {
        self.process = 0;
        self.add_exchange("set_io_space_region", &[("length", &[1 << 26])], &[])?;
        self.open_adapter()
    }

    /// Adds the messages that open the virtual GPU.
    pub fn open_adapter(&mut self) -> Result<()> {
        let process = std::mem::take(&mut self.process);
        let version = u64::from(self.version);
        self.add_exchange(
            "open_adapter",
            &[("vmbus_interface_version", &[version])],
            &[
                ("host_adapter_handle", &[u64::from(self.vgpu) << 6]),
                ("vmbus_interface_version", &[version]),
                ("vmbus_last_compatible_interface_version", &[16]),
            ],
        )?;
        let luid = [self.luid];
        let reply_values: Values<'_> = match self.version >= VERSION_EXTENDED {
            true => &[("host_vgpu_luid", &luid)],
            false => &[],
        };
        self.add_exchange("get_internal_adapter_info", &[], reply_values)?;
        self.process = process;
        Ok(())
    }

    /// Adds the creation of a process, which sends the requests from now on.
    pub fn create_process(&mut self, handle: u32, pid: u32) -> Result<()> {
        (self.process, self.pid) = (0, pid);
        let asked = [("process_id", &[u64::from(pid)][..])];
        self.add_exchange(
            "create_process",
            &asked,
            &[("hprocess", &[u64::from(handle)])],
        )?;
        self.process = handle;
        Ok(())
    }

    /// Adds the creation of a device.
    pub fn create_device(&mut self, handle: u64) -> Result<()> {
        let cookie = [("error_code", &[0xffff_8000_1234_5678][..])];
        self.add_exchange("create_device", &cookie, &[("device", &[handle])])
    }

    /// Adds the creation of allocations on a device.
    pub fn create_allocations(&mut self, device: u64, handles: &[u64]) -> Result<()> {
        let flags = vec![0; handles.len()];
        let sizes = vec![4096; handles.len()];
        self.add_exchange(
            "create_allocation",
            &[("device", &[device]), ("alloc_info.flags", &flags)],
            &[
                ("allocation_info.allocation", handles),
                ("allocation_info.allocation_size", &sizes),
            ],
        )
    }

    /// Adds a request and its reply.
    pub fn add_exchange(
        &mut self,
        name: &str,
        request_values: Values<'_>,
        reply_values: Values<'_>,
    ) -> Result<()> {
        let asked = self.add_request(name, request_values)?;
        self.add_reply(&asked, reply_values)
    }

    /// Adds a request.
    pub fn add_request(&mut self, name: &str, values: Values<'_>) -> Result<SentRequest> {
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
        Ok(SentRequest {
            request,
            channel,
            transaction,
            pid: self.pid,
        })
    }

    /// Adds the reply to a request.
    pub fn add_reply(&mut self, asked: &SentRequest, values: Values<'_>) -> Result<()> {
        let reply = given(asked.request.reply()?, values).build()?;
        self.add_raw_reply(asked, reply.on_ring());
        Ok(())
    }

    /// Adds a reply with this payload.
    pub fn add_raw_reply(&mut self, asked: &SentRequest, payload: Vec<u8>) {
        let header = RecordHeader {
            transaction: asked.transaction,
            pid: asked.pid,
            tid: asked.pid,
            known: KnownFields(KnownFields::TASK | KnownFields::REQUESTER),
            ..self.header(Direction::HostToGuest, asked.channel, PACKET_COMPLETION)
        };
        self.push(header, payload);
    }

    /// Adds a message of the host.
    pub fn add_host_message(&mut self, name: &str, values: Values<'_>) -> Result<()> {
        let payload = given(encode::event(name), values).build()?.on_ring();
        let header = self.header(Direction::HostToGuest, GLOBAL, PACKET_INBAND);
        self.push(header, payload);
        Ok(())
    }

    /// Adds a packet.
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

    /// Adds a record of what happens to a channel; opening it returns `value`.
    pub fn add_channel_event(&mut self, channel: u32, event: ChannelEvent, value: i32) {
        let (direction, known) = match event {
            ChannelEvent::Offer | ChannelEvent::Rescind => (Direction::HostToGuest, 0),
            ChannelEvent::Open => (Direction::GuestToHost, KnownFields::RETURN_VALUE),
            ChannelEvent::Close => (Direction::GuestToHost, 0),
        };
        let mut comm = [0; 16];
        comm[..11].copy_from_slice(b"kworker/0:1");
        let header = RecordHeader {
            kind: RecordKind::Channel,
            known: KnownFields(KnownFields::TASK | known),
            pid: 25,
            tid: 25,
            comm,
            return_value: value,
            ..self.header(direction, channel, 0)
        };
        self.push(header, event.encode().to_vec());
        if event == ChannelEvent::Close {
            self.transactions.remove(&channel);
        }
    }

    /// Adds a record of `count` lost packets.
    pub fn add_loss(&mut self, count: u64) {
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

    /// Sets the transaction id of the next request on a channel.
    pub fn next_transaction(&mut self, channel: u32, transaction: u64) {
        self.transactions.insert(channel, transaction - 1);
    }

    /// The latest packet, to be changed.
    pub fn last(&mut self) -> Result<&mut Owned> {
        self.packets.last_mut().context("no packet yet")
    }

    /// A header with the fields that all packets have.
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

/// Sets `values` in `builder`.
fn given(builder: MessageBuilder, values: Values<'_>) -> MessageBuilder {
    let each = values.iter();
    each.fold(builder, |builder, (name, numbers)| {
        builder.set(name, *numbers)
    })
}
