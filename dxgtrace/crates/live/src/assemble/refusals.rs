//! Folds sends that VMBus refused because the channel's ring was full.
//!
//! The driver retries the same request until it succeeds or gives up. The attempts
//! are no messages: an accepted request carries their number, and if none is
//! accepted, a single record of a refused send remains, which counts itself.

use std::collections::HashMap;

use super::draft::PacketDraft;

/// Time without a retry after which a sender has given up, in nanoseconds. The
/// driver sleeps a few milliseconds between attempts.
const GIVE_UP_TIME: u64 = 2_000_000_000;
/// Interval between two searches for senders that have given up, in nanoseconds.
const SEARCH_INTERVAL: u64 = 100_000_000;
/// Number of tasks whose refused sends are held, at most.
const TASKS_LIMIT: usize = 4096;

/// Identifies a message among the sends of one thread: two sends with equal values
/// are attempts of the same message.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendAttempt {
    pub(super) channel: u64,
    pub(super) transaction: u64,
    pub(super) length: u32,
    /// Packets lost before it, but by missed probes.
    pub(super) lost: u64,
}

impl PartialEq for SendAttempt {
    /// Asynchronous messages have no transaction id and are told by their length.
    fn eq(&self, other: &Self) -> bool {
        self.channel == other.channel
            && self.transaction == other.transaction
            && (self.transaction != 0 || self.length == other.length)
    }
}

/// The refused sends, one for each task.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_task: HashMap<u64, (SendAttempt, PacketDraft)>,
    searched_at: u64,
}

impl Refusals {
    /// Takes a refused send. It replaces an earlier attempt of the same message and
    /// counts it; another message shows that the task has given up the earlier one.
    /// Returns the send that was given up, and the payload that was replaced.
    pub(super) fn on_refusal(
        &mut self,
        task: u64,
        attempt: SendAttempt,
        mut refused_send: PacketDraft,
    ) -> (Option<(SendAttempt, PacketDraft)>, Option<Vec<u8>>) {
        refused_send.header.refused_attempts = 1;
        match self.by_task.remove(&task) {
            Some((earlier, refused)) if earlier == attempt => {
                refused_send.header.refused_attempts += refused.header.refused_attempts;
                self.by_task.insert(task, (attempt, refused_send));
                (None, Some(refused.payload))
            }
            Some(refused) => {
                self.by_task.insert(task, (attempt, refused_send));
                (Some(refused), None)
            }
            None if self.by_task.len() >= TASKS_LIMIT => (Some((attempt, refused_send)), None),
            None => {
                self.by_task.insert(task, (attempt, refused_send));
                (None, None)
            }
        }
    }

    /// Removes the task's refused send.
    pub(super) fn take(&mut self, task: u64) -> Option<(SendAttempt, PacketDraft)> {
        self.by_task.remove(&task)
    }

    /// Removes a send that was given up by the time `now`.
    pub(super) fn take_given_up(&mut self, now: u64) -> Option<(SendAttempt, PacketDraft)> {
        if self.by_task.is_empty() || now < self.searched_at.saturating_add(SEARCH_INTERVAL) {
            return None;
        }
        let given_up = self
            .by_task
            .iter()
            .filter(|(_, (_, refused_send))| now.saturating_sub(refused_send.time) > GIVE_UP_TIME)
            .min_by_key(|(_, (_, refused_send))| refused_send.time)
            .map(|(task, _)| *task);
        match given_up {
            Some(task) => self.by_task.remove(&task),
            None => {
                self.searched_at = now;
                None
            }
        }
    }

    /// Removes all refused sends, in order of time.
    pub(super) fn take_all(&mut self) -> Vec<(SendAttempt, PacketDraft)> {
        let mut rest: Vec<_> = self.by_task.drain().map(|(_, refused)| refused).collect();
        rest.sort_by_key(|(_, refused_send)| refused_send.time);
        rest
    }
}
