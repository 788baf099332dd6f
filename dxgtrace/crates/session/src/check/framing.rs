//! Headers, numbers, channels and directions.

use super::{Code, Finding};
use dxgtrace_protocol::decode::{Decoded, MessagePart, NotAFrame, Payload};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{ChannelKind, Direction};
use dxgtrace_protocol::schema::{MessageSet, ReplyMode};
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;

/// Says why there is no message in a payload.
#[cold]
pub(super) fn refused(error: NotAFrame, payload: Payload<'_>, found: &mut impl FnMut(Finding)) {
    match error {
        // Only the capture is short: nobody can say what the packet was.
        NotAFrame::Short { wanted, had } if had < payload.length && payload.length >= wanted => {}
        NotAFrame::Short { wanted, .. } => found(Finding::new(
            Code::FramingShort,
            "command header",
            wanted as u64,
            payload.length as u64,
        )),
        NotAFrame::Foreign(word) => found(Finding::new(
            Code::FramingForeign,
            "first word",
            u64::from(word),
            0,
        )),
    }
}

/// Checks what the headers say against the packet and the message.
pub(super) fn check(decoded: &Decoded<'_>, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) {
    let Some(frame) = &decoded.frame else { return };
    let word_at = decoded.base + 12;
    let Some(set) = frame.set() else {
        let number = u64::from(frame.channel_word & 0xFF);
        found(Finding::new(Code::ChannelType, "channel_type", number, 0).at(word_at));
        return;
    };
    let outbound = packet.header.direction == Direction::GuestToHost;
    if (set == MessageSet::Host) == outbound {
        // Nothing else that its headers say means anything then.
        found(Finding::new(Code::PacketDirection, "message", 0, 0).at(word_at));
        return;
    }
    if set == MessageSet::Global && frame.channel_word != MessageSet::Global as u32 {
        // In this set the channel type is the whole word.
        let number = u64::from(frame.channel_word);
        found(Finding::new(Code::ChannelType, "channel_type", number, 0).at(word_at));
    }
    if set != MessageSet::Vgpu && packet.header.channel_kind == ChannelKind::Vgpu {
        found(Finding::new(Code::ChannelWrong, set.name(), 0, 0).at(word_at));
    }
    match decoded.message {
        None => found(
            Finding::new(
                Code::CommandUnknown,
                set.name(),
                u64::from(frame.command),
                0,
            )
            .at(decoded.base + 16),
        ),
        Some(message) if message.mode == ReplyMode::NeverSent => {
            found(Finding::new(Code::CommandUnsent, message.name, 0, 0).at(decoded.base + 16))
        }
        Some(_) => {}
    }
    if decoded.part != MessagePart::Request {
        return;
    }
    let wants_reply = packet.header.packet_flags & FLAG_COMPLETION_REQUESTED != 0;
    if set == MessageSet::Vgpu && frame.is_async() {
        if let Some(message) = decoded.message
            && message.mode != ReplyMode::Async
        {
            found(Finding::new(Code::AsyncUnexpected, message.name, 0, 0).at(word_at));
        }
        if wants_reply {
            found(Finding::new(Code::PacketNoReply, "packet", 1, 1).at(word_at));
        }
    } else if !wants_reply {
        found(Finding::new(Code::PacketNoReply, "packet", 0, 0).at(word_at));
    }
}
