//! Sends that the ring refused because it was full.
//!
//! The driver tries again, with the same request, until it succeeds or gives
//! up. The attempts are no messages: the accepted one carries their count, and
//! if none is accepted, one record of a refused send remains.

use std::collections::HashMap;

use super::draft::PacketDraft;

/// A sender that has not tried again for so long has given up, in nanoseconds.
/// It sleeps a few milliseconds between attempts.
const GIVEN_UP: u64 = 2_000_000_000;
/// How often is looked for such.
const INTERVAL: u64 = 100_000_000;
/// At most so many senders are followed.
const LIMIT: usize = 4096;

/// What makes two sends attempts of the same message, within one thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendAttempt {
    pub(super) channel: u64,
    pub(super) transaction: u64,
    pub(super) length: u32,
}

impl PartialEq for SendAttempt {
    /// The transaction id tells; asynchronous messages have none.
    fn eq(&self, other: &Self) -> bool {
        self.channel == other.channel
            && self.transaction == other.transaction
            && (self.transaction != 0 || self.length == other.length)
    }
}

/// The refused sends, at most one for each task.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_task: HashMap<u64, (SendAttempt, PacketDraft)>,
    looked_at: u64,
}

impl Refusals {
    /// A send was refused. Its count of earlier attempts goes on if it is the
    /// same message; another one shows that the task gave up the earlier.
    /// Gives what became a record by that, and the payload it replaced.
    pub(super) fn add(
        &mut self,
        task: u64,
        attempt: SendAttempt,
        mut item: PacketDraft,
    ) -> (Option<PacketDraft>, Option<Vec<u8>>) {
        match self.by_task.remove(&task) {
            Some((earlier, refused)) if earlier == attempt => {
                item.header.refused_attempts = refused.header.refused_attempts + 1;
                self.by_task.insert(task, (attempt, item));
                (None, Some(refused.payload))
            }
            Some((_, refused)) => {
                self.by_task.insert(task, (attempt, item));
                (Some(refused), None)
            }
            None if self.by_task.len() >= LIMIT => (Some(item), None),
            None => {
                self.by_task.insert(task, (attempt, item));
                (None, None)
            }
        }
    }

    /// The task's refused send, now that it sends again.
    pub(super) fn take(&mut self, task: u64) -> Option<(SendAttempt, PacketDraft)> {
        self.by_task.remove(&task)
    }

    /// One that was given up by this time.
    pub(super) fn expired(&mut self, now: u64) -> Option<PacketDraft> {
        if self.by_task.is_empty() || now < self.looked_at.saturating_add(INTERVAL) {
            return None;
        }
        let expired = self
            .by_task
            .iter()
            .filter(|(_, (_, item))| now.saturating_sub(item.time) > GIVEN_UP)
            .min_by_key(|(_, (_, item))| item.time)
            .map(|(task, _)| *task);
        match expired {
            Some(task) => self.by_task.remove(&task).map(|(_, item)| item),
            None => {
                self.looked_at = now;
                None
            }
        }
    }

    /// All that are left, by time.
    pub(super) fn take_all(&mut self) -> Vec<PacketDraft> {
        let mut rest: Vec<PacketDraft> = self.by_task.drain().map(|(_, (_, item))| item).collect();
        rest.sort_by_key(|item| item.time);
        rest
    }
}
