//! The row of a packet: what is kept of it in memory.

use dxgtrace_file::RecordAt;
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::schema::{Message, MessageSet};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::by_number;
use dxgtrace_session::ReplyOutcome;
use dxgtrace_session::check::Severity;

/// Marks the absence of a row or process.
pub const NONE: u32 = u32::MAX;

/// A packet: its position in the file, and what lists show of it without reading
/// it again. 44 bytes: 64-bit values are split, so that no padding is needed.
#[derive(Debug, Clone, Copy)]
pub struct PacketRow {
    time: [u32; 2],
    offset: u32,
    offset_high: u16,
    channel: u16,
    length: u32,
    number: u32,
    /// Row of its request or reply, or [`NONE`].
    pub peer: u32,
    /// NTSTATUS of a reply if the flag `STATUS` is set, result of an ioctl if
    /// `RESULT` is set.
    status: u32,
    /// Length of the message in bytes, before truncation.
    pub bytes: u32,
    /// Index into the processes of the store, or [`NONE`].
    pub process: u32,
    /// Set and number of the message, or number of the ioctl.
    message: u16,
    flags: u16,
}

const _: () = assert!(size_of::<PacketRow>() == 44);

/// All but the third bit of a record's kind, which is the highest of the flags.
const KIND: u16 = 0b11;
const KIND_HIGH: u16 = 1 << 15;
const PART_SHIFT: u16 = 2;
const PART: u16 = 0b11 << PART_SHIFT;
const SEVERITY_SHIFT: u16 = 4;
const SEVERITY: u16 = 0b111 << SEVERITY_SHIFT;
const STATUS: u16 = 1 << 7;
const CUT: u16 = 1 << 8;
const ASKS: u16 = 1 << 9;
const INBOUND: u16 = 1 << 10;
const FAILED: u16 = 1 << 11;
const SHORT: u16 = 1 << 12;
const NO_HANDLE: u16 = 1 << 13;
const RESULT: u16 = 1 << 14;
const UNKNOWN_MESSAGE: u16 = u16::MAX;
/// Low bits of [`PacketRow::message`] that hold the message's number; the set is
/// above.
const NUMBER_BITS: u16 = 12;

/// The values from which a row is packed.
#[derive(Debug, Clone, Copy)]
pub struct RowParts {
    /// Time, in nanoseconds since 1970.
    pub time: u64,
    /// Position of the record in the file.
    pub at: RecordAt,
    /// Number of the packet.
    pub number: u64,
    /// Row of its request, or [`NONE`].
    pub peer: u32,
    /// NTSTATUS of a reply.
    pub status: Option<u32>,
    /// Number of the ioctl, for a record of an ioctl's end.
    pub ioctl: Option<u32>,
    /// Return value of that ioctl.
    pub result: Option<i32>,
    /// What a reply means to the driver.
    pub outcome: Option<ReplyOutcome>,
    /// Length of the message in bytes, before truncation.
    pub bytes: u32,
    /// Index into the processes of the store, or [`NONE`].
    pub process: u32,
    /// Index into the channels of the capture.
    pub channel: u32,
    /// The message, if known.
    pub message: Option<&'static Message>,
    /// Kind of the record.
    pub kind: RecordKind,
    /// Direction of the packet.
    pub direction: Direction,
    /// Part of the exchange that the packet carries.
    pub part: Option<MessagePart>,
    /// Worst severity of its findings.
    pub severity: Option<Severity>,
    /// Whether it was truncated by the snap length.
    pub cut: bool,
    /// Whether the sender expects a reply.
    pub asks: bool,
}

impl PacketRow {
    /// Packs a row.
    pub fn new(parts: &RowParts) -> Self {
        let kind = parts.kind as u16;
        let mut flags = kind & KIND;
        if kind & !KIND != 0 {
            flags |= KIND_HIGH;
        }
        flags |= match parts.part {
            None => 0,
            Some(MessagePart::Request) => 1,
            Some(MessagePart::Reply) => 2,
            Some(MessagePart::Event) => 3,
        } << PART_SHIFT;
        flags |= parts.severity.map_or(0, |severity| severity as u16 + 1) << SEVERITY_SHIFT;
        for (is, bit) in [
            (parts.status.is_some(), STATUS),
            (parts.cut, CUT),
            (parts.asks, ASKS),
            (parts.direction == Direction::HostToGuest, INBOUND),
            (parts.outcome.is_some_and(ReplyOutcome::is_failure), FAILED),
            (
                matches!(parts.outcome, Some(ReplyOutcome::Short { .. })),
                SHORT,
            ),
            (parts.outcome == Some(ReplyOutcome::NoHandle), NO_HANDLE),
            (parts.result.is_some(), RESULT),
            (parts.result.is_some_and(|result| result < 0), FAILED),
        ] {
            if is {
                flags |= bit;
            }
        }
        Self {
            time: [parts.time as u32, (parts.time >> 32) as u32],
            offset: parts.at.offset as u32,
            // 48 bits: 256 TiB.
            offset_high: (parts.at.offset >> 32) as u16,
            channel: u16::try_from(parts.channel).unwrap_or(u16::MAX),
            length: parts.at.length,
            number: u32::try_from(parts.number).unwrap_or(u32::MAX),
            peer: parts.peer,
            status: parts
                .status
                .or(parts.result.map(i32::cast_unsigned))
                .unwrap_or(0),
            bytes: parts.bytes,
            process: parts.process,
            message: match parts.ioctl {
                Some(request) => request as u16 & 0xff,
                None => parts.message.map_or(UNKNOWN_MESSAGE, packed),
            },
            flags,
        }
    }

    /// Time, in nanoseconds since 1970.
    pub fn time(&self) -> u64 {
        let [low, high] = self.time;
        u64::from(low) | u64::from(high) << 32
    }

    /// Index into the channels of the capture.
    pub fn channel(&self) -> u16 {
        self.channel
    }

    /// Position of the record in the file.
    pub fn at(&self) -> RecordAt {
        RecordAt {
            offset: u64::from(self.offset) | u64::from(self.offset_high) << 32,
            length: self.length,
        }
    }

    /// Number of the packet.
    pub fn number(&self) -> u64 {
        u64::from(self.number)
    }

    /// The message, if its number is known.
    pub fn message(&self) -> Option<&'static Message> {
        if self.message == UNKNOWN_MESSAGE || self.kind() == RecordKind::Ioctl {
            return None;
        }
        let set = match self.message >> NUMBER_BITS {
            0 => MessageSet::Vgpu,
            1 => MessageSet::Global,
            _ => MessageSet::Host,
        };
        table::lookup(set, u32::from(self.message & ((1 << NUMBER_BITS) - 1)))
    }

    /// Name of the message, of the ioctl's function in the driver, or a
    /// placeholder.
    pub fn name(&self) -> &'static str {
        match (self.kind(), self.message()) {
            (RecordKind::Lost, _) => "packets lost",
            (RecordKind::Channel, _) => "channel",
            (RecordKind::Ioctl, _) => {
                by_number(self.message as u8).map_or("ioctl", |one| one.function)
            }
            (_, Some(message)) => message.name,
            (_, None) => "unknown",
        }
    }

    /// Kind of the record.
    pub fn kind(&self) -> RecordKind {
        match self.flags & (KIND | KIND_HIGH) {
            KIND_HIGH => RecordKind::Channel,
            0 => RecordKind::Packet,
            1 => RecordKind::Refused,
            2 => RecordKind::Lost,
            _ => RecordKind::Ioctl,
        }
    }

    /// Direction of the packet.
    pub fn direction(&self) -> Direction {
        if self.flags & INBOUND != 0 {
            Direction::HostToGuest
        } else {
            Direction::GuestToHost
        }
    }

    /// Part of the exchange that the packet carries.
    pub fn part(&self) -> Option<MessagePart> {
        match (self.flags & PART) >> PART_SHIFT {
            1 => Some(MessagePart::Request),
            2 => Some(MessagePart::Reply),
            3 => Some(MessagePart::Event),
            _ => None,
        }
    }

    /// Worst severity of its findings.
    pub fn severity(&self) -> Option<Severity> {
        let place = (self.flags & SEVERITY) >> SEVERITY_SHIFT;
        let place = usize::from(place.checked_sub(1)?);
        Severity::ALL.get(place).copied()
    }

    /// Raises [`PacketRow::severity`] to that of one more finding.
    pub fn raise_severity(&mut self, severity: Severity) {
        if self.severity() < Some(severity) {
            self.flags &= !SEVERITY;
            self.flags |= (severity as u16 + 1) << SEVERITY_SHIFT;
        }
    }

    /// NTSTATUS of a reply.
    pub fn status(&self) -> Option<u32> {
        (self.flags & STATUS != 0).then_some(self.status)
    }

    /// Whether this is a reply that the driver takes for a failure, or an ioctl
    /// that returned an error.
    pub fn failed(&self) -> bool {
        self.flags & FAILED != 0
    }

    /// Return value of an ioctl, if the probe has seen it.
    pub fn ioctl_result(&self) -> Option<i32> {
        (self.kind() == RecordKind::Ioctl && self.flags & RESULT != 0)
            .then_some(self.status.cast_signed())
    }

    /// Whether the request failed because the reply is too short.
    pub fn is_short(&self) -> bool {
        self.flags & SHORT != 0
    }

    /// Whether the request failed because the host returned no handle.
    pub fn is_without_handle(&self) -> bool {
        self.flags & NO_HANDLE != 0
    }

    /// Whether the packet was truncated by the snap length.
    pub fn is_cut(&self) -> bool {
        self.flags & CUT != 0
    }

    /// Whether this is a request whose sender expects a reply.
    pub fn asks(&self) -> bool {
        self.flags & ASKS != 0
    }

    /// Row of its reply or request.
    pub fn peer(&self) -> Option<u32> {
        (self.peer != NONE).then_some(self.peer)
    }

    /// Whether this is a reply whose request is in the capture.
    pub fn is_joined_reply(&self) -> bool {
        self.part() == Some(MessagePart::Reply) && self.peer != NONE
    }
}

fn packed(message: &Message) -> u16 {
    let set = match message.set {
        MessageSet::Vgpu => 0,
        MessageSet::Global => 1,
        MessageSet::Host => 2,
    };
    match u16::try_from(message.id) {
        Ok(id) if id < 1 << NUMBER_BITS => set << NUMBER_BITS | id,
        _ => UNKNOWN_MESSAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_what_it_was_made_of() {
        for message in table::all() {
            let mut row = PacketRow::new(&RowParts {
                time: 7 << 40 | 1,
                at: RecordAt {
                    offset: 1 << 40,
                    length: 99,
                },
                number: 5,
                peer: 3,
                status: Some(0xc000_000d),
                outcome: Some(ReplyOutcome::Status(0xc000_000d)),
                ioctl: None,
                result: None,
                bytes: 80,
                process: 2,
                channel: 1,
                message: Some(message),
                kind: RecordKind::Refused,
                direction: Direction::HostToGuest,
                part: Some(MessagePart::Reply),
                severity: Some(Severity::Note),
                cut: true,
                asks: false,
            });
            assert_eq!(row.name(), message.name);
            assert_eq!((row.time(), row.channel()), (7 << 40 | 1, 1));
            assert_eq!((row.at().offset, row.at().length), (1 << 40, 99));
            assert_eq!(row.kind(), RecordKind::Refused);
            assert_eq!(row.direction(), Direction::HostToGuest);
            assert_eq!(row.part(), Some(MessagePart::Reply));
            assert_eq!(row.severity(), Some(Severity::Note));
            assert_eq!(row.status(), Some(0xc000_000d));
            assert!(row.failed() && row.is_cut() && !row.asks());
            row.raise_severity(Severity::Chat);
            assert_eq!(row.severity(), Some(Severity::Note));
            row.raise_severity(Severity::Error);
            assert_eq!(row.severity(), Some(Severity::Error));
            assert_eq!(row.part(), Some(MessagePart::Reply));
        }
    }
}
