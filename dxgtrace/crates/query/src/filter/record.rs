//! The input of a filter.

use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::schema::{Layout, MAX_FORMS};
use dxgtrace_protocol::table;
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::Entry;

/// A packet and the results of its analysis. Parts that
/// [`Filter::needs`](super::Filter::needs) does not list may be left out.
#[derive(Debug, Clone, Copy)]
pub struct FilterRecord<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// Its message.
    pub decoded: Option<&'a Decoded<'a>>,
    /// Its findings.
    pub findings: &'a [Finding],
    /// The packet that it was paired with.
    pub exchange: Exchange,
    /// The capture's channels, by interface number.
    pub channels: &'a [Channel],
    /// Time of the capture's first packet, in nanoseconds since 1970.
    pub start: u64,
}

/// The other packet of an exchange, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Packet number of the request, if this is a reply.
    pub request_in: Option<u64>,
    /// Packet number of the reply, if this is a request.
    pub reply_in: Option<u64>,
    /// Nanoseconds since the request, if this is a reply.
    pub time: Option<u64>,
}

/// The parts of a [`FilterRecord`] that a filter uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilterNeeds {
    /// `decoded`.
    pub decode: bool,
    /// `findings`.
    pub findings: bool,
    /// `exchange`.
    pub pairing: bool,
    /// `exchange.reply_in`, which is known only after the reply was read: a
    /// file must be read twice, and a live capture cannot provide it.
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
    /// The packet and the message.
    pub const DECODE: Self = Self {
        decode: true,
        ..Self::PACKET
    };
    /// The packet, the message and the findings.
    pub const FINDINGS: Self = Self {
        findings: true,
        ..Self::PACKET
    };
    /// The packet and the exchange.
    pub const PAIRING: Self = Self {
        pairing: true,
        ..Self::PACKET
    };

    /// The packet and the reply to a request.
    pub const REPLIES_AHEAD: Self = Self {
        ahead: true,
        ..Self::PAIRING
    };

    /// The union of both.
    pub const fn union(self, other: Self) -> Self {
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
            .with_decoded(entry.analysis.decoded.as_ref())
            .with_findings(entry.findings)
            .with_exchange(Exchange {
                request_in: entry.request.map(|request| request.number),
                reply_in: entry.reply_in,
                time: entry.latency(),
            })
            .in_capture(entry.channels, entry.capture_start)
    }
}

impl<'a> FilterRecord<'a> {
    /// Creates a record of a packet without any results.
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

    /// Sets the message.
    pub fn with_decoded(mut self, decoded: Option<&'a Decoded<'a>>) -> Self {
        self.decoded = decoded;
        self
    }

    /// Sets the findings.
    pub fn with_findings(mut self, findings: &'a [Finding]) -> Self {
        self.findings = findings;
        self
    }

    /// Sets the exchange.
    pub fn with_exchange(mut self, exchange: Exchange) -> Self {
        self.exchange = exchange;
        self
    }

    /// Sets the capture's channels and start time.
    pub fn in_capture(mut self, channels: &'a [Channel], start: u64) -> Self {
        self.channels = channels;
        self.start = start;
        self
    }
}

/// Maximum number of shapes of a message: the forms of its request, then those
/// of its reply.
const SHAPES_PER_MESSAGE: usize = 2 * MAX_FORMS;
/// The number of possible shape numbers.
pub(super) const SHAPE_KEYS: usize = table::INDEX_SIZE * SHAPES_PER_MESSAGE;

/// The number of a shape of the message with index `place`.
pub(super) fn shape_key(place: usize, is_reply: bool, layout: &Layout) -> u16 {
    let shape = usize::from(is_reply) * MAX_FORMS + usize::from(layout.form_index);
    u16::try_from(place * SHAPES_PER_MESSAGE + shape).unwrap_or(u16::MAX)
}

/// The number of the shape of a decoded packet.
pub(super) fn shape_key_of(decoded: &Decoded<'_>) -> Option<u16> {
    let (message, body) = (decoded.message?, decoded.body.as_ref()?);
    let is_reply = decoded.part == MessagePart::Reply;
    Some(shape_key(
        table::catalog_index(message)?,
        is_reply,
        body.layout,
    ))
}
