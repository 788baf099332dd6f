//! What a capture file tells beside a message: the pseudo-header of
//! [`crate::record::header`], described as the messages are, so that filters,
//! exports and the reference walk it the same way.

use crate::schema::values::{Enum, Flags, NamedValue, bit, value};
use crate::schema::*;
use crate::table::ioctls::IOCTLS;

/// What a record in a capture file is.
pub const KIND: Enum = Enum {
    name: "RECORD_KIND",
    signed: false,
    values: &[
        value(0, "packet"),
        value(1, "refused"),
        value(2, "lost"),
        value(3, "ioctl"),
    ],
};

/// Which way a packet went.
pub const DIRECTION: Enum = Enum {
    name: "DIRECTION",
    signed: false,
    values: &[value(0, "guest_to_host"), value(1, "host_to_guest")],
};

/// Which of the driver's two channel types a packet travelled on.
pub const CHANNEL_KIND: Enum = Enum {
    name: "CHANNEL_KIND",
    signed: false,
    values: &[value(0, "unknown"), value(1, "global"), value(2, "vgpu")],
};

/// What VMBus calls a packet.
pub const PACKET_TYPE: Enum = Enum {
    name: "PACKET_TYPE",
    signed: false,
    values: &[value(6, "inband"), value(11, "completion")],
};

/// What VMBus is asked to do with a packet.
pub const PACKET_FLAGS: Flags = Flags {
    name: "PACKET_FLAGS",
    bits: &[bit(0, "completion_requested")],
};

/// Which members of the pseudo-header hold something.
pub const KNOWN: Flags = Flags {
    name: "KNOWN",
    bits: &[
        bit(0, "task"),
        bit(1, "requester"),
        bit(2, "return_value"),
        bit(3, "expected_reply"),
        bit(4, "ioctl"),
        bit(5, "exact_length"),
        bit(6, "ioctl_result"),
    ],
};

/// The request numbers of the driver's ioctls, named by the functions of the
/// user-mode library that make them.
pub const IOCTL: Enum = Enum {
    name: "IOCTL",
    signed: false,
    values: &IOCTL_VALUES,
};

const IOCTL_VALUES: [NamedValue; IOCTLS.len()] = {
    let mut values = [const { value(0, "") }; IOCTLS.len()];
    let mut i = 0;
    while i < values.len() {
        values[i] = value(IOCTLS[i].request(), IOCTLS[i].function);
        i += 1;
    }
    values
};

/// The pseudo-header before every payload.
pub static RECORD: Layout = layout(
    80,
    &[
        field(
            0,
            "version",
            FieldType::U32,
            "Version of this header; later ones only append.",
        )
        .bits(0, 8),
        field(0, "kind", FieldType::Enum(&KIND), "What the record is.").bits(8, 8),
        field(
            0,
            "header_length",
            FieldType::U32,
            "Length of this header in bytes; the payload follows it.",
        )
        .bits(16, 16),
        field(4, "direction", FieldType::Enum(&DIRECTION), "Which way it went.").bits(0, 8),
        field(
            4,
            "channel_kind",
            FieldType::Enum(&CHANNEL_KIND),
            "Which type of channel it used.",
        )
        .bits(8, 8),
        field(
            4,
            "packet_type",
            FieldType::Enum(&PACKET_TYPE),
            "VMBus packet type.",
        )
        .bits(16, 16),
        field(
            8,
            "packet_flags",
            FieldType::Flags16(&PACKET_FLAGS),
            "VMBus packet flags.",
        ),
        field(
            10,
            "known",
            FieldType::Flags16(&KNOWN),
            "Which of the following members hold something.",
        ),
        field(
            12,
            "channel",
            FieldType::U32,
            "VMBus channel number, unique among open channels.",
        ),
        field(
            16,
            "transaction",
            FieldType::U64,
            "VMBus transaction id, 0 where none is used.",
        ),
        field(
            24,
            "pid",
            FieldType::U32,
            "Process id: thread group id in the initial pid namespace.",
        )
        .when(when_set("known", &KNOWN, "task")),
        field(
            28,
            "tid",
            FieldType::U32,
            "Thread id in the initial pid namespace.",
        )
        .when(when_set("known", &KNOWN, "task")),
        field(32, "comm", FieldType::Byte, "Task name.")
            .array(16)
            .when(when_set("known", &KNOWN, "task")),
        field(
            48,
            "return_value",
            FieldType::I32,
            "What the send function returned: 0 or a negative errno. Of an ioctl: what the driver's \
             first failed synchronous send in it returned, or 0.",
        )
        .when(when_set("known", &KNOWN, "return_value")),
        field(
            52,
            "refused_attempts",
            FieldType::U32,
            "Attempts that were refused before this one.",
        ),
        field(
            56,
            "expected_reply_length",
            FieldType::U32,
            "Bytes that the driver expects in the reply.",
        )
        .when(when_set("known", &KNOWN, "expected_reply")),
        field(
            60,
            "interface_version",
            FieldType::U32,
            "Negotiated interface version, 0 if not known.",
        ),
        field(
            64,
            "ioctl",
            FieldType::Enum(&IOCTL),
            "The ioctl that has ended, or during which the packet was sent.",
        )
        .when(when_set("known", &KNOWN, "ioctl")),
        field(
            68,
            "ioctl_result",
            FieldType::I32,
            "What that ioctl returned to the application.",
        )
        .when(when_set("known", &KNOWN, "ioctl_result")),
        field(
            72,
            "cpu",
            FieldType::U32,
            "Processor on which the packet was seen.",
        ),
        field(
            76,
            "payload_length",
            FieldType::U32,
            "Bytes that travelled, captured or not.",
        ),
    ],
)
.header("pseudo-header");

/// The payload of a record that stands for lost packets.
pub static LOST: Layout = layout(
    32,
    &[
        field(
            0,
            "lost.ring_full",
            FieldType::U64,
            "Lost because the kernel's ring buffer was full.",
        ),
        field(
            8,
            "lost.missed_probes",
            FieldType::U64,
            "Lost because the kernel did not run the probe.",
        ),
        field(
            16,
            "lost.user_queue",
            FieldType::U64,
            "Lost between reader and consumer.",
        ),
        field(
            24,
            "lost.unreadable",
            FieldType::U64,
            "Lost because their memory could not be read.",
        ),
    ],
)
.header("loss");

/// The payload of a record that stands for the end of an ioctl.
pub static IOCTL_END: Layout = layout(
    16,
    &[
        field(
            0,
            "ioctl_duration",
            FieldType::U64,
            "Nanoseconds that the ioctl took.",
        ),
        field(
            8,
            "ioctl_messages",
            FieldType::U64,
            "Messages that were sent in the ioctl, captured or not.",
        ),
    ],
)
.header("ioctl");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::header::{
        ChannelKind, Direction, IoctlEnd, KnownFields, LENGTH, LostPackets, RecordHeader,
        RecordKind,
    };

    fn number(bytes: &[u8], field: &Field) -> u64 {
        let start = usize::from(field.at);
        let size = usize::from(field.ty.size());
        let raw = bytes[start..start + size]
            .iter()
            .rev()
            .fold(0, |raw, byte| raw << 8 | u64::from(*byte));
        match field.bits {
            Some((shift, _)) => (raw & field.mask()) >> shift,
            None => raw,
        }
    }

    #[test]
    fn the_description_is_the_encoding() {
        let header = RecordHeader {
            kind: RecordKind::Refused,
            direction: Direction::HostToGuest,
            channel_kind: ChannelKind::Vgpu,
            packet_type: 11,
            packet_flags: 1,
            known: KnownFields(0x7f),
            channel: 20,
            transaction: 1 << 40,
            pid: 300,
            tid: 301,
            comm: *b"0123456789abcdef",
            return_value: -11,
            refused_attempts: 3,
            expected_reply_length: 24,
            interface_version: 40,
            ioctl: 0xc040_4702,
            ioctl_result: -75,
            cpu: 5,
            payload_length: 1000,
        };
        let bytes = header.encode();
        let negative = |value: i32| u64::from(value as u32);
        let wanted = [
            1,
            1,
            80,
            1,
            2,
            11,
            1,
            0x7f,
            20,
            1 << 40,
            300,
            301,
            u64::from(b'0'),
            negative(-11),
            3,
            24,
            40,
            0xc040_4702,
            negative(-75),
            5,
            1000,
        ];
        assert_eq!(usize::from(RECORD.size), LENGTH);
        assert_eq!(RECORD.gaps[0].1, 0, "every byte belongs to a field");
        assert_eq!(RECORD.fields.len(), wanted.len());
        for (field, wanted) in RECORD.fields.iter().zip(wanted) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
        }
    }

    #[test]
    fn names_stand_for_the_same_numbers() {
        let kinds = [
            (RecordKind::Packet, "packet"),
            (RecordKind::Refused, "refused"),
            (RecordKind::Lost, "lost"),
            (RecordKind::Ioctl, "ioctl"),
        ];
        for (kind, name) in kinds {
            assert_eq!(KIND.name_of(kind as u64), Some(name));
        }
        let ways = [
            (Direction::GuestToHost, "guest_to_host"),
            (Direction::HostToGuest, "host_to_guest"),
        ];
        for (way, name) in ways {
            assert_eq!(DIRECTION.name_of(way as u64), Some(name));
        }
        let channels = [
            (ChannelKind::Unknown, "unknown"),
            (ChannelKind::Global, "global"),
            (ChannelKind::Vgpu, "vgpu"),
        ];
        for (kind, name) in channels {
            assert_eq!(CHANNEL_KIND.name_of(kind as u64), Some(name));
        }
        let bits = [
            (KnownFields::TASK, "task"),
            (KnownFields::REQUESTER, "requester"),
            (KnownFields::RETURN_VALUE, "return_value"),
            (KnownFields::EXPECTED_REPLY, "expected_reply"),
            (KnownFields::IOCTL, "ioctl"),
            (KnownFields::EXACT_LENGTH, "exact_length"),
            (KnownFields::IOCTL_RESULT, "ioctl_result"),
        ];
        for (mask, name) in bits {
            assert_eq!(
                KNOWN.find(name).map(|bit| bit.mask()),
                Some(u64::from(mask))
            );
        }
        assert_eq!(KNOWN.bits.len(), bits.len());
    }

    #[test]
    fn losses_stand_in_their_order() {
        let lost = LostPackets {
            ring_full: 1,
            missed_probes: 2,
            user_queue: 3,
            unreadable: 4,
        };
        let bytes = lost.encode();
        assert_eq!(usize::from(LOST.size), LostPackets::LENGTH);
        for (field, wanted) in LOST.fields.iter().zip(1..) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
        }
    }
    #[test]
    fn the_end_of_an_ioctl_stands_in_its_order() {
        let end = IoctlEnd {
            duration: 1,
            messages: 2,
        };
        let bytes = end.encode();
        assert_eq!(usize::from(IOCTL_END.size), IoctlEnd::LENGTH);
        for (field, wanted) in IOCTL_END.fields.iter().zip(1..) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
        }
    }
}
