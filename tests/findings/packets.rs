//! Findings about single packets.

use anyhow::{Context, Result};
use dxgtrace_protocol::record::header::{Direction, KnownFields, RecordKind};
use dxgtrace_protocol::table::errno::EAGAIN;
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_INBAND};
use dxgtrace_session::check::Code;

use super::InitialState::Device;
use super::{ALLOCATION, Case, DEVICE, case};
use crate::conversation::{Conversation, GLOBAL, VGPU0};

/// A header of the host: channel type and command.
fn host(kind: u8, command: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    if length >= 24 {
        bytes[12] = kind;
        bytes[16] = command;
    }
    bytes
}

fn hosts(talk: &mut Conversation, channel: u32, packet_type: u16, bytes: Vec<u8>) -> Result<()> {
    let header = talk.header(Direction::HostToGuest, channel, packet_type);
    talk.push(header, bytes);
    Ok(())
}

/// A request that changes nothing, with its bytes changed by `edit`.
fn edited(talk: &mut Conversation, at: usize, value: u8) -> Result<()> {
    let asked = talk.add_request("flush_heap_transitions", &[])?;
    talk.last()?.payload[at] = value;
    talk.add_reply(&asked, &[])
}

fn evict(talk: &mut Conversation) -> Result<()> {
    talk.add_exchange(
        "evict",
        &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
        &[],
    )
}

/// An eviction, its request lengthened or shortened.
fn evict_resized(talk: &mut Conversation, by: isize) -> Result<()> {
    let asked = talk.add_request(
        "evict",
        &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
    )?;
    let last = talk.last()?;
    let length = last
        .payload
        .len()
        .checked_add_signed(by)
        .context("length")?;
    last.payload.resize(length, 0);
    last.header.payload_length = length as u32;
    talk.add_reply(&asked, &[])
}

fn evict_answered(talk: &mut Conversation, length: usize) -> Result<()> {
    let asked = talk.add_request(
        "evict",
        &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
    )?;
    talk.add_raw_reply(&asked, vec![0; length]);
    Ok(())
}

fn evict_expecting(talk: &mut Conversation, room: u32) -> Result<()> {
    evict_answered(talk, 16)?;
    let header = &mut talk.last()?.header;
    header.known.0 |= KnownFields::EXPECTED_REPLY;
    header.expected_reply_length = room;
    Ok(())
}

fn primaries(talk: &mut Conversation, count: u64) -> Result<()> {
    let made = [("context", &[0x4000_0100][..])];
    talk.add_exchange("create_context_virtual", &[("device", &[DEVICE])], &made)?;
    talk.add_exchange(
        "submit_command",
        &[
            ("broadcast_context", &[0x4000_0100]),
            ("num_primaries", &[count]),
        ],
        &[],
    )
}

fn sync_object(talk: &mut Conversation, name: &str, value: u64) -> Result<()> {
    talk.add_exchange(
        "create_sync_object",
        &[("device", &[DEVICE]), ("info.type", &[5]), (name, &[value])],
        &[("sync_object", &[0x4000_0200])],
    )
}

/// A message that the ring has no room for.
fn refused(talk: &mut Conversation) -> Result<()> {
    talk.add_request("flush_heap_transitions", &[])?;
    let header = &mut talk.last()?.header;
    header.kind = RecordKind::Refused;
    (header.return_value, header.refused_attempts) = (EAGAIN, 50);
    Ok(())
}

/// The host tells that the device's state changed, with these packet flags.
fn announced(talk: &mut Conversation, flags: u16) -> Result<()> {
    let cookie = [
        ("guest_pointer", &[0xffff_8000_1234_5678][..]),
        ("data32", &[1]),
    ];
    talk.add_host_message("set_guest_data", &cookie)?;
    talk.last()?.header.packet_flags = flags;
    Ok(())
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::FramingShort,
            &[],
            Device,
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 16)),
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 24)),
        )?,
        case(
            Code::FramingForeign,
            &[],
            Device,
            |talk| {
                let mut header = talk.header(Direction::GuestToHost, VGPU0, PACKET_INBAND);
                header.packet_flags = 1;
                header.transaction = 50;
                talk.push(header, vec![7; 48]);
                Ok(())
            },
            evict,
        )?,
        case(
            Code::PacketType,
            &[],
            Device,
            |talk| hosts(talk, GLOBAL, 9, host(2, 4, 48)),
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 48)),
        )?,
        case(
            Code::PacketDirection,
            &[],
            Device,
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(1, 37, 24)),
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 24)),
        )?,
        case(
            Code::PacketCompletionFlag,
            &[],
            Device,
            |talk| {
                talk.add_request("flush_heap_transitions", &[])?;
                let header = &mut talk.last()?.header;
                (header.packet_flags, header.transaction) = (0, 0);
                Ok(())
            },
            |talk| talk.add_exchange("flush_heap_transitions", &[], &[]),
        )?,
        case(
            Code::ChannelWrong,
            &[Code::EventUnexpected],
            Device,
            |talk| hosts(talk, VGPU0, PACKET_INBAND, host(2, 4, 48)),
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 48)),
        )?,
        case(
            Code::ChannelType,
            &[],
            Device,
            |talk| edited(talk, 28, 3),
            |talk| edited(talk, 28, 0),
        )?,
        case(
            Code::AsyncUnexpected,
            &[],
            Device,
            |talk| {
                talk.add_request("flush_heap_transitions", &[])?;
                let last = talk.last()?;
                (last.header.packet_flags, last.header.transaction) = (0, 0);
                last.payload[29] = 1;
                Ok(())
            },
            |talk| {
                talk.add_request("signal_sync_object", &[("device", &[DEVICE])])?;
                let last = talk.last()?;
                (last.header.packet_flags, last.header.transaction) = (0, 0);
                last.payload[29] = 1;
                Ok(())
            },
        )?,
        case(
            Code::CommandUnknown,
            &[],
            Device,
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 5, 48)),
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 48)),
        )?,
        case(
            Code::CommandUnsent,
            &[],
            Device,
            |talk| edited(talk, 32, 3),
            |talk| edited(talk, 32, 37),
        )?,
        case(
            Code::SizeShort,
            &[],
            Device,
            |talk| {
                let asked = talk.add_request("destroy_device", &[("device", &[DEVICE])])?;
                let last = talk.last()?;
                last.payload.truncate(40);
                last.header.payload_length = 40;
                talk.add_reply(&asked, &[])
            },
            |talk| talk.add_exchange("flush_device", &[("device", &[DEVICE])], &[]),
        )?,
        case(
            Code::CountBeyondEnd,
            &[],
            Device,
            |talk| evict_resized(talk, -4),
            |talk| evict_resized(talk, 0),
        )?,
        case(
            Code::SizeTrailing,
            &[],
            Device,
            |talk| evict_resized(talk, 8),
            |talk| evict_resized(talk, 0),
        )?,
        case(
            Code::SizeReplyShort,
            &[],
            Device,
            |talk| evict_answered(talk, 0),
            |talk| evict_answered(talk, 8),
        )?,
        case(
            Code::SizeReplyLong,
            &[],
            Device,
            |talk| evict_answered(talk, 24),
            |talk| evict_answered(talk, 8),
        )?,
        case(
            Code::SizeReplyRoom,
            &[],
            Device,
            |talk| evict_expecting(talk, 16),
            |talk| {
                evict_expecting(talk, 8)?;
                let last = talk.last()?;
                last.payload.truncate(8);
                last.header.payload_length = 8;
                Ok(())
            },
        )?,
        case(
            Code::CountArray,
            &[],
            Device,
            |talk| primaries(talk, 17),
            |talk| primaries(talk, 16),
        )?,
        case(
            Code::ReservedNonzero,
            &[],
            Device,
            |talk| sync_object(talk, "reserved1", 1),
            |talk| sync_object(talk, "reserved1", 0),
        )?,
        case(
            Code::PaddingNonzero,
            &[],
            Device,
            |talk| edited(talk, 36, 1),
            |talk| edited(talk, 36, 0),
        )?,
        case(
            Code::PaddingUser,
            &[],
            Device,
            |talk| padded(talk, 1),
            |talk| padded(talk, 0),
        )?,
        case(
            Code::FlagUnknown,
            &[],
            Device,
            |talk| sync_object(talk, "info.flags", 1 << 30),
            |talk| sync_object(talk, "info.flags", 1 << 7),
        )?,
        case(
            Code::EnumUnknown,
            &[],
            Device,
            |talk| query(talk, 14, 0),
            |talk| query(talk, 15, 0),
        )?,
        case(
            Code::BoolValue,
            &[],
            Device,
            |talk| {
                talk.add_exchange(
                    "offer_allocations",
                    &[
                        ("device", &[DEVICE]),
                        ("priority", &[1]),
                        ("resources", &[2]),
                    ],
                    &[],
                )
            },
            |talk| {
                talk.add_exchange(
                    "offer_allocations",
                    &[
                        ("device", &[DEVICE]),
                        ("priority", &[1]),
                        ("resources", &[1]),
                    ],
                    &[],
                )
            },
        )?,
        case(
            Code::ValueUnusual,
            &[],
            Device,
            |talk| flush(talk, 3),
            |talk| flush(talk, 4),
        )?,
        case(
            Code::ValueRange,
            &[],
            Device,
            |talk| talk.add_exchange("evict", &[("device", &[DEVICE])], &[]),
            evict,
        )?,
        case(
            Code::EventUnexpected,
            &[],
            Device,
            |talk| hosts(talk, GLOBAL, PACKET_INBAND, host(2, 4, 24)),
            |talk| announced(talk, 0),
        )?,
        case(
            Code::EventAsksReply,
            &[],
            Device,
            |talk| announced(talk, FLAG_COMPLETION_REQUESTED),
            |talk| announced(talk, 0),
        )?,
        case(
            Code::SendHostReads,
            &[Code::SendRefused],
            Device,
            |talk| {
                refused(talk)?;
                flush(talk, 4)
            },
            |talk| {
                // The host may have stopped to read before.
                flush(talk, 4)?;
                refused(talk)?;
                talk.time += 101_000_000;
                flush(talk, 4)
            },
        )?,
        case(Code::SendRefused, &[], Device, refused, |talk| {
            let asked = talk.add_request("flush_heap_transitions", &[])?;
            talk.last()?.header.refused_attempts = 49;
            talk.add_reply(&asked, &[])
        })?,
        case(
            Code::CaptureCut,
            &[],
            Device,
            |talk| {
                evict(talk)?;
                let last = talk.last()?;
                last.payload.truncate(4);
                Ok(())
            },
            evict,
        )?,
        case(
            Code::CaptureLost,
            &[],
            Device,
            |talk| {
                talk.add_loss(3);
                evict(talk)
            },
            evict,
        )?,
    ])
}

fn flush(talk: &mut Conversation, reason: u64) -> Result<()> {
    talk.add_exchange(
        "flush_device",
        &[("device", &[DEVICE]), ("reason", &[reason])],
        &[],
    )
}

pub(super) fn query(talk: &mut Conversation, kind: u64, status: u64) -> Result<()> {
    talk.add_exchange(
        "query_adapter_info",
        &[("query_type", &[kind])],
        &[("status", &[status])],
    )
}

/// A request that the driver copies from the application, its padding set.
fn padded(talk: &mut Conversation, value: u8) -> Result<()> {
    use dxgtrace_protocol::schema::BytesOrigin;
    let name = "update_allocation_property";
    let message = dxgtrace_protocol::table::by_name(name).context("no such message")?;
    let layout = message.requests.layouts().next().context("no layout")?;
    assert_eq!(layout.origin, BytesOrigin::Copied, "{name}");
    let asked = talk.add_request(name, &[("allocation", &[ALLOCATION])])?;
    talk.last()?.payload[16 + usize::from(layout.gaps[0].0)] = value;
    talk.add_reply(&asked, &[])
}
