//! Replies of which the driver reads nothing, because they are too short.

use super::{Payload, PendingRequest, read_number};
use crate::schema::Layout;
use crate::schema::values::NamedStatus;
use crate::table;

/// A reply with fewer bytes than the driver waits for. It is no body with parts
/// missing: the driver copies none of it, and hosts that refuse a request send a
/// status where the body would be.
#[derive(Debug, Clone, Copy)]
pub struct ShortReply {
    /// The layout that the reply should have had.
    pub layout: &'static Layout,
    /// How many bytes the driver waits for.
    pub expected: u64,
    /// The host's status, if the bytes hold one.
    pub status: Option<u32>,
    /// Offset of the status in the payload.
    pub status_at: usize,
}

/// A reply of at most this many bytes can be a status and nothing else: the
/// ring rounds its 4 bytes up to 8.
const STATUS_ONLY: usize = 8;

impl ShortReply {
    /// The judgement: whether a reply of that layout is too short for the driver.
    #[inline]
    pub(super) fn of(
        layout: &'static Layout,
        payload: Payload<'_>,
        pending: &PendingRequest,
    ) -> Option<Self> {
        if !layout.is_read {
            return None;
        }
        let expected = match payload.reply_room {
            Some(room) => u64::from(room),
            None => pending.expected_length_of(layout)?,
        };
        ((payload.length as u64) < expected).then(|| Self::new(layout, payload, expected))
    }

    #[cold]
    fn new(layout: &'static Layout, payload: Payload<'_>, expected: u64) -> Self {
        let word = |at: usize| read_number(payload.data, at, 4).map(|word| word as u32);
        let own = layout.status.map(usize::from);
        let at = match word(0) {
            Some(first) if is_status_alone(first, payload.length) => Some(0),
            _ => own.filter(|at| at.saturating_add(4) <= payload.length),
        };
        Self {
            layout,
            expected,
            status: at.and_then(word),
            status_at: at.unwrap_or(0),
        }
    }
}

/// Whether a word that a short reply begins with is the status of a failure: one
/// with a name, or an error of any facility with nothing behind it.
fn is_status_alone(word: u32, length: usize) -> bool {
    const ERROR: u32 = 0xC;
    !NamedStatus::is_success(word)
        && (table::status(word).is_some() || word >> 28 == ERROR && length <= STATUS_ONLY)
}
