//! Builds captures from the exchanges of a recording, in another order and with changed
//! replies.

use std::path::Path;

use anyhow::{Context, Result};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::table;
use dxgtrace_session::Session;

use crate::synthetic::{Owned, load};

/// A millisecond in nanoseconds.
pub const MS: u64 = 1_000_000;
/// Offset of a message's body: after extended header and command header.
pub const BODY: usize = 40;

/// The messages of a recording.
pub struct Source {
    channels: Vec<Channel>,
    start: Vec<Owned>,
    exchanges: Vec<(&'static str, Owned, Owned)>,
}

/// A request and its reply.
#[derive(Clone)]
pub struct Exchange {
    /// Its name.
    pub name: &'static str,
    /// From the guest.
    pub request: Owned,
    /// From the host.
    pub reply: Owned,
}

impl Source {
    /// Opens the recording of nearly every ioctl at interface version 40.
    pub fn open(samples: &Path) -> Result<Self> {
        const START: usize = 6;
        let (channels, packets) = load(&samples.join("v40-basic.pcapng"))?;
        let mut session = Session::new();
        let mut exchanges = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            let seen = session.analyze(&packet.packet(index as u64 + 1), &mut |_| ());
            if let (Some(decoded), Some(request)) = (seen.decoded, session.answered_request())
                && decoded.part == MessagePart::Reply
            {
                let request = packets[request.number as usize - 1].clone();
                exchanges.push((decoded.name(), request, packet.clone()));
            }
        }
        Ok(Self {
            channels,
            start: packets.into_iter().take(START).collect(),
            exchanges,
        })
    }

    /// The exchange of the message `name` with the index `nth`.
    pub fn exchange(&self, name: &'static str, nth: usize) -> Result<Exchange> {
        let mut of_name = self.exchanges.iter().filter(|(own, _, _)| *own == name);
        let (name, request, reply) = of_name
            .nth(nth)
            .with_context(|| format!("the recording has no {name} number {nth}"))?;
        Ok(Exchange {
            name,
            request: request.clone(),
            reply: reply.clone(),
        })
    }

    /// A capture that begins with the driver's start.
    pub fn story(&self) -> Story {
        Story {
            channels: self.channels.clone(),
            packets: self.start.clone(),
            time: self.start.last().map_or(0, |packet| packet.time),
        }
    }
}

impl Exchange {
    /// Changes the status of the reply.
    pub fn status(mut self, status: u32) -> Result<Self> {
        let layout = table::by_name(self.name).and_then(|message| message.reply_at(40));
        let at = layout.and_then(|layout| layout.status);
        let at = usize::from(at.with_context(|| format!("{} has no status", self.name))?);
        self.reply.payload[at..at + 4].copy_from_slice(&status.to_le_bytes());
        Ok(self)
    }

    /// Replaces the handle in the reply's field `name` by 0.
    pub fn no_handle(mut self, name: &str) -> Result<Self> {
        let layout = table::by_name(self.name).and_then(|message| message.reply_at(40));
        let field = layout.and_then(|layout| layout.field(name));
        let at = usize::from(field.with_context(|| format!("no field {name}"))?.at);
        self.reply.payload[at..at + 4].fill(0);
        Ok(self)
    }

    /// Cuts the reply to `length` bytes.
    pub fn short(mut self, length: usize) -> Self {
        self.reply.payload.truncate(length);
        self.reply.header.payload_length = length as u32;
        self
    }
}

/// A capture under construction.
#[derive(Clone)]
pub struct Story {
    /// The channels.
    pub channels: Vec<Channel>,
    /// The packets so far.
    pub packets: Vec<Owned>,
    time: u64,
}

impl Story {
    /// Advances the time.
    pub fn wait(mut self, nanoseconds: u64) -> Self {
        self.time += nanoseconds;
        self
    }

    /// Adds an exchange.
    pub fn then(self, exchange: Exchange) -> Self {
        let id = self.next_id(&exchange.request);
        self.packet(exchange.request, id).packet(exchange.reply, id)
    }

    /// Adds a request without a reply. Returns its transaction id as well.
    pub fn asked(self, exchange: &Exchange) -> (Self, u64) {
        let id = self.next_id(&exchange.request);
        (self.packet(exchange.request.clone(), id), id)
    }

    /// Adds a packet, one millisecond after the previous one.
    pub fn packet(mut self, mut packet: Owned, id: u64) -> Self {
        self.time += MS;
        packet.time = self.time;
        packet.header.transaction = id;
        self.packets.push(packet);
        self
    }

    /// The next transaction id on the channel of a packet.
    fn next_id(&self, packet: &Owned) -> u64 {
        let same = self.packets.iter().filter(|other| {
            other.header.channel == packet.header.channel
                && other.header.kind == RecordKind::Packet
                && other.header.direction == Direction::GuestToHost
        });
        same.map(|other| other.header.transaction)
            .max()
            .unwrap_or(0)
            + 1
    }

    /// The capture file.
    pub fn file(&self) -> Result<Vec<u8>> {
        let about = CaptureOrigin {
            hardware: "x86_64 (QEMU, emulated VMBus and host)".to_owned(),
            os: "Debian, Linux 6.1.0-54-amd64".to_owned(),
            application: "dxgtrace make-samples (synthetic)".to_owned(),
        };
        let mut output = Vec::new();
        let mut writer = Writer::new(&mut output, &about, FlushPolicy::EveryRecord)?;
        for (index, packet) in self.packets.iter().enumerate() {
            writer.write(&packet.packet(index as u64 + 1), &self.channels, &[])?;
        }
        writer.finish()?;
        Ok(output)
    }
}
