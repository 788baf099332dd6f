//! What a filter looks at.

use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::schema::{Layout, MAX_FORMS};
use dxgtrace_protocol::table;
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::Entry;

/// A packet with all that is known about it. What a filter does not need may
/// be left out: [`Filter::needs`](super::Filter::needs) tells.
#[derive(Debug, Clone, Copy)]
pub struct FilterRecord<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// Its message.
    pub decoded: Option<&'a Decoded<'a>>,
    /// What is wrong with it.
    pub findings: &'a [Finding],
    /// What it was paired with.
    pub exchange: Exchange,
    /// The capture's channels, by interface number.
    pub channels: &'a [Channel],
    /// Time of the capture's first packet, in nanoseconds since 1970.
    pub start: u64,
}

/// The other end of an exchange, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Of a reply: number of the packet that asked.
    pub request_in: Option<u64>,
    /// Of a request: number of the packet that answered.
    pub reply_in: Option<u64>,
    /// Of a reply: nanoseconds since the request.
    pub time: Option<u64>,
}

/// Which parts of a [`FilterRecord`] are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilterNeeds {
    /// `decoded`.
    pub decode: bool,
    /// `findings`.
    pub findings: bool,
    /// `exchange`.
    pub pairing: bool,
    /// `exchange.reply_in`, which is not known before the reply was read: a
    /// file has to be read twice, a live capture never knows in time.
    pub ahead: bool,
}

impl FilterNeeds {
    /// Nothing but the packet, the channels and the start.
    pub const PACKET: Self = Self {
        decode: false,
        findings: false,
        pairing: false,
        ahead: false,
    };
    /// The message too.
    pub const DECODE: Self = Self {
        decode: true,
        ..Self::PACKET
    };
    /// The findings too.
    pub const FINDINGS: Self = Self {
        findings: true,
        ..Self::PACKET
    };
    /// The other end of the exchange too.
    pub const PAIRING: Self = Self {
        pairing: true,
        ..Self::PACKET
    };

    /// The reply of a request too.
    pub const AHEAD: Self = Self {
        ahead: true,
        ..Self::PAIRING
    };

    /// What either needs.
    pub const fn and(self, other: Self) -> Self {
        Self {
            decode: self.decode || other.decode,
            findings: self.findings || other.findings,
            pairing: self.pairing || other.pairing,
            ahead: self.ahead || other.ahead,
        }
    }
}

impl<'a> From<&Entry<'a>> for FilterRecord<'a> {
    fn from(entry: &Entry<'a>) -> Self {
        Self::new(entry.packet)
            .decoded(entry.analysis.decoded.as_ref())
            .findings(entry.findings)
            .exchange(Exchange {
                request_in: entry.request.map(|request| request.number),
                reply_in: entry.reply_in,
                time: entry.latency(),
            })
            .within(entry.channels, entry.capture_start)
    }
}

impl<'a> FilterRecord<'a> {
    /// A packet about which nothing else is known.
    pub fn new(packet: &'a Packet<'a>) -> Self {
        Self {
            packet,
            decoded: None,
            findings: &[],
            exchange: Exchange::default(),
            channels: &[],
            start: packet.time,
        }
    }

    /// The same with its message.
    pub fn decoded(mut self, decoded: Option<&'a Decoded<'a>>) -> Self {
        self.decoded = decoded;
        self
    }

    /// The same with findings.
    pub fn findings(mut self, findings: &'a [Finding]) -> Self {
        self.findings = findings;
        self
    }

    /// The same with the other end of its exchange.
    pub fn exchange(mut self, exchange: Exchange) -> Self {
        self.exchange = exchange;
        self
    }

    /// The same as part of a capture.
    pub fn within(mut self, channels: &'a [Channel], start: u64) -> Self {
        self.channels = channels;
        self.start = start;
        self
    }
}

/// How many shapes a message may have: the forms of its request, then of its reply.
const SHAPES: usize = 2 * MAX_FORMS;
/// How many numbers [`shape`] can give.
pub(super) const KEYS: usize = table::INDEX_SIZE * SHAPES;

/// The number of a shape of the message at a place.
pub(super) fn key(place: usize, is_reply: bool, layout: &Layout) -> u16 {
    let shape = usize::from(is_reply) * MAX_FORMS + usize::from(layout.form_index);
    u16::try_from(place * SHAPES + shape).unwrap_or(u16::MAX)
}

/// Which shape of which message a decoded packet has.
pub(super) fn shape(decoded: &Decoded<'_>) -> Option<u16> {
    let (message, body) = (decoded.message?, decoded.body.as_ref()?);
    let is_reply = decoded.part == MessagePart::Reply;
    Some(key(table::catalog_index(message)?, is_reply, body.layout))
}
