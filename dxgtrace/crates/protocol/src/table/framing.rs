//! Channels, packets, headers and versions.

use super::enums::CHANNEL_TYPE;
use super::guid;
use crate::schema::*;

/// Interface type of the VM-wide channel: a GUID in memory order.
pub const GLOBAL_CHANNEL: [u8; 16] = guid::from_literal("dde9cbc0-5060-4436-9448-ea1254a5d177");
/// Interface type of the channel of a virtual GPU: a GUID in memory order.
pub const VGPU_CHANNEL: [u8; 16] = guid::from_literal("6e382d18-3336-4f4b-acc4-2b7703d4df4a");

/// VMBus packet type of requests and host messages.
pub const PACKET_INBAND: u16 = 6;
/// VMBus packet type of completions: replies.
pub const PACKET_COMPLETION: u16 = 11;
/// VMBus packet flag that asks for a completion.
pub const FLAG_COMPLETION_REQUESTED: u16 = 1;
/// Transaction ids of a channel increase by one. The driver allocates them before it
/// sends, so that a few may appear out of order. A larger step means that packets are
/// missing. The limit is an assumption, far above what was observed.
pub const TRANSACTION_STEP_MAX: u64 = 64;

/// The interface version that is assumed if the host reports none.
pub const VERSION_OLD: u32 = 27;
/// The first interface version whose requests have the extended header, and the highest
/// that the driver supports.
pub const VERSION_EXTENDED: u32 = 40;
/// The oldest interface version that the driver declares compatible.
pub const VERSION_COMPATIBLE: u32 = 16;
/// Maximum length in bytes of a request, extended header included, and of a reply.
pub const MAX_MESSAGE: u32 = 131_072;
/// Length of the extended header in bytes.
pub const EXTENDED_HEADER: u16 = 16;

/// The extended header, before every request from interface version 40 on.
pub static EXTENDED: Layout = layout(
    EXTENDED_HEADER,
    &[
        field(
            0,
            "ext.command_offset",
            FieldType::U32,
            "Distance from the payload's start to the command header.",
        )
        .always(16),
        field(4, "ext.reserved", FieldType::U32, "Unused.").reserved(),
        VGPU_LUID,
    ],
)
.header("extended header");

/// The virtual GPU in the extended header.
pub const VGPU_LUID: Field = field(
    8,
    "ext.vgpu_luid",
    FieldType::Luid,
    "The virtual GPU as the host numbers it; 0 for messages about the whole virtual machine.",
);

/// The command header of messages in the vGPU set and the host set.
pub static COMMAND: Layout = layout(
    HEADER,
    &[
        COMMAND_ID,
        PROCESS,
        CHANNEL_TYPE_BITS,
        ASYNC_MSG,
        field(12, "reserved", FieldType::U32, "Unused.")
            .bits(9, 23)
            .reserved(),
        COMMAND_NUMBER,
    ],
)
.gap(20, 4)
.header("command header");

/// The command header of messages in the global set.
pub static COMMAND_GLOBAL: Layout = layout(
    HEADER,
    &[COMMAND_ID, PROCESS, CHANNEL_TYPE_WORD, COMMAND_NUMBER],
)
.gap(20, 4)
.header("command header");

const COMMAND_ID: Field = field(0, "command_id", FieldType::U64, "Unused by the guest.").always(0);
/// The process in the command header.
pub const PROCESS: Field = field(
    8,
    "process",
    FieldType::Handle(&[ObjectKind::Process]),
    "The process as the host numbers it.",
);
const CHANNEL_TYPE_WORD: Field = field(
    12,
    "channel_type",
    FieldType::Enum(&CHANNEL_TYPE),
    "Which numbering `command` belongs to.",
);
/// The set in the command header.
pub const CHANNEL_TYPE_BITS: Field = CHANNEL_TYPE_WORD.bits(0, 8);
/// The bit of the command header that requests no reply.
pub const ASYNC_MSG: Field = field(12, "async_msg", FieldType::U32, "No reply is wanted.")
    .bits(8, 1)
    .since(DriverEra::Mid2021);
/// The number of the message in the command header.
pub const COMMAND_NUMBER: Field = field(
    16,
    "command",
    FieldType::U32,
    "Number of the message in its set.",
);

/// The command header of a set.
pub fn header(set: MessageSet) -> &'static Layout {
    match set {
        MessageSet::Global => &COMMAND_GLOBAL,
        MessageSet::Vgpu | MessageSet::Host => &COMMAND,
    }
}
