//! The fields that are not part of any message: of the recorder's
//! pseudo-header, of the frame, and of what this program found out.

use super::record::{Needs, Record};
use super::types::{Names, Type};
use crate::capture::header::{self, ChannelKind, Direction, Header, Kind, Known};
use crate::check::Finding;
use crate::decode::Part;
use crate::protocol;
use crate::protocol::framing::{PACKET_COMPLETION, PACKET_INBAND};
use crate::protocol::values::{Flags, bit};

/// A field that is not part of a message.
#[derive(Debug)]
pub(super) struct Own {
    /// Its whole name.
    pub(super) name: &'static str,
    /// What its values are.
    pub(super) ty: Type,
    /// Bits of a value.
    pub(super) width: u32,
    /// What must be known to read it.
    pub(super) needs: Needs,
    /// How it is read.
    pub(super) get: Get,
    /// What it is, in a sentence.
    pub(super) doc: &'static str,
}

/// How a field is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Get {
    /// A number.
    Number(fn(&Record<'_>) -> Option<i128>),
    /// Text.
    Text(for<'a> fn(&Record<'a>) -> Option<&'a [u8]>),
    /// Of each finding, a number.
    Findings(fn(&Finding) -> i128),
}

const fn number(
    name: &'static str,
    ty: Type,
    width: u32,
    get: fn(&Record<'_>) -> Option<i128>,
    doc: &'static str,
) -> Own {
    Own {
        name,
        ty,
        width,
        needs: Needs::PACKET,
        get: Get::Number(get),
        doc,
    }
}

const fn text(
    name: &'static str,
    get: for<'a> fn(&Record<'a>) -> Option<&'a [u8]>,
    doc: &'static str,
) -> Own {
    Own {
        name,
        ty: Type::Text,
        width: 8,
        needs: Needs::PACKET,
        get: Get::Text(get),
        doc,
    }
}

const fn finding(
    name: &'static str,
    names: Names,
    get: fn(&Finding) -> i128,
    doc: &'static str,
) -> Own {
    Own {
        name,
        ty: Type::Named(names),
        width: 8,
        needs: Needs::FINDINGS,
        get: Get::Findings(get),
        doc,
    }
}

impl Own {
    const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }
}

/// A member of the pseudo-header that is there only if its bit says so.
fn known(record: &Record<'_>, bit: u16, get: impl Fn(&Header) -> i128) -> Option<i128> {
    let header = &record.packet.header;
    header.known.has(bit).then(|| get(header))
}

/// A member that is there of every record.
fn of(record: &Record<'_>, get: impl Fn(&Header) -> i128) -> Option<i128> {
    Some(get(&record.packet.header))
}

const KIND: Type = Type::Named(Names::Words(&[
    (Kind::Packet as u32, "packet"),
    (Kind::Refused as u32, "refused"),
    (Kind::Lost as u32, "lost"),
]));
const DIRECTION: Type = Type::Named(Names::Words(&[
    (Direction::GuestToHost as u32, "guest_to_host"),
    (Direction::HostToGuest as u32, "host_to_guest"),
]));
const CHANNEL_KIND: Type = Type::Named(Names::Words(&[
    (ChannelKind::Unknown as u32, "unknown"),
    (ChannelKind::Global as u32, "global"),
    (ChannelKind::Vgpu as u32, "vgpu"),
]));
const PACKET_TYPE: Type = Type::Named(Names::Words(&[
    (PACKET_INBAND as u32, "inband"),
    (PACKET_COMPLETION as u32, "completion"),
]));
const PART: Type = Type::Named(Names::Words(&[
    (Part::Request as u32, Part::Request.name()),
    (Part::Reply as u32, Part::Reply.name()),
    (Part::Event as u32, Part::Event.name()),
]));
const SET: Type = Type::Named(Names::Words(&[
    (protocol::schema::Set::Vgpu as u32, "vgpu"),
    (protocol::schema::Set::Global as u32, "global"),
    (protocol::schema::Set::Host as u32, "host"),
]));

const PACKET_FLAGS: Flags = Flags {
    name: "PACKET_FLAGS",
    bits: &[bit(0, "completion_requested")],
};
const KNOWN: Flags = Flags {
    name: "KNOWN",
    bits: &[
        bit(0, "task"),
        bit(1, "requester"),
        bit(2, "return_value"),
        bit(3, "expected_reply"),
        bit(4, "ioctl"),
        bit(5, "exact_length"),
    ],
};

/// Every field that is not part of a message.
pub(super) static OWN: &[Own] = &[
    number(
        "frame.number",
        Type::Unsigned,
        64,
        |r| Some(i128::from(r.packet.number)),
        "Position of the record in the capture, counted from 1.",
    ),
    number(
        "frame.len",
        Type::Unsigned,
        64,
        |r| of(r, |h| i128::from(h.payload_length) + header::LENGTH as i128),
        "Length of the record before any cut, pseudo-header included.",
    ),
    number(
        "frame.cap_len",
        Type::Unsigned,
        64,
        |r| Some(r.packet.payload.len() as i128 + header::LENGTH as i128),
        "Length of the record as captured, pseudo-header included.",
    ),
    number(
        "frame.time_epoch",
        Type::Time,
        64,
        |r| Some(i128::from(r.packet.time)),
        "Seconds since 1970-01-01 UTC.",
    ),
    number(
        "frame.time_relative",
        Type::Duration,
        64,
        |r| Some(i128::from(r.packet.time) - i128::from(r.start)),
        "Time since the first packet of the capture.",
    ),
    number(
        "frame.interface_id",
        Type::Unsigned,
        32,
        |r| Some(i128::from(r.packet.interface)),
        "Number of the channel in the capture, counted from 0.",
    ),
    text(
        "frame.interface_name",
        |r| {
            let at = usize::try_from(r.packet.interface).ok()?;
            r.channels.get(at).map(|channel| channel.name.as_bytes())
        },
        "Short name of the channel: global, vgpu0, vgpu1 ...",
    ),
    number("dxg", Type::Label, 1, |_| Some(1), "Every record."),
    number(
        "dxg.kind",
        KIND,
        8,
        |r| of(r, |h| h.kind as i128),
        "What the record is: a packet, a refused send, or a loss.",
    ),
    number(
        "dxg.direction",
        DIRECTION,
        8,
        |r| of(r, |h| h.direction as i128),
        "Which way the packet went.",
    ),
    number(
        "dxg.channel_kind",
        CHANNEL_KIND,
        8,
        |r| of(r, |h| h.channel_kind as i128),
        "Which type of channel the packet used.",
    ),
    number(
        "dxg.channel",
        Type::Unsigned,
        32,
        |r| of(r, |h| i128::from(h.channel)),
        "VMBus channel number.",
    ),
    number(
        "dxg.packet_type",
        PACKET_TYPE,
        16,
        |r| of(r, |h| i128::from(h.packet_type)),
        "VMBus packet type: 6 in-band, 11 completion.",
    ),
    number(
        "dxg.packet_flags",
        Type::Flags(&PACKET_FLAGS),
        16,
        |r| of(r, |h| i128::from(h.packet_flags)),
        "VMBus packet flags.",
    ),
    number(
        "dxg.known",
        Type::Flags(&KNOWN),
        16,
        |r| of(r, |h| i128::from(h.known.0)),
        "Which members of the pseudo-header hold something.",
    ),
    number(
        "dxg.transaction",
        Type::Unsigned,
        64,
        |r| of(r, |h| i128::from(h.transaction)),
        "VMBus transaction id, 0 where none is used.",
    ),
    number(
        "dxg.pid",
        Type::Unsigned,
        32,
        |r| known(r, Known::TASK, |h| i128::from(h.pid)),
        "Process id of the task that sent the request.",
    ),
    number(
        "dxg.tid",
        Type::Unsigned,
        32,
        |r| known(r, Known::TASK, |h| i128::from(h.tid)),
        "Thread id of the task that sent the request.",
    ),
    text(
        "dxg.comm",
        |r| {
            let header = &r.packet.header;
            let end = header.comm.iter().position(|byte| *byte == 0);
            let end = end.unwrap_or(header.comm.len());
            header.known.has(Known::TASK).then_some(())?;
            r.packet.header.comm.get(..end)
        },
        "Name of the task that sent the request.",
    ),
    number(
        "dxg.cpu",
        Type::Unsigned,
        32,
        |r| known(r, Known::TASK, |h| i128::from(h.cpu)),
        "Processor on which the packet was seen.",
    ),
    number(
        "dxg.return_value",
        Type::Signed,
        32,
        |r| known(r, Known::RETURN_VALUE, |h| i128::from(h.return_value)),
        "What the send function returned: 0 or a negative errno.",
    ),
    number(
        "dxg.refused_attempts",
        Type::Unsigned,
        32,
        |r| of(r, |h| i128::from(h.refused_attempts)),
        "How many attempts to send were refused before this one.",
    ),
    number(
        "dxg.expected_reply_length",
        Type::Unsigned,
        32,
        |r| {
            known(r, Known::EXPECTED_REPLY, |h| {
                i128::from(h.expected_reply_length)
            })
        },
        "Bytes that the driver expects in the reply.",
    ),
    number(
        "dxg.interface_version",
        Type::Unsigned,
        32,
        |r| of(r, |h| i128::from(h.interface_version)).filter(|version| *version != 0),
        "Negotiated interface version.",
    ),
    number(
        "dxg.ioctl",
        Type::Named(Names::Ioctl),
        32,
        |r| known(r, Known::IOCTL, |h| i128::from(h.ioctl)),
        "ioctl request number during which the packet was sent.",
    ),
    number(
        "dxg.ioctl_result",
        Type::Signed,
        32,
        |r| known(r, Known::IOCTL, |h| i128::from(h.ioctl_result)),
        "What that ioctl returned to the application.",
    ),
    number(
        "dxg.payload_length",
        Type::Unsigned,
        32,
        |r| of(r, |h| i128::from(h.payload_length)),
        "Length of the message before any cut.",
    ),
    number(
        "dxg.lost.ring_full",
        Type::Unsigned,
        64,
        |r| lost(r, 0),
        "Packets lost here because the kernel's ring buffer was full.",
    ),
    number(
        "dxg.lost.missed_probes",
        Type::Unsigned,
        64,
        |r| lost(r, 1),
        "Packets lost here because the kernel did not run the probe.",
    ),
    number(
        "dxg.lost.user_queue",
        Type::Unsigned,
        64,
        |r| lost(r, 2),
        "Packets lost here between reader and consumer.",
    ),
    number(
        "dxg.lost.unreadable",
        Type::Unsigned,
        64,
        |r| lost(r, 3),
        "Packets lost here because their memory could not be read.",
    ),
    number(
        "dxg.part",
        PART,
        8,
        |r| part(r).map(|part| part as i128),
        "Which part of a message the packet carries.",
    ),
    number(
        "dxg.set",
        SET,
        8,
        |r| {
            let decoded = r.decoded?;
            let set = decoded.message.map(|message| message.set);
            set.or_else(|| decoded.frame.as_ref()?.set())
                .map(|set| set as i128)
        },
        "Which numbering the message belongs to.",
    )
    .needs(Needs::DECODE),
    number(
        "dxg.message",
        Type::Named(Names::Message),
        16,
        |r| {
            r.decoded?
                .message
                .and_then(protocol::place)
                .map(|place| place as i128)
        },
        "Name of the message; absent if its number has none.",
    )
    .needs(Needs::DECODE),
    number(
        "dxg.request_in",
        Type::Unsigned,
        64,
        |r| r.exchange.request_in.map(i128::from),
        "Of a reply: number of the frame that asked.",
    )
    .needs(Needs::PAIRING),
    number(
        "dxg.reply_in",
        Type::Unsigned,
        64,
        |r| r.exchange.reply_in.map(i128::from),
        "Of a request: number of the frame that answered.",
    )
    .needs(Needs::AHEAD),
    number(
        "dxg.time",
        Type::Duration,
        64,
        |r| r.exchange.time.map(i128::from),
        "Of a reply: time since the request.",
    )
    .needs(Needs::PAIRING),
    finding(
        "dxg.finding",
        Names::Code,
        |finding| finding.code as i128,
        "Codes of what is wrong with the packet.",
    ),
    finding(
        "dxg.severity",
        Names::Severity,
        |finding| finding.code.severity() as i128,
        "How bad the findings are.",
    ),
];

/// One of the counts of a loss.
fn lost(record: &Record<'_>, index: usize) -> Option<i128> {
    if record.packet.header.kind != Kind::Lost {
        return None;
    }
    let rest = record.packet.payload.get(8 * index..)?;
    let bytes = rest.first_chunk()?;
    Some(i128::from(u64::from_le_bytes(*bytes)))
}

/// Which part of a message a packet carries, as its VMBus packet type tells:
/// known even of a reply whose request was not captured.
fn part(record: &Record<'_>) -> Option<Part> {
    let header = &record.packet.header;
    match (header.kind, header.packet_type, header.direction) {
        (Kind::Lost, _, _) => None,
        (_, PACKET_COMPLETION, Direction::HostToGuest) => Some(Part::Reply),
        (_, PACKET_INBAND, Direction::GuestToHost) => Some(Part::Request),
        (_, PACKET_INBAND, Direction::HostToGuest) => Some(Part::Event),
        _ => None,
    }
}
