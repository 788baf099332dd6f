//! Checks of headers, message numbers, channels and directions.

use super::codes::FindingKind;
use super::finding::Finding;
use super::parameters::{ByteCount, ChannelType, CommandNumber, FieldBits, HeaderBit};
use dxgtrace_protocol::decode::{Decoded, MessagePart, NotAFrame, Payload};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{ChannelKind, Direction};
use dxgtrace_protocol::schema::{MessageSet, ReplyMode};
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;

/// Reports why a payload holds no message.
#[cold]
pub(super) fn report_no_frame(
    error: NotAFrame,
    payload: Payload<'_>,
    found: &mut impl FnMut(Finding),
) {
    found(Finding::new(match error {
        // The capture is cut, not the packet: nothing is known about it.
        NotAFrame::Short { wanted, had } if had < payload.length && payload.length >= wanted => {
            return;
        }
        NotAFrame::Short { wanted, .. } => FindingKind::FramingShort {
            needed: ByteCount(wanted as u64),
            present: ByteCount(payload.length as u64),
        },
        NotAFrame::Foreign(word) => FindingKind::FramingForeign {
            word: FieldBits(word.into()),
        },
    }));
}

/// Checks the headers against the packet and the message.
pub(super) fn check_headers(
    decoded: &Decoded<'_>,
    packet: &Packet<'_>,
    found: &mut impl FnMut(Finding),
) {
    let Some(frame) = &decoded.frame else { return };
    let word_at = decoded.base + 12;
    let Some(set) = frame.set() else {
        let channel_type = ChannelType(frame.channel_word & 0xFF);
        found(Finding::new(FindingKind::ChannelType { channel_type }).at(word_at));
        return;
    };
    let outbound = packet.header.direction == Direction::GuestToHost;
    if (set == MessageSet::Host) == outbound {
        // The other header fields have no meaning in this direction.
        let part = "message";
        found(Finding::new(FindingKind::PacketDirection { part }).at(word_at));
        return;
    }
    if set == MessageSet::Global && frame.channel_word != MessageSet::Global as u32 {
        // In this set, the channel type takes the whole word.
        let channel_type = ChannelType(frame.channel_word);
        found(Finding::new(FindingKind::ChannelType { channel_type }).at(word_at));
    }
    if set != MessageSet::Vgpu && packet.header.channel_kind == ChannelKind::Vgpu {
        let set = set.name();
        found(Finding::new(FindingKind::ChannelWrong { set }).at(word_at));
    }
    let unexpected = match decoded.message {
        None => Some(FindingKind::CommandUnknown {
            set: set.name(),
            command: CommandNumber(frame.command),
        }),
        Some(message) => {
            (message.mode == ReplyMode::NeverSent).then_some(FindingKind::CommandUnsent {
                message: message.name,
            })
        }
    };
    if let Some(kind) = unexpected {
        found(Finding::new(kind).at(decoded.base + 16));
    }
    let wants_reply = packet.header.packet_flags & FLAG_COMPLETION_REQUESTED != 0;
    if decoded.part == MessagePart::Event {
        if let Some(message) = decoded.message
            && wants_reply
        {
            let message = message.name;
            found(Finding::new(FindingKind::EventAsksReply { message }));
        }
        return;
    }
    let is_async = set == MessageSet::Vgpu && frame.is_async();
    if is_async
        && let Some(message) = decoded.message
        && message.mode != ReplyMode::Async
    {
        let message = message.name;
        found(Finding::new(FindingKind::AsyncUnexpected { message }).at(word_at));
    }
    if wants_reply == is_async {
        let contradiction = FindingKind::PacketCompletionFlag {
            completion_flag: HeaderBit(wants_reply),
            async_bit: HeaderBit(is_async),
        };
        found(Finding::new(contradiction).at(word_at));
    }
}
