//! A packet in one line: what the Wireshark column and the text output show.

use std::fmt::{self, Display};

use super::{Decoded, Frame, Part, Value};
use crate::capture::header::{Direction, Kind, Lost};
use crate::packet::Packet;
use crate::protocol::framing::PACKET_COMPLETION;
use crate::protocol::schema::{Field, Rule, Ty};

/// Most fields that a line names.
const SHOWN_FIELDS: usize = 4;

/// The line of a packet in which no message was found.
pub(crate) const NO_MESSAGE: &str = "no message";
/// The line of a reply whose request is not known.
pub(crate) const ORPHAN: &str = "reply to an unknown request";
/// What follows the name of a message that was refused.
pub(crate) const REFUSED: &str = " refused: not sent";
/// What follows the number of lost packets.
pub(crate) const LOST: &str = " packets lost here";

/// Whether a line may name this field: one number that somebody chose.
pub fn is_brief(field: &Field) -> bool {
    let chosen = matches!(
        field.rule,
        Rule::Any | Rule::Range(..) | Rule::Echoes { .. }
    );
    let opaque = matches!(field.ty, Ty::Pointer | Ty::Byte | Ty::Utf16 | Ty::NtStatus);
    chosen && !opaque && field.count == 1
}

impl<'a> Decoded<'a> {
    /// The message in one line: its name, of a reply its status, and the first
    /// fields that say something.
    pub fn summary(&self) -> impl Display + use<'a> {
        Line(*self)
    }
}

/// The line of any record; `decoded` is what was found in it.
pub fn summary<'a>(packet: &Packet<'_>, decoded: Option<&Decoded<'a>>) -> impl Display + use<'a> {
    let completion = packet.header.packet_type == PACKET_COMPLETION
        && packet.header.direction == Direction::HostToGuest;
    match (packet.header.kind, decoded) {
        (Kind::Lost, _) => {
            Summary::Lost(Lost::decode(packet.payload).map_or(0, |lost| lost.total()))
        }
        (Kind::Refused, Some(decoded)) => Summary::Refused(*decoded),
        (_, Some(decoded)) => Summary::Message(*decoded),
        (_, None) if completion => Summary::Text(ORPHAN),
        (_, None) => Summary::Text(NO_MESSAGE),
    }
}

enum Summary<'a> {
    Lost(u64),
    Refused(Decoded<'a>),
    Message(Decoded<'a>),
    Text(&'static str),
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(count) => write!(f, "{count}{LOST}"),
            Self::Refused(decoded) => {
                name(f, decoded)?;
                f.write_str(REFUSED)
            }
            Self::Message(decoded) => Line(*decoded).fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

struct Line<'a>(Decoded<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = &self.0;
        name(f, decoded)?;
        if decoded.part == Part::Reply {
            f.write_str(" reply")?;
            if let Some(status) = decoded.status() {
                write!(f, " {}", Value::Status(status))?;
            }
        }
        let Some(body) = &decoded.body else {
            return Ok(());
        };
        body.fields()
            .filter(|spot| is_brief(spot.field) && spot.number().is_some_and(|value| value != 0))
            .filter_map(|spot| Some((spot.field.name, spot.value()?)))
            .take(SHOWN_FIELDS)
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// Writes the message's name, or what stands for one.
fn name(f: &mut fmt::Formatter<'_>, decoded: &Decoded<'_>) -> fmt::Result {
    match (decoded.message, &decoded.frame) {
        (Some(message), _) => f.write_str(message.name),
        (None, Some(frame)) => unknown(f, frame),
        (None, None) => f.write_str(decoded.name()),
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, frame: &Frame) -> fmt::Result {
    write!(f, "unknown command {} (", frame.command)?;
    match frame.set() {
        Some(set) => f.write_str(set.name())?,
        None => write!(f, "channel type {}", frame.channel_word & 0xFF)?,
    }
    f.write_str(")")
}
