//! Findings about requests and their replies.

use anyhow::Result;
use dxgtrace_protocol::record::header::Direction;
use dxgtrace_protocol::table::framing::PACKET_COMPLETION;
use dxgtrace_session::check::Code;

use super::InitialState::{Device, Nothing};
use super::calls::{end, within};
use super::packets::query;
use super::{Case, PROCESS, case};
use crate::conversation::{Conversation, VGPU0};

const MS: u64 = 1_000_000;
/// What an ioctl returns whose thread was killed: ERESTARTSYS.
const KILLED: i32 = -512;

fn flush(talk: &mut Conversation) -> Result<()> {
    talk.add_exchange("flush_heap_transitions", &[], &[])
}

fn status(talk: &mut Conversation, status: u64) -> Result<()> {
    talk.add_exchange("flush_heap_transitions", &[], &[("status", &[status])])
}

/// The host answers with this and nothing else.
fn bare(talk: &mut Conversation, status: u32) -> Result<()> {
    let asked = talk.add_request(
        "create_sync_object",
        &[("device", &[super::DEVICE]), ("info.type", &[5])],
    )?;
    talk.add_raw_reply(&asked, [status.to_le_bytes(), [0; 4]].concat());
    Ok(())
}

/// A completion that is no answer to a request of the conversation.
fn stray(talk: &mut Conversation, transaction: u64) {
    let mut header = talk.header(Direction::HostToGuest, VGPU0, PACKET_COMPLETION);
    header.transaction = transaction;
    talk.push(header, vec![0; 8]);
}

/// A message that has no reply.
fn signal_async(talk: &mut Conversation) -> Result<()> {
    talk.add_request("signal_sync_object", &[("device", &[super::DEVICE])])?;
    let last = talk.last()?;
    (last.header.packet_flags, last.header.transaction) = (0, 0);
    last.payload[29] = 1;
    Ok(())
}

fn after(talk: &mut Conversation, milliseconds: u64) -> Result<()> {
    let asked = talk.add_request("flush_heap_transitions", &[])?;
    talk.time += milliseconds * MS;
    talk.add_reply(&asked, &[])
}

/// A request that stays unanswered, and one of another thread much later.
fn unanswered(talk: &mut Conversation, seconds: u64) -> Result<()> {
    talk.add_request("flush_heap_transitions", &[])?;
    talk.pid = 101;
    talk.time += seconds * 1000 * MS;
    flush(talk)
}

/// A request that no reply comes to within `milliseconds`, when its ioctl ends
/// with `result`.
fn ended(talk: &mut Conversation, milliseconds: u64, result: i32) -> Result<()> {
    talk.add_request("flush_heap_transitions", &[])?;
    within(&mut talk.last()?.header);
    talk.time += milliseconds * MS;
    end(talk, result, 1);
    Ok(())
}

/// Two threads ask, the first is answered last.
fn crossed(talk: &mut Conversation, second: u32) -> Result<()> {
    let first = talk.add_request("flush_heap_transitions", &[])?;
    talk.pid = second;
    flush(talk)?;
    talk.add_reply(&first, &[])
}

fn reopened(talk: &mut Conversation, transaction: u64) -> Result<()> {
    talk.next_transaction(VGPU0, transaction);
    talk.process = 0;
    talk.open_adapter()?;
    talk.process = PROCESS;
    flush(talk)
}

fn asked_twice(talk: &mut Conversation, between: bool) -> Result<()> {
    let first = talk.add_request("flush_heap_transitions", &[])?;
    if between {
        talk.add_reply(&first, &[])?;
    }
    talk.next_transaction(VGPU0, first.transaction);
    flush(talk)
}

fn late_start(talk: &mut Conversation, transaction: u64) -> Result<()> {
    talk.process = PROCESS;
    talk.next_transaction(VGPU0, 10);
    flush(talk)?;
    stray(talk, transaction);
    Ok(())
}

fn opened(talk: &mut Conversation, status: u64) -> Result<()> {
    talk.add_exchange(
        "open_adapter",
        &[("vmbus_interface_version", &[40])],
        &[
            ("host_adapter_handle", &[0x40]),
            ("status", &[status]),
            ("vmbus_interface_version", &[40]),
            ("vmbus_last_compatible_interface_version", &[16]),
        ],
    )
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::StatusBare,
            &[Code::SizeReplyShort],
            Device,
            |talk| bare(talk, 0xC000_0017),
            // A number, but no failure.
            |talk| bare(talk, 0x103),
        )?,
        case(
            Code::ReplyOrphan,
            &[],
            Device,
            |talk| {
                stray(talk, 999);
                Ok(())
            },
            flush,
        )?,
        case(
            Code::ReplyDuplicate,
            &[],
            Device,
            |talk| {
                let asked = talk.add_request("flush_heap_transitions", &[])?;
                talk.add_reply(&asked, &[])?;
                talk.add_reply(&asked, &[])
            },
            |talk| {
                flush(talk)?;
                flush(talk)
            },
        )?,
        case(
            Code::ReplyUnwanted,
            &[],
            Device,
            |talk| {
                signal_async(talk)?;
                stray(talk, 0);
                Ok(())
            },
            // No message was sent without a reply: this one answers nothing.
            |talk| {
                stray(talk, 0);
                Ok(())
            },
        )?,
        case(
            Code::ReplyBeforeCapture,
            &[],
            Nothing,
            |talk| late_start(talk, 9),
            |talk| {
                talk.process = PROCESS;
                talk.next_transaction(VGPU0, 10);
                flush(talk)
            },
        )?,
        case(
            Code::ReplyInGap,
            &[Code::CaptureLost],
            Device,
            |talk| {
                talk.add_loss(1);
                stray(talk, 4);
                Ok(())
            },
            |talk| {
                talk.add_loss(1);
                flush(talk)
            },
        )?,
        case(
            Code::ReplyMissing,
            &[],
            Device,
            |talk| unanswered(talk, 6),
            |talk| unanswered(talk, 4),
        )?,
        case(
            Code::ReplyPending,
            &[],
            Device,
            |talk| unanswered(talk, 4),
            flush,
        )?,
        case(
            Code::ReplyNotSeen,
            &[],
            Device,
            |talk| ended(talk, 6_000, 0),
            flush,
        )?,
        case(
            Code::ReplyGivenUp,
            &[],
            Device,
            |talk| ended(talk, 6_000, KILLED),
            |talk| {
                // Its reply may be among the lost packets.
                ended(talk, 6_000, KILLED)?;
                talk.add_loss(1);
                Ok(())
            },
        )?,
        case(
            Code::WaitInterrupted,
            &[],
            Device,
            |talk| ended(talk, 40, KILLED),
            |talk| ended(talk, 40, 0),
        )?,
        case(
            Code::ReplyLate,
            &[],
            Device,
            |talk| crossed(talk, 100),
            |talk| crossed(talk, 101),
        )?,
        case(
            Code::ReplySlow,
            &[],
            Device,
            |talk| after(talk, 60),
            |talk| after(talk, 40),
        )?,
        case(
            Code::TransactionReused,
            &[],
            Device,
            |talk| asked_twice(talk, false),
            |talk| asked_twice(talk, true),
        )?,
        case(
            Code::ChannelReopened,
            &[],
            Device,
            |talk| reopened(talk, 1),
            |talk| reopened(talk, 50),
        )?,
        case(
            Code::StatusFailed,
            &[],
            Device,
            |talk| status(talk, 0xC000_000D),
            |talk| status(talk, 0x103),
        )?,
        case(
            Code::FailurePassed,
            &[Code::StatusFailed],
            Device,
            |talk| {
                status(talk, 0xC000_0017)?;
                flush(talk)
            },
            // Another request is not the same.
            |talk| {
                flush(talk)?;
                status(talk, 0xC000_0017)?;
                talk.add_exchange("flush_device", &[("device", &[super::DEVICE])], &[])
            },
        )?,
        case(
            Code::StatusUnmapped,
            &[],
            Device,
            |talk| status(talk, 0xC000_0001),
            |talk| status(talk, 0xC000_000D),
        )?,
        case(
            Code::StatusByHandle,
            &[],
            Device,
            |talk| talk.create_device(0),
            |talk| talk.create_device(0x4000_0240),
        )?,
        case(
            Code::StatusProbe,
            &[],
            Device,
            |talk| query(talk, 15, 0xC000_00BB),
            |talk| query(talk, 15, 0),
        )?,
        case(
            Code::StatusVital,
            &[],
            Nothing,
            |talk| opened(talk, 0xC000_00BB),
            |talk| opened(talk, 0),
        )?,
    ])
}
