//! Holds packets back until all sends before them have returned.

use std::collections::{HashMap, VecDeque};

use dxgtrace_ebpf::record::SendReturn;

use super::draft::PacketDraft;
use dxgtrace_protocol::record::header::KnownFields;

/// Number of packets that are held back, at most.
const HELD_LIMIT: usize = 65_536;
/// Bytes of payload that are held back, at most.
const HELD_BYTES_LIMIT: usize = 64 << 20;

/// Packets in the order of their records. The first may wait for its return value.
#[derive(Debug)]
pub(super) struct SendOrder {
    held: VecDeque<PacketDraft>,
    /// Position in the capture of the first packet in `held`.
    first: u64,
    held_bytes: usize,
    /// By task, the position of its send in progress.
    sending: HashMap<u64, u64>,
    /// How long a send waits for its return, in nanoseconds.
    send_timeout: u64,
}

impl SendOrder {
    pub(super) fn new(send_timeout: u64) -> Self {
        Self {
            held: VecDeque::new(),
            first: 0,
            held_bytes: 0,
            sending: HashMap::new(),
            send_timeout,
        }
    }

    /// Adds the latest packet.
    pub(super) fn push(&mut self, draft: PacketDraft) {
        if draft.awaits_return {
            let number = self.first + self.held.len() as u64;
            if let Some(earlier) = self.sending.insert(draft.task, number) {
                // A thread sends one packet at a time: that return was missed.
                self.resolve(earlier, None);
            }
        }
        self.held_bytes += draft.payload.len();
        self.held.push_back(draft);
    }

    /// Takes the return of a send. Returns false if no send waits for it.
    pub(super) fn on_return(&mut self, end: &SendReturn) -> bool {
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

    /// Returns the next packet, unless it still waits at the time `now`.
    pub(super) fn next(&mut self, now: u64) -> Option<PacketDraft> {
        let first = self.held.front()?;
        if first.awaits_return {
            let waits = now.saturating_sub(first.time) < self.send_timeout;
            let room = self.held.len() < HELD_LIMIT && self.held_bytes < HELD_BYTES_LIMIT;
            if waits && room {
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

    /// Lets all packets leave without waiting.
    pub(super) fn stop_waiting(&mut self) {
        self.sending.clear();
        for draft in &mut self.held {
            draft.awaits_return = false;
        }
    }

    /// The next packet, whether it waits or not.
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

    /// Ends the wait of a send, with its return value if that is known.
    fn resolve(&mut self, number: u64, value: Option<i32>) {
        let Some(send) = self.held(number) else {
            return;
        };
        send.awaits_return = false;
        if let Some(value) = value {
            send.header.return_value = value;
            send.header.known.0 |= KnownFields::RETURN_VALUE;
        }
    }
}
