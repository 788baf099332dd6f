//! A packet in one line: what stands in the packet list, in text output and in
//! Wireshark's info column.

use std::fmt::{self, Display};

use super::{Decoded, Frame, Part, Spot, UNKNOWN, Value};
use crate::packet::Packet;
use crate::record::header::{Direction, Header, Kind, Known, Lost};
use crate::record::layout::IOCTL;
use crate::schema::{Set, Ty};
use crate::table::errno;
use crate::table::framing::PACKET_COMPLETION;

/// Fields shown at most.
const FIELDS: usize = 4;

/// What stands for the name of a packet that holds no message.
pub const NAMELESS: &str = "message";
/// The line of a reply whose request is not known.
pub const ORPHAN: &str = "reply to an unknown request";
/// What follows the name of a message that was refused.
pub const REFUSED: &str = " refused: not sent";
/// What follows the name of an ioctl whose end was not seen.
pub const UNSEEN: &str = ": its end was not seen";
/// What follows the number of lost packets.
pub const LOST: &str = " packets lost here";

impl Decoded<'_> {
    /// The message in one line: its name, of a reply its status, and the first
    /// fields that say something.
    pub fn summary(&self) -> impl Display {
        Line(self)
    }
}

/// Any record in one line; `decoded` is what was found in it.
pub fn summary<'a>(packet: &'a Packet<'a>, decoded: Option<&'a Decoded<'a>>) -> impl Display {
    Summary(packet, decoded)
}

struct Summary<'a>(&'a Packet<'a>, Option<&'a Decoded<'a>>);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(packet, decoded) = self;
        let header = packet.header;
        let completion = header.packet_type == PACKET_COMPLETION;
        match (header.kind, decoded) {
            (Kind::Lost, _) => {
                let lost = Lost::decode(packet.payload).unwrap_or_default();
                write!(f, "{}{LOST}", lost.total())
            }
            (Kind::Ioctl, _) => ioctl(f, header),
            (Kind::Refused, None) => write!(f, "{NAMELESS}{REFUSED}"),
            (Kind::Refused, Some(decoded)) => {
                name(f, decoded)?;
                f.write_str(REFUSED)
            }
            (Kind::Packet, Some(decoded)) => Line(decoded).fmt(f),
            (Kind::Packet, None) if completion && header.direction == Direction::HostToGuest => {
                f.write_str(ORPHAN)
            }
            (Kind::Packet, None) => {
                let (kind, length) = (header.packet_type, header.payload_length);
                write!(f, "not a message (packet type {kind}, {length} bytes)")
            }
        }
    }
}

/// An ioctl and what it returned.
fn ioctl(f: &mut fmt::Formatter<'_>, header: &Header) -> fmt::Result {
    match IOCTL.name_of(header.ioctl.into()) {
        Some(name) => f.write_str(name)?,
        None => write!(f, "ioctl {:#x}", header.ioctl)?,
    }
    if !header.known.has(Known::IOCTL_RESULT) {
        return f.write_str(UNSEEN);
    }
    write!(f, " = {}", header.ioctl_result)?;
    match errno::name(header.ioctl_result.wrapping_neg().cast_unsigned()) {
        Some(name) => write!(f, " ({name})"),
        None => Ok(()),
    }
}

struct Line<'a>(&'a Decoded<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = self.0;
        name(f, decoded)?;
        if decoded.part == Part::Reply {
            f.write_str(" reply")?;
        }
        if decoded.part == Part::Reply
            && let Some(status) = decoded.status()
        {
            write!(f, " {}", Value::Status(status))?;
        }
        let Some(body) = &decoded.body else {
            return Ok(());
        };
        let fields = body.layout.chosen(body.layout.telling);
        let fields = fields.filter(|field| body.applies(field));
        let spots = fields.map(|field| body.spot(field)).filter(tells);
        for spot in spots.take(FIELDS) {
            if let Some(value) = spot.value() {
                write!(f, " {}={value}", spot.field.name)?;
            }
        }
        Ok(())
    }
}

/// Whether a field says something in a line: a kind of something does even
/// where it is number 0.
fn tells(spot: &Spot<'_>) -> bool {
    let of_kind = matches!(spot.field.ty, Ty::Enum(_));
    spot.number().is_some_and(|value| value != 0 || of_kind)
}

/// Writes the message's name, or what stands for one.
fn name(f: &mut fmt::Formatter<'_>, decoded: &Decoded<'_>) -> fmt::Result {
    match (decoded.message, &decoded.frame) {
        (Some(message), _) => f.write_str(message.name),
        (None, Some(Frame { command, .. })) => {
            let set = decoded.frame.and_then(|frame| frame.set());
            let set = set.map_or("no", Set::name);
            write!(f, "unknown command {command} ({set} set)")
        }
        (None, None) => f.write_str(UNKNOWN),
    }
}
