//! What fences and queues show.

use anyhow::Result;
use dxgtrace_session::check::Code;

use super::InitialState::Device;
use super::calls::{end, within};
use super::{Case, DEVICE, case};
use crate::conversation::Conversation;

const CONTEXT: u64 = 0x4000_0100;
const OTHER_CONTEXT: u64 = 0x4000_0140;
const FENCE: u64 = 0x4000_0200;
const OTHER_FENCE: u64 = 0x4000_0240;
/// More than a wait may last.
const LONG: u64 = 6_000_000_000;
/// CPU waits that make polling.
const MANY: u64 = 500;

fn fence(talk: &mut Conversation, handle: u64) -> Result<()> {
    talk.add_exchange(
        "create_sync_object",
        &[("device", &[DEVICE]), ("info.type", &[5])],
        &[("sync_object", &[handle])],
    )
}

fn context(talk: &mut Conversation, handle: u64) -> Result<()> {
    talk.add_exchange(
        "create_context_virtual",
        &[("device", &[DEVICE])],
        &[("context", &[handle])],
    )
}

fn submit(talk: &mut Conversation, context: u64) -> Result<()> {
    talk.add_exchange("submit_command", &[("broadcast_context", &[context])], &[])
}

/// A thread waits for the fence.
fn wait(talk: &mut Conversation, event: u64, value: u64) -> Result<()> {
    talk.add_exchange(
        "wait_for_sync_object_from_cpu",
        &[
            ("device", &[DEVICE]),
            ("guest_event_pointer", &[event]),
            ("objects", &[FENCE]),
            ("fence_values", &[value]),
        ],
        &[],
    )
}

/// The same in an ioctl that has not ended.
fn wait_in_ioctl(talk: &mut Conversation, event: u64, value: u64) -> Result<()> {
    let asked = talk.add_request(
        "wait_for_sync_object_from_cpu",
        &[
            ("device", &[DEVICE]),
            ("guest_event_pointer", &[event]),
            ("objects", &[FENCE]),
            ("fence_values", &[value]),
        ],
    )?;
    within(&mut talk.last()?.header);
    talk.add_reply(&asked, &[])?;
    within(&mut talk.last()?.header);
    Ok(())
}

/// A context waits for a fence to reach 1 before it goes on.
fn hold(talk: &mut Conversation, context: u64, fence: u64) -> Result<()> {
    talk.add_exchange(
        "wait_for_sync_object_from_gpu",
        &[
            ("context", &[context]),
            ("objects", &[fence]),
            ("fence_values", &[1]),
        ],
        &[],
    )
}

/// A context signals a fence when it is done with what was queued to it.
fn signal(talk: &mut Conversation, context: u64, fence: u64) -> Result<()> {
    talk.add_exchange(
        "signal_sync_object",
        &[
            ("objects", &[fence]),
            ("contexts", &[context]),
            ("fence_values", &[1]),
        ],
        &[],
    )
}

/// Time passes, and something is sent after it.
fn pass(talk: &mut Conversation) -> Result<()> {
    talk.time += LONG;
    talk.add_exchange("flush_heap_transitions", &[], &[])
}

/// Two contexts, of which each holds until the other has signalled.
fn cross(talk: &mut Conversation, first_holds: bool) -> Result<()> {
    context(talk, CONTEXT)?;
    context(talk, OTHER_CONTEXT)?;
    fence(talk, FENCE)?;
    fence(talk, OTHER_FENCE)?;
    if first_holds {
        hold(talk, CONTEXT, OTHER_FENCE)?;
    }
    signal(talk, CONTEXT, FENCE)?;
    hold(talk, OTHER_CONTEXT, FENCE)?;
    signal(talk, OTHER_CONTEXT, OTHER_FENCE)?;
    if !first_holds {
        hold(talk, CONTEXT, OTHER_FENCE)?;
    }
    pass(talk)
}

/// A thread waits for what a context is to signal.
fn stall(talk: &mut Conversation) -> Result<()> {
    context(talk, CONTEXT)?;
    fence(talk, FENCE)?;
    submit(talk, CONTEXT)?;
    signal(talk, CONTEXT, FENCE)?;
    wait(talk, 2, 1)
}

/// An event is queued behind the work of a context.
fn queue_event(talk: &mut Conversation, event: u64) -> Result<()> {
    context(talk, CONTEXT)?;
    talk.add_exchange(
        "signal_sync_object",
        &[
            ("flags", &[2]),
            ("cpu_event_handle", &[event]),
            ("contexts", &[CONTEXT]),
        ],
        &[],
    )?;
    talk.time += LONG;
    Ok(())
}

/// The second context is refused.
fn refuse(talk: &mut Conversation, works: bool) -> Result<()> {
    context(talk, CONTEXT)?;
    if works {
        submit(talk, CONTEXT)?;
    }
    context(talk, 0)
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::FenceNeverSignalled,
            &[],
            Device,
            |talk| {
                fence(talk, FENCE)?;
                wait_in_ioctl(talk, 3, 7)?;
                end(talk, -512, 1);
                Ok(())
            },
            |talk| {
                fence(talk, FENCE)?;
                wait_in_ioctl(talk, 3, 7)?;
                talk.add_host_message("signal_guest_event", &[("event", &[3])])?;
                end(talk, -512, 1);
                Ok(())
            },
        )?,
        case(
            Code::FencePolling,
            &[],
            Device,
            |talk| {
                fence(talk, FENCE)?;
                for event in 0..MANY {
                    wait(talk, 2 + event, 7)?;
                }
                Ok(())
            },
            // The same number of waits, each for the next value.
            |talk| {
                fence(talk, FENCE)?;
                for event in 0..MANY {
                    wait(talk, 2 + event, 7 + event)?;
                    talk.add_host_message("signal_guest_event", &[("event", &[2 + event])])?;
                }
                Ok(())
            },
        )?,
        case(
            Code::FenceDeadlock,
            &[],
            Device,
            |talk| cross(talk, true),
            |talk| cross(talk, false),
        )?,
        case(
            Code::QueueStalled,
            &[Code::FenceNeverSignalled],
            Device,
            |talk| {
                stall(talk)?;
                pass(talk)
            },
            |talk| {
                stall(talk)?;
                talk.add_host_message("signal_guest_event", &[("event", &[2])])?;
                pass(talk)
            },
        )?,
        case(
            Code::ContextFailedMidrun,
            &[Code::StatusByHandle],
            Device,
            |talk| refuse(talk, true),
            |talk| refuse(talk, false),
        )?,
        case(
            Code::EventMissing,
            &[],
            Device,
            |talk| {
                queue_event(talk, 2)?;
                talk.add_exchange("flush_heap_transitions", &[], &[])
            },
            |talk| {
                queue_event(talk, 2)?;
                talk.add_host_message("signal_guest_event", &[("event", &[2])])
            },
        )?,
    ])
}
