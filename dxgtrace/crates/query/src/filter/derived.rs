//! Fields that are in no layout: those of the frame, and those that the
//! analysis derives.

use super::record::{FilterNeeds, FilterRecord};
use super::types::{ValueNames, ValueType};
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::{self, Direction, RecordHeader};
use dxgtrace_protocol::schema::MessageSet;
use dxgtrace_protocol::schema::values::{Enum, value};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};
use dxgtrace_session::check::Finding;

/// A field that is not part of a message.
#[derive(Debug)]
pub(super) struct DerivedField {
    /// Its full name.
    pub(super) name: &'static str,
    /// The type of its values.
    pub(super) ty: ValueType,
    /// Width of a value in bits.
    pub(super) width: u32,
    /// What reading it needs.
    pub(super) needs: FilterNeeds,
    /// How it is read.
    pub(super) get: FieldGetter,
    /// A sentence that describes it.
    pub(super) doc: &'static str,
}

/// How a field is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum FieldGetter {
    /// A number.
    Number(fn(&FilterRecord<'_>) -> Option<i128>),
    /// Text.
    Text(for<'a> fn(&FilterRecord<'a>) -> Option<&'a [u8]>),
    /// A number of each finding.
    Findings(fn(&Finding) -> i128),
}

const fn number(
    name: &'static str,
    ty: ValueType,
    width: u32,
    get: fn(&FilterRecord<'_>) -> Option<i128>,
    doc: &'static str,
) -> DerivedField {
    DerivedField {
        name,
        ty,
        width,
        needs: FilterNeeds::PACKET,
        get: FieldGetter::Number(get),
        doc,
    }
}

const fn text(
    name: &'static str,
    get: for<'a> fn(&FilterRecord<'a>) -> Option<&'a [u8]>,
    doc: &'static str,
) -> DerivedField {
    DerivedField {
        name,
        ty: ValueType::Text,
        width: 8,
        needs: FilterNeeds::PACKET,
        get: FieldGetter::Text(get),
        doc,
    }
}

const fn finding(
    name: &'static str,
    names: ValueNames,
    get: fn(&Finding) -> i128,
    doc: &'static str,
) -> DerivedField {
    DerivedField {
        name,
        ty: ValueType::Named(names),
        width: 8,
        needs: FilterNeeds::FINDINGS,
        get: FieldGetter::Findings(get),
        doc,
    }
}

impl DerivedField {
    const fn needs(mut self, needs: FilterNeeds) -> Self {
        self.needs = needs;
        self
    }
}

/// A member that is there of every record.
fn of(record: &FilterRecord<'_>, get: impl Fn(&RecordHeader) -> i128) -> Option<i128> {
    Some(get(record.packet.header))
}

const PART: ValueType = ValueType::Named(ValueNames::Words(&Enum {
    name: "PART",
    signed: false,
    values: &[
        value(MessagePart::Request as u32, MessagePart::Request.name()),
        value(MessagePart::Reply as u32, MessagePart::Reply.name()),
        value(MessagePart::Event as u32, MessagePart::Event.name()),
    ],
}));
const SET: ValueType = ValueType::Named(ValueNames::Words(&Enum {
    name: "SET",
    signed: false,
    values: &[
        value(MessageSet::Vgpu as u32, MessageSet::Vgpu.name()),
        value(MessageSet::Global as u32, MessageSet::Global.name()),
        value(MessageSet::Host as u32, MessageSet::Host.name()),
    ],
}));

/// Every field that is not part of a message.
pub(super) static DERIVED: &[DerivedField] = &[
    number(
        "frame.number",
        ValueType::Unsigned,
        64,
        |r| Some(i128::from(r.packet.number)),
        "Position of the record in the capture, counted from 1.",
    ),
    number(
        "frame.len",
        ValueType::Unsigned,
        64,
        |r| of(r, |h| i128::from(h.payload_length) + header::LENGTH as i128),
        "Length of the record before any cut, pseudo-header included.",
    ),
    number(
        "frame.cap_len",
        ValueType::Unsigned,
        64,
        |r| Some(r.packet.payload.len() as i128 + header::LENGTH as i128),
        "Length of the record as captured, pseudo-header included.",
    ),
    number(
        "frame.time_epoch",
        ValueType::Time,
        64,
        |r| Some(i128::from(r.packet.time)),
        "Seconds since 1970-01-01 UTC.",
    ),
    number(
        "frame.time_relative",
        ValueType::Duration,
        64,
        |r| Some(i128::from(r.packet.time) - i128::from(r.start)),
        "Time since the first packet of the capture.",
    ),
    number(
        "frame.interface_id",
        ValueType::Unsigned,
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
    number("dxg", ValueType::Label, 1, |_| Some(1), "Every record."),
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
    .needs(FilterNeeds::DECODE),
    number(
        "dxg.message",
        ValueType::Named(ValueNames::Message),
        16,
        |r| {
            r.decoded?
                .message
                .and_then(table::catalog_index)
                .map(|place| place as i128)
        },
        "Name of the message; absent if its number has none.",
    )
    .needs(FilterNeeds::DECODE),
    number(
        "dxg.request_in",
        ValueType::Unsigned,
        64,
        |r| r.exchange.request_in.map(i128::from),
        "Of a reply: number of the frame that asked.",
    )
    .needs(FilterNeeds::PAIRING),
    number(
        "dxg.reply_in",
        ValueType::Unsigned,
        64,
        |r| r.exchange.reply_in.map(i128::from),
        "Of a request: number of the frame that answered.",
    )
    .needs(FilterNeeds::REPLIES_AHEAD),
    number(
        "dxg.time",
        ValueType::Duration,
        64,
        |r| r.exchange.time.map(i128::from),
        "Of a reply: time since the request.",
    )
    .needs(FilterNeeds::PAIRING),
    finding(
        "dxg.finding",
        ValueNames::Code,
        |finding| finding.code() as i128,
        "Codes of what is wrong with the packet.",
    ),
    finding(
        "dxg.severity",
        ValueNames::Severity,
        |finding| finding.severity() as i128,
        "How bad the findings are.",
    ),
];

/// The part of a message that a packet carries, from its VMBus packet type. It
/// is known even for a reply whose request was not captured.
fn part(record: &FilterRecord<'_>) -> Option<MessagePart> {
    let header = record.packet.header;
    match (header.kind, header.packet_type, header.direction) {
        (kind, _, _) if !kind.has_message() => None,
        (_, PACKET_COMPLETION, Direction::HostToGuest) => Some(MessagePart::Reply),
        (_, PACKET_INBAND, Direction::GuestToHost) => Some(MessagePart::Request),
        (_, PACKET_INBAND, Direction::HostToGuest) => Some(MessagePart::Event),
        _ => None,
    }
}
