//! The handles of a step, one by one.

use crate::plan::{HandleStep, Place};
use dxgtrace_protocol::decode::LocatedBody;

/// Calls `take` with each handle of a step: the handle, the bytes of the
/// object that its element tells, its offset in the payload, its index in the
/// array. `false` if some were not captured.
pub(super) fn handles(
    body: &LocatedBody<'_>,
    step: &HandleStep,
    mut take: impl FnMut(u64, u64, usize, Option<usize>),
) -> bool {
    match step.place {
        Place::Fixed { at, count, used } => {
            let used = used.map_or(u64::from(count), |used| {
                let used = body.read_slice(&used).unwrap_or(0);
                used.min(u64::from(count))
            });
            let at = usize::from(at);
            if at + usize::from(step.size) > body.length {
                // Not cut off but not sent: there is nothing to follow.
                return true;
            }
            for index in 0..used as usize {
                let at = at + index * usize::from(step.size);
                let Some(handle) = body.number(at, step.size) else {
                    return false;
                };
                take(handle, 0, body.base + at, (count > 1).then_some(index));
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
                    .bytes_at
                    .and_then(|at| element.get(usize::from(at)..)?.first_chunk())
                    .map_or(0, |bytes| u64::from_le_bytes(*bytes));
                let at = tail.at + index * stride + member;
                take(u64::from(handle), bytes, at, Some(index));
                seen += 1;
            }
            seen == tail.count
        }
    }
}
