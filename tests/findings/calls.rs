//! Findings about the results of ioctls and the replies of the host.

use anyhow::Result;
use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::{EAGAIN, ENODEV, negative};
use dxgtrace_session::check::Code;

use super::InitialState::Device;
use super::{Case, case};
use crate::conversation::{Conversation, DRIVER};

/// `D3DKMTFlushHeapTransitions`.
const FLUSH: u32 = 0xc004_471f;
const NO_MEMORY: u64 = 0xc000_0017;
const ENOMEM: i32 = negative("ENOMEM");
const EINVAL: i32 = negative("EINVAL");
const EFAULT: i32 = negative("EFAULT");
/// A process of which nothing else is in the capture.
const OTHER: u32 = 200;
const EINTR: i32 = negative("EINTR");
const ENOTTY: i32 = negative("ENOTTY");

/// An ioctl that causes a message, which is answered with `status`, and
/// returns `result`.
fn call(talk: &mut Conversation, status: u64, result: i32) -> Result<()> {
    let asked = talk.add_request("flush_heap_transitions", &[])?;
    within(&mut talk.last()?.header);
    talk.add_reply(&asked, &[("status", &[status])])?;
    within(&mut talk.last()?.header);
    end(talk, result, 1);
    Ok(())
}

/// The packet was sent in the ioctl, or answers one that was.
pub fn within(header: &mut RecordHeader) {
    header.known.0 |= KnownFields::IOCTL;
    header.ioctl = FLUSH;
}

/// The ioctl ends with `result`.
pub fn end(talk: &mut Conversation, result: i32, messages: u64) {
    let known = KnownFields(
        KnownFields::TASK
            | KnownFields::IOCTL
            | KnownFields::IOCTL_RESULT
            | KnownFields::RETURN_VALUE,
    );
    let header = RecordHeader {
        kind: RecordKind::Ioctl,
        known,
        ioctl: FLUSH,
        ioctl_result: result,
        ..talk.header(Direction::HostToGuest, DRIVER, 0)
    };
    let end = IoctlEnd {
        duration: 300_000,
        messages,
    };
    talk.push(header, end.encode().to_vec());
}

/// An ioctl that creates a paging queue, of which the host gives no handle, and
/// returns `result`.
fn no_handle(talk: &mut Conversation, result: i32) -> Result<()> {
    let asked = talk.add_request("create_paging_queue", &[("device", &[super::DEVICE])])?;
    within(&mut talk.last()?.header);
    talk.add_reply(&asked, &[])?;
    within(&mut talk.last()?.header);
    end(talk, result, 1);
    Ok(())
}

/// The conversations about ioctls.
pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::IoctlRefused,
            &[],
            Device,
            |talk| {
                end(talk, EINVAL, 0);
                Ok(())
            },
            |talk| {
                end(talk, EINTR, 0);
                Ok(())
            },
        )?,
        case(
            Code::IoctlAdapterGone,
            &[Code::ChannelGone, Code::AdapterOpenObjects],
            Device,
            |talk| {
                end(talk, ENODEV, 0);
                Ok(())
            },
            |talk| call(talk, 0, 0),
        )?,
        case(
            Code::AdapterOpenObjects,
            &[
                Code::ChannelGone,
                Code::ChannelCallsFailed,
                Code::IoctlAdapterGone,
            ],
            Device,
            |talk| {
                end(talk, ENODEV, 0);
                end(talk, ENODEV, 0);
                Ok(())
            },
            |talk| {
                // Nothing is known of what that process had open.
                talk.pid = OTHER;
                end(talk, ENODEV, 0);
                Ok(())
            },
        )?,
        case(
            Code::IoctlForeignFile,
            &[],
            Device,
            |talk| {
                end(talk, ENOTTY, 0);
                Ok(())
            },
            |talk| call(talk, 0, 0),
        )?,
        case(
            Code::IoctlUnsendable,
            &[],
            Device,
            |talk| {
                end(talk, EINVAL, 0);
                talk.last()?.header.return_value = EINVAL;
                Ok(())
            },
            |talk| {
                // A failed send of another kind says nothing of its size.
                end(talk, EINVAL, 0);
                talk.last()?.header.return_value = EAGAIN;
                Ok(())
            },
        )?,
        case(
            Code::IoctlNoObject,
            &[Code::StatusByHandle],
            Device,
            |talk| no_handle(talk, 0),
            |talk| no_handle(talk, EINVAL),
        )?,
        case(
            Code::IoctlAfterSuccess,
            &[],
            Device,
            |talk| call(talk, 0, EFAULT),
            |talk| {
                // A lost message may be the one that failed.
                let asked = talk.add_request("flush_heap_transitions", &[])?;
                within(&mut talk.last()?.header);
                talk.add_reply(&asked, &[])?;
                end(talk, EFAULT, 2);
                Ok(())
            },
        )?,
        case(
            Code::IoctlNotTold,
            &[Code::StatusFailed],
            Device,
            |talk| call(talk, NO_MEMORY, 0),
            |talk| call(talk, 0, 0),
        )?,
        case(
            Code::IoctlOtherErrno,
            &[Code::StatusFailed],
            Device,
            |talk| call(talk, NO_MEMORY, EFAULT),
            |talk| call(talk, NO_MEMORY, ENOMEM),
        )?,
    ])
}
