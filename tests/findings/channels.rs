//! The life of channels: what is said by records, and what is concluded without.

use anyhow::Result;
use dxgtrace_protocol::record::header::ChannelEvent::{Close, Offer, Open, Rescind};
use dxgtrace_protocol::table::errno::{ENODEV, negative};
use dxgtrace_session::check::Code;

use super::InitialState::{Device, Nothing};
use super::{ALLOCATION, Case, DEVICE, PROCESS, calls, case};
use crate::conversation::{Conversation, GLOBAL, VGPU0};

/// A call that the driver refuses since the virtual GPU is gone.
fn refused(talk: &mut Conversation) {
    calls::end(talk, ENODEV, 0);
}

/// The virtual GPU is offered and opened again, and a process begins anew.
fn back(talk: &mut Conversation) -> Result<()> {
    talk.add_channel_event(VGPU0, Offer, 0);
    talk.add_channel_event(VGPU0, Open, 0);
    talk.open_adapter()?;
    talk.create_process(PROCESS + 0x40, 101)?;
    talk.create_device(DEVICE)
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::ChannelRescinded,
            &[Code::ChannelCallsFailed, Code::IoctlAdapterGone],
            Device,
            |talk| {
                talk.add_channel_event(VGPU0, Rescind, 0);
                talk.add_channel_event(VGPU0, Close, 0);
                refused(talk);
                refused(talk);
                back(talk)
            },
            |talk| {
                talk.add_channel_event(VGPU0, Offer, 0);
                talk.add_channel_event(VGPU0, Open, 0);
                talk.open_adapter()
            },
        )?,
        case(
            Code::ChannelClosed,
            &[],
            Device,
            |talk| {
                talk.add_channel_event(VGPU0, Close, 0);
                back(talk)
            },
            |talk| {
                // Nothing exists any more.
                talk.add_exchange(
                    "destroy_allocation",
                    &[("device", &[DEVICE]), ("allocations", &[ALLOCATION])],
                    &[],
                )?;
                talk.add_exchange("destroy_device", &[("device", &[DEVICE])], &[])?;
                talk.add_channel_event(VGPU0, Close, 0);
                Ok(())
            },
        )?,
        case(
            Code::ChannelUnanswered,
            &[Code::ChannelRescinded],
            Device,
            |talk| {
                talk.add_request("flush_heap_transitions", &[])?;
                talk.add_channel_event(VGPU0, Rescind, 0);
                talk.add_channel_event(VGPU0, Close, 0);
                talk.time += 20_000_000_000;
                back(talk)
            },
            |talk| {
                // What the host had written before is still read.
                let asked = talk.add_request("flush_heap_transitions", &[])?;
                talk.add_channel_event(VGPU0, Rescind, 0);
                talk.add_reply(&asked, &[])?;
                talk.add_channel_event(VGPU0, Close, 0);
                Ok(())
            },
        )?,
        case(
            Code::ChannelOpenFailed,
            &[],
            Nothing,
            |talk| {
                talk.add_channel_event(GLOBAL, Open, 0);
                talk.add_exchange("set_io_space_region", &[("length", &[1 << 26])], &[])?;
                talk.add_channel_event(VGPU0, Offer, 0);
                talk.add_channel_event(VGPU0, Open, negative("ENOMEM"));
                Ok(())
            },
            |talk| {
                talk.add_channel_event(VGPU0, Offer, 0);
                talk.add_channel_event(VGPU0, Open, 0);
                talk.start_driver()
            },
        )?,
        case(
            Code::ChannelCallsFailed,
            &[
                Code::ChannelRescinded,
                Code::IoctlAdapterGone,
                Code::AdapterOpenObjects,
            ],
            Device,
            |talk| {
                talk.add_channel_event(VGPU0, Rescind, 0);
                refused(talk);
                Ok(())
            },
            |talk| {
                talk.add_channel_event(VGPU0, Rescind, 0);
                talk.add_channel_event(VGPU0, Close, 0);
                back(talk)
            },
        )?,
        case(
            Code::ChannelGone,
            &[
                Code::ChannelCallsFailed,
                Code::IoctlAdapterGone,
                Code::AdapterOpenObjects,
            ],
            Device,
            |talk| {
                refused(talk);
                refused(talk);
                Ok(())
            },
            |talk| {
                // It is there.
                refused(talk);
                talk.add_exchange("flush_heap_transitions", &[], &[])
            },
        )?,
    ])
}
