//! Holds packets back until the sends before them have returned.

use std::collections::{HashMap, VecDeque};

use dxgtrace_ebpf::record::SendReturn;

use super::draft::PacketDraft;
use dxgtrace_protocol::record::header::KnownFields;

/// At most so many packets are held back.
const HELD_LIMIT: usize = 65_536;
/// At most so many payload bytes are held back.
const HELD_BYTES_LIMIT: usize = 64 << 20;

/// Packets in the order of the records; the first may wait for its return value.
#[derive(Debug)]
pub(super) struct SendOrder {
    held: VecDeque<PacketDraft>,
    /// Number of the first in `held`, counted over the whole capture.
    first: u64,
    held_bytes: usize,
    /// By task, the number of its send in progress.
    sending: HashMap<u64, u64>,
    /// How long a send is waited for, in nanoseconds.
    patience: u64,
}

impl SendOrder {
    pub(super) fn new(patience: u64) -> Self {
        Self {
            held: VecDeque::new(),
            first: 0,
            held_bytes: 0,
            sending: HashMap::new(),
            patience,
        }
    }

    /// Adds the latest packet.
    pub(super) fn push(&mut self, draft: PacketDraft) {
        if draft.sending {
            let number = self.first + self.held.len() as u64;
            if let Some(earlier) = self.sending.insert(draft.task, number) {
                // A thread sends one packet at a time: that return was missed.
                self.resolve(earlier, None);
            }
        }
        self.held_bytes += draft.payload.len();
        self.held.push_back(draft);
    }

    /// A send has returned. False if it is none that is waited for.
    pub(super) fn returned(&mut self, end: &SendReturn) -> bool {
        let Some(&number) = self.sending.get(&end.task) else {
            return false;
        };
        if self.held(number).is_none_or(|send| send.time != end.entry) {
            return false;
        }
        self.sending.remove(&end.task);
        self.resolve(number, Some(end.value));
        true
    }

    /// The next packet that need not wait any longer at this time.
    pub(super) fn next(&mut self, now: u64) -> Option<PacketDraft> {
        let first = self.held.front()?;
        if first.sending {
            let patient = now.saturating_sub(first.time) < self.patience;
            let room = self.held.len() < HELD_LIMIT && self.held_bytes < HELD_BYTES_LIMIT;
            if patient && room {
                return None;
            }
            let task = first.task;
            self.sending.remove(&task);
            self.resolve(self.first, None);
        }
        let draft = self.held.pop_front()?;
        self.first += 1;
        self.held_bytes = self.held_bytes.saturating_sub(draft.payload.len());
        Some(draft)
    }

    /// No send that is in progress will return any more.
    pub(super) fn stop_waiting(&mut self) {
        self.sending.clear();
        for draft in &mut self.held {
            draft.sending = false;
        }
    }

    /// The packet that is next, ready or not.
    pub(super) fn front(&self) -> Option<&PacketDraft> {
        self.held.front()
    }

    /// The latest packet.
    pub(super) fn back(&self) -> Option<&PacketDraft> {
        self.held.back()
    }

    fn held(&mut self, number: u64) -> Option<&mut PacketDraft> {
        let index = number.checked_sub(self.first)?;
        self.held.get_mut(usize::try_from(index).ok()?)
    }

    /// A send in progress has ended, or will not be waited for any more.
    fn resolve(&mut self, number: u64, value: Option<i32>) {
        let Some(send) = self.held(number) else {
            return;
        };
        send.sending = false;
        if let Some(value) = value {
            send.header.return_value = value;
            send.header.known.0 |= KnownFields::RETURN_VALUE;
        }
    }
}
