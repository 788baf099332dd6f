//! Iteration over the handles of a step.

use crate::plan::{HandleStep, Place};
use dxgtrace_protocol::decode::LocatedBody;

/// Calls `on_handle` for each handle of a step, with the handle, the object's
/// bytes if the element gives them, the offset in the payload, and the index in
/// the array. Returns `false` if some handles were not captured.
pub(super) fn for_each_handle(
    body: &LocatedBody<'_>,
    step: &HandleStep,
    mut on_handle: impl FnMut(u64, u64, usize, Option<usize>),
) -> bool {
    match step.place {
        Place::Fixed { at, count, used } => {
            let used = used.map_or(u64::from(count), |used| {
                let used = body.read_slice(&used).unwrap_or(0);
                used.min(u64::from(count))
            });
            let at = usize::from(at);
            if at + usize::from(step.size) > body.length {
                // The field was not sent, as opposed to not captured.
                return true;
            }
            for index in 0..used as usize {
                let at = at + index * usize::from(step.size);
                let Some(handle) = body.number(at, step.size) else {
                    return false;
                };
                on_handle(handle, 0, body.base + at, (count > 1).then_some(index));
            }
            true
        }
        Place::Tail {
            tail,
            stride,
            member,
        } => {
            let Some(tail) = body.tail(usize::from(tail)) else {
                return true;
            };
            let (stride, member) = (usize::from(stride).max(1), usize::from(member));
            let mut seen = 0;
            for (index, element) in tail.bytes.chunks_exact(stride).take(tail.count).enumerate() {
                let handle = element.get(member..).and_then(<[u8]>::first_chunk);
                let Some(handle) = handle.map(|bytes| u32::from_le_bytes(*bytes)) else {
                    return false;
                };
                let bytes = step
                    .size_at
                    .and_then(|at| element.get(usize::from(at)..)?.first_chunk())
                    .map_or(0, |bytes| u64::from_le_bytes(*bytes));
                let at = tail.at + index * stride + member;
                on_handle(u64::from(handle), bytes, at, Some(index));
                seen += 1;
            }
            seen == tail.count
        }
    }
}
