//! Findings about the lifetimes of objects.

use anyhow::Result;
use dxgtrace_session::check::Code;

use super::InitialState::Device;
use super::{ALLOCATION, Case, DEVICE, PROCESS, case};
use crate::conversation::Conversation;

/// Another process, its device and its allocation.
const OTHER: u32 = 0x4000_0140;
const THEIRS: u64 = 0x4000_1000;

fn evict(talk: &mut Conversation, handle: u64) -> Result<()> {
    talk.add_exchange(
        "evict",
        &[("device", &[DEVICE]), ("allocations", &[handle])],
        &[],
    )
}

fn free(talk: &mut Conversation, handle: u64) -> Result<()> {
    talk.add_exchange(
        "destroy_allocation",
        &[("device", &[DEVICE]), ("allocations", &[handle])],
        &[],
    )
}

fn end_device(talk: &mut Conversation) -> Result<()> {
    talk.add_exchange("destroy_device", &[("device", &[DEVICE])], &[])
}

/// The process ends, and another shows that the virtual GPU lives on.
fn end_process(talk: &mut Conversation) -> Result<()> {
    talk.add_exchange("destroy_process", &[], &[])?;
    talk.create_process(OTHER, 200)?;
    talk.add_exchange("flush_heap_transitions", &[], &[])
}

fn foreign(talk: &mut Conversation, handle: u64) -> Result<()> {
    talk.create_process(OTHER, 200)?;
    talk.create_device(DEVICE)?;
    talk.create_allocations(DEVICE, &[THEIRS])?;
    (talk.process, talk.pid) = (PROCESS, 100);
    evict(talk, handle)
}

fn history(talk: &mut Conversation, handle: u64) -> Result<()> {
    let made = [("context", &[0x4000_0100][..])];
    talk.add_exchange("create_context_virtual", &[("device", &[DEVICE])], &made)?;
    talk.add_exchange(
        "submit_command",
        &[
            ("broadcast_context", &[0x4000_0100]),
            ("history_buffers", &[handle]),
        ],
        &[],
    )
}

fn wait(talk: &mut Conversation, event: u64) -> Result<()> {
    talk.add_exchange(
        "wait_for_sync_object_from_cpu",
        &[("device", &[DEVICE]), ("guest_event_pointer", &[event])],
        &[],
    )
}

fn announce(talk: &mut Conversation, pointer: u64) -> Result<()> {
    talk.add_host_message(
        "set_guest_data",
        &[("guest_pointer", &[pointer]), ("data32", &[1])],
    )
}

/// Memory is made resident on a new paging queue, with this answer.
fn reside(talk: &mut Conversation, reply_values: &[(&str, &[u64])]) -> Result<()> {
    let queue = [
        ("paging_queue", &[0x4000_0100][..]),
        ("sync_object", &[0x4000_0140]),
    ];
    talk.add_exchange("create_paging_queue", &[("device", &[DEVICE])], &queue)?;
    let asked = [
        ("paging_queue", &[0x4000_0100][..]),
        ("allocations", &[ALLOCATION]),
    ];
    talk.add_exchange("make_resident", &asked, reply_values)
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::MemoryOverBudget,
            &[],
            Device,
            |talk| {
                reside(
                    talk,
                    &[("num_bytes_to_trim", &[1 << 20]), ("status", &[0x103])],
                )
            },
            |talk| reside(talk, &[("status", &[0x103])]),
        )?,
        case(
            Code::MemoryRefused,
            &[Code::StatusFailed],
            Device,
            |talk| reside(talk, &[("status", &[0xC000_0017])]),
            |talk| reside(talk, &[("status", &[0x103])]),
        )?,
        case(
            Code::ObjectUnknown,
            &[],
            Device,
            |talk| evict(talk, 0x4001_2340),
            |talk| evict(talk, ALLOCATION),
        )?,
        case(
            Code::ObjectWrongKind,
            &[],
            Device,
            |talk| evict(talk, DEVICE),
            |talk| evict(talk, ALLOCATION),
        )?,
        case(
            Code::ObjectForeign,
            &[],
            Device,
            |talk| foreign(talk, THEIRS),
            |talk| foreign(talk, ALLOCATION),
        )?,
        case(
            Code::ObjectAfterDestroy,
            &[],
            Device,
            |talk| {
                free(talk, ALLOCATION)?;
                evict(talk, ALLOCATION)
            },
            // The number is used again, for a new object.
            |talk| {
                free(talk, ALLOCATION)?;
                talk.create_allocations(DEVICE, &[ALLOCATION])?;
                evict(talk, ALLOCATION)
            },
        )?,
        case(
            Code::ObjectDestroyedTwice,
            &[],
            Device,
            |talk| {
                free(talk, ALLOCATION)?;
                free(talk, ALLOCATION)
            },
            // The first attempt fails.
            |talk| {
                talk.add_exchange(
                    "destroy_allocation",
                    &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
                    &[("status", &[0xC000_000D])],
                )?;
                free(talk, ALLOCATION)
            },
        )?,
        case(
            Code::ObjectInUse,
            &[],
            Device,
            |talk| talk.create_allocations(DEVICE, &[ALLOCATION]),
            // Its destruction is under way on another channel.
            |talk| {
                let asked = talk.add_request(
                    "destroy_allocation",
                    &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
                )?;
                talk.pid = 101;
                talk.create_allocations(DEVICE, &[ALLOCATION])?;
                talk.add_reply(&asked, &[])
            },
        )?,
        case(
            Code::ObjectLeaked,
            &[],
            Device,
            |talk| {
                free(talk, ALLOCATION)?;
                end_process(talk)
            },
            |talk| {
                free(talk, ALLOCATION)?;
                end_device(talk)?;
                end_process(talk)
            },
        )?,
        case(Code::ObjectLeftToDevice, &[], Device, end_device, |talk| {
            free(talk, ALLOCATION)?;
            end_device(talk)
        })?,
        case(
            Code::ObjectHint,
            &[],
            Device,
            |talk| history(talk, 0x77),
            |talk| history(talk, ALLOCATION),
        )?,
        case(
            Code::EventStale,
            &[],
            Device,
            |talk| {
                wait(talk, 2)?;
                talk.add_host_message("signal_guest_event", &[("event", &[2])])?;
                talk.add_host_message("signal_guest_event", &[("event", &[2])])
            },
            |talk| {
                // A notification may be signalled again and again.
                talk.add_exchange(
                    "create_sync_object",
                    &[
                        ("device", &[DEVICE]),
                        ("info.type", &[4]),
                        ("info.cpu_notification.event", &[2]),
                    ],
                    &[("sync_object", &[0x4000_0200])],
                )?;
                talk.add_host_message("signal_guest_event", &[("event", &[2])])?;
                talk.add_host_message("signal_guest_event_passive", &[("event", &[2])])
            },
        )?,
        case(
            Code::PointerNotEchoed,
            &[],
            Device,
            |talk| announce(talk, 0xffff_8000_1234_0000),
            |talk| announce(talk, 0xffff_8000_1234_5678),
        )?,
    ])
}
