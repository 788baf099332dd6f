//! The fields that stand in no layout: of the frame, and of what this program
//! found out.

use super::record::{Needs, Record};
use super::types::{Names, Type};
use dxgtrace_protocol::decode::Part;
use dxgtrace_protocol::record::header::{self, Direction, Header, Kind};
use dxgtrace_protocol::schema::Set;
use dxgtrace_protocol::schema::values::{Enum, value};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};
use dxgtrace_session::check::Finding;

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

/// A member that is there of every record.
fn of(record: &Record<'_>, get: impl Fn(&Header) -> i128) -> Option<i128> {
    Some(get(record.packet.header))
}

const PART: Type = Type::Named(Names::Words(&Enum {
    name: "PART",
    signed: false,
    values: &[
        value(Part::Request as u32, Part::Request.name()),
        value(Part::Reply as u32, Part::Reply.name()),
        value(Part::Event as u32, Part::Event.name()),
    ],
}));
const SET: Type = Type::Named(Names::Words(&Enum {
    name: "SET",
    signed: false,
    values: &[
        value(Set::Vgpu as u32, Set::Vgpu.name()),
        value(Set::Global as u32, Set::Global.name()),
        value(Set::Host as u32, Set::Host.name()),
    ],
}));

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
                .and_then(table::place)
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

/// Which part of a message a packet carries, as its VMBus packet type tells:
/// known even of a reply whose request was not captured.
fn part(record: &Record<'_>) -> Option<Part> {
    let header = record.packet.header;
    match (header.kind, header.packet_type, header.direction) {
        (Kind::Lost | Kind::Ioctl, _, _) => None,
        (_, PACKET_COMPLETION, Direction::HostToGuest) => Some(Part::Reply),
        (_, PACKET_INBAND, Direction::GuestToHost) => Some(Part::Request),
        (_, PACKET_INBAND, Direction::HostToGuest) => Some(Part::Event),
        _ => None,
    }
}
