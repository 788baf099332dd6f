//! Does a message obey the protocol? Rules that know no message: they walk
//! the description and compare it with the bytes.
//!
//! A finding holds numbers, not text, and is made without allocation; its
//! sentence is composed when somebody reads it.

mod codes;
mod framing;
mod sizes;
mod values;

pub use codes::{Code, CodeDescription, Layer, Severity};
pub use values::{limits, padding_code};

use std::fmt::{self, Display};

use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest, Value};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::table::errno;
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};

/// Something about a packet that is worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// Which layer it speaks of: the code's, unless the other side sent it.
    pub layer: Layer,
    /// The field, tail or message that it is about.
    pub part: &'static str,
    /// Which element of an array, counted from 0.
    pub index: Option<u32>,
    /// Offset in the payload.
    pub at: u32,
    /// First number of the sentence.
    pub a: u64,
    /// Second number of the sentence.
    pub b: u64,
}

impl Finding {
    /// A finding about a whole packet.
    pub const fn new(code: Code, part: &'static str, a: u64, b: u64) -> Self {
        Self {
            code,
            layer: code.description().layer,
            part,
            index: None,
            at: 0,
            a,
            b,
        }
    }

    /// The finding as a comment on its packet: severity, code and sentence.
    pub fn comment(&self) -> String {
        let description = self.code.description();
        let (severity, word) = (description.severity.name(), description.word);
        format!("{severity} {word}: {self}")
    }

    /// The same about a packet of the host: what speaks of its sender, who in
    /// most messages is the guest, speaks of the host.
    fn of_host(mut self) -> Self {
        if matches!(self.layer, Layer::Guest | Layer::Library) {
            self.layer = Layer::Host;
        }
        self
    }

    /// The same at an offset in the payload.
    pub(crate) fn at(mut self, at: usize) -> Self {
        self.at = u32::try_from(at).unwrap_or(u32::MAX);
        self
    }

    /// The same in element `index`.
    pub(crate) fn element(mut self, index: Option<usize>) -> Self {
        self.index = index.and_then(|index| u32::try_from(index).ok());
        self
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.code.description().what;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match name {
                "part" => f.write_str(self.part)?,
                "at" => write!(f, "{}", self.at)?,
                "a" => write!(f, "{}", self.a)?,
                "b" => write!(f, "{}", self.b)?,
                "a:x" => write!(f, "{:#x}", self.a)?,
                "b:x" => write!(f, "{:#x}", self.b)?,
                "a:status" => Value::Status(self.a as u32).fmt(f)?,
                "b:errno" => {
                    write!(f, "-{}", self.b)?;
                    if let Some(name) = errno::name(self.b as u32) {
                        write!(f, " ({name})")?;
                    }
                }
                "b:ended" if self.b == 0 => f.write_str("it was never announced")?,
                "b:ended" => write!(f, "it ended in packet {}", self.b)?,
                _ => {}
            }
            if let ("part", Some(index)) = (name, self.index) {
                write!(f, "[{index}]")?;
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

/// Hands a finding on. Most packets have none, so this stands apart from what
/// every packet passes through, which then is short.
#[cold]
#[inline(never)]
pub(crate) fn tell(found: &mut impl FnMut(Finding), finding: Finding) {
    found(finding);
}

/// Decodes a packet into `place` and says what is wrong with it. `pending` is
/// the request that a completion answers. Without a message in the packet,
/// `place` stays as it is.
#[inline]
pub fn packet<'a>(
    packet: &Packet<'a>,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
    found: &mut impl FnMut(Finding),
) {
    if matches!(packet.header.kind, RecordKind::Lost | RecordKind::Ioctl) {
        return;
    }
    let outbound = packet.header.direction == Direction::GuestToHost;
    let found = &mut |finding: Finding| {
        tell(found, if outbound { finding } else { finding.of_host() });
    };
    let payload = Payload::of(packet);
    let refused = packet.header.kind == RecordKind::Refused;
    let part = match (packet.header.packet_type, outbound) {
        _ if refused => MessagePart::Request,
        (PACKET_COMPLETION, false) => MessagePart::Reply,
        (PACKET_INBAND, true) => MessagePart::Request,
        (PACKET_INBAND, false) => MessagePart::Event,
        (PACKET_COMPLETION, true) => {
            return found(Finding::new(Code::PacketDirection, "completion", 0, 0));
        }
        (other, _) => {
            let number = u64::from(other);
            return found(Finding::new(Code::PacketType, "packet", number, 0));
        }
    };
    if part == MessagePart::Reply && pending.is_none() {
        return;
    }
    let located = decode::locate(payload, part, pending, place);
    if refused {
        // It was never sent: nobody minds what is in it.
        return;
    }
    if let Err(error) = located {
        framing::refused(error, payload, found);
    }
    match (place, pending) {
        (Some(reply), Some(pending)) if part == MessagePart::Reply => {
            sizes::reply(reply, pending, packet.header, found);
            values::reply(reply, found);
        }
        (Some(command), _) => {
            framing::check(command, packet, found);
            sizes::command(command, found);
            values::command(command, found);
        }
        (None, _) => {}
    }
}
