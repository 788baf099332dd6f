//! The one-line summary of a packet, for the packet list, text output and Wireshark's
//! info column.

use std::fmt::{self, Display};

use super::{Decoded, FieldRef, Frame, MessagePart, UNKNOWN, Value};
use crate::packet::Packet;
use crate::record::IOCTL;
use crate::record::header::{
    ChannelEvent, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use crate::schema::{FieldType, MessageSet};
use crate::table::errno;
use crate::table::framing::PACKET_COMPLETION;

/// Maximum number of fields in a summary.
const SHOWN_FIELDS: usize = 4;

/// The name of a refused send that could not be decoded.
pub const UNNAMED_MESSAGE: &str = "message";
/// The summary of a reply whose request is not known.
pub const ORPHAN_REPLY: &str = "reply to an unknown request";
/// The text after the name of a refused message.
pub const REFUSED_SUFFIX: &str = " refused: not sent";
/// The text after the name of an ioctl whose end was not captured.
pub const NO_END_SUFFIX: &str = ": its end was not seen";
/// The text after the number of lost packets.
pub const LOST_SUFFIX: &str = " packets lost here";
/// The text before the name of a channel event.
pub const CHANNEL_PREFIX: &str = "channel ";
/// The summary of a channel event of a later version.
pub const UNKNOWN_CHANNEL_EVENT: &str = "channel: an unknown event";

impl Decoded<'_> {
    /// The summary of the message: name, status of a reply, and the first fields worth
    /// showing.
    pub fn summary(&self) -> impl Display {
        SummaryLine(self)
    }
}

/// The summary of a record of any kind. `decoded` is the message in it.
pub fn summary<'a>(packet: &'a Packet<'a>, decoded: Option<&'a Decoded<'a>>) -> impl Display {
    MessageSummary(packet, decoded)
}

struct MessageSummary<'a>(&'a Packet<'a>, Option<&'a Decoded<'a>>);

impl Display for MessageSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(packet, decoded) = self;
        let header = packet.header;
        let completion = header.packet_type == PACKET_COMPLETION;
        match (header.kind, decoded) {
            (RecordKind::Lost, _) => {
                let lost = LostPackets::decode(packet.payload).unwrap_or_default();
                write!(f, "{}{LOST_SUFFIX}", lost.total())
            }
            (RecordKind::Ioctl, _) => ioctl(f, header),
            (RecordKind::Channel, _) => channel(f, header, packet.payload),
            (RecordKind::Refused, None) => write!(f, "{UNNAMED_MESSAGE}{REFUSED_SUFFIX}"),
            (RecordKind::Refused, Some(decoded)) => {
                name(f, decoded)?;
                f.write_str(REFUSED_SUFFIX)
            }
            (RecordKind::Packet, Some(decoded)) => SummaryLine(decoded).fmt(f),
            (RecordKind::Packet, None)
                if completion && header.direction == Direction::HostToGuest =>
            {
                f.write_str(ORPHAN_REPLY)
            }
            (RecordKind::Packet, None) => {
                let (kind, length) = (header.packet_type, header.payload_length);
                write!(f, "not a message (packet type {kind}, {length} bytes)")
            }
        }
    }
}

/// Writes the name and the result of an ioctl.
fn ioctl(f: &mut fmt::Formatter<'_>, header: &RecordHeader) -> fmt::Result {
    match IOCTL.name_of(header.ioctl.into()) {
        Some(name) => f.write_str(name)?,
        None => write!(f, "ioctl {:#x}", header.ioctl)?,
    }
    if !header.known.has(KnownFields::IOCTL_RESULT) {
        return f.write_str(NO_END_SUFFIX);
    }
    result(f, header.ioctl_result)
}

/// What a function returned, with the name of the error.
fn result(f: &mut fmt::Formatter<'_>, value: i32) -> fmt::Result {
    write!(f, " = {value}")?;
    match errno::name(value.wrapping_neg().cast_unsigned()) {
        Some(name) => write!(f, " ({name})"),
        None => Ok(()),
    }
}

/// What happened to a channel, and how that failed.
fn channel(f: &mut fmt::Formatter<'_>, header: &RecordHeader, payload: &[u8]) -> fmt::Result {
    let Some(event) = ChannelEvent::decode(payload) else {
        return f.write_str(UNKNOWN_CHANNEL_EVENT);
    };
    write!(f, "{CHANNEL_PREFIX}{}", event.name())?;
    match header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0 {
        true => result(f, header.return_value),
        false => Ok(()),
    }
}

struct SummaryLine<'a>(&'a Decoded<'a>);

impl Display for SummaryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = self.0;
        name(f, decoded)?;
        if decoded.part == MessagePart::Reply {
            f.write_str(" reply")?;
        }
        if decoded.part == MessagePart::Reply
            && let Some(status) = decoded.status()
        {
            write!(f, " {}", Value::Status(status))?;
        }
        let Some(body) = &decoded.body else {
            return Ok(());
        };
        let fields = body.layout.fields_in(body.layout.in_summary);
        let fields = fields.filter(|field| body.applies(field));
        let spots = fields
            .map(|field| body.field_ref(field))
            .filter(is_worth_showing);
        for spot in spots.take(SHOWN_FIELDS) {
            if let Some(value) = spot.value() {
                write!(f, " {}={value}", spot.field.name)?;
            }
        }
        Ok(())
    }
}

/// Whether a field is worth showing: its value is not 0, or it is an enumeration.
fn is_worth_showing(spot: &FieldRef<'_>) -> bool {
    let of_kind = matches!(spot.field.ty, FieldType::Enum(_));
    spot.number().is_some_and(|value| value != 0 || of_kind)
}

/// Writes the name of the message, or its number if it has none.
fn name(f: &mut fmt::Formatter<'_>, decoded: &Decoded<'_>) -> fmt::Result {
    match (decoded.message, &decoded.frame) {
        (Some(message), _) => f.write_str(message.name),
        (None, Some(Frame { command, .. })) => {
            let set = decoded.frame.and_then(|frame| frame.set());
            let set = set.map_or("no", MessageSet::name);
            write!(f, "unknown command {command} ({set} set)")
        }
        (None, None) => f.write_str(UNKNOWN),
    }
}
