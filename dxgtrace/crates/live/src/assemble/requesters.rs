//! Remembers which task sent a request: its reply arrives in an interrupt of some
//! other task.

use std::collections::HashMap;

use super::draft::{PacketDraft, RequestKey};
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use hashlink::LinkedHashMap;

/// Number of requests that are remembered, at most.
const REQUESTS_LIMIT: usize = 65_536;
/// Number of tasks whose ioctls are followed, at most.
const TASKS_LIMIT: usize = 16_384;
/// Number of unanswered requests of a task that are remembered, at most. A task
/// waits for one reply at a time.
const WAITING_LIMIT: usize = 16;
/// The fields that are known of a synchronous request within an ioctl.
const SYNC_FIELDS: u16 = KnownFields::EXPECTED_REPLY | KnownFields::IOCTL;

/// The task that sent a request, and its ioctl.
#[derive(Debug, Clone, Copy)]
struct Requester {
    pid: u32,
    tid: u32,
    comm: [u8; 16],
    task: u64,
    interface: u32,
    known: u16,
    ioctl: u32,
    expected: u32,
    /// Packets lost before it was sent, not counting missed probes.
    lost: u64,
}

impl Requester {
    /// Copies task and ioctl into the header of the reply.
    fn attribute(&self, reply: &mut RecordHeader) {
        reply.known.0 |= KnownFields::TASK | KnownFields::REQUESTER | self.known;
        reply.pid = self.pid;
        reply.tid = self.tid;
        reply.comm = self.comm;
        reply.ioctl = self.ioctl;
        reply.expected_reply_length = self.expected;
    }
}

/// Replies that the probe missed.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissedReplies {
    pub(super) count: u64,
    /// The interface of the first one.
    pub(super) interface: u32,
}

/// The requests without a reply.
#[derive(Debug, Default)]
pub(super) struct Requesters {
    /// The oldest first.
    waiting: LinkedHashMap<RequestKey, Requester>,
    /// By task, the unanswered synchronous requests of its current ioctl.
    unanswered: HashMap<u64, Vec<RequestKey>>,
}

impl Requesters {
    /// Takes a request. `lost` is the number of packets lost before it, not counting
    /// missed probes.
    pub(super) fn on_request(&mut self, request: &PacketDraft, lost: u64) {
        let header = &request.header;
        let requester = Requester {
            pid: header.pid,
            tid: header.tid,
            comm: header.comm,
            task: request.task,
            interface: request.interface,
            known: header.known.0 & SYNC_FIELDS,
            ioctl: header.ioctl,
            expected: header.expected_reply_length,
            lost,
        };
        let key = request.request();
        self.waiting.insert(key, requester);
        if self.waiting.len() > REQUESTS_LIMIT {
            self.waiting.pop_front();
        }
        if header.known.has(SYNC_FIELDS)
            && (self.unanswered.len() < TASKS_LIMIT || self.unanswered.contains_key(&request.task))
        {
            let waiting = self.unanswered.entry(request.task).or_default();
            waiting.truncate(WAITING_LIMIT - 1);
            waiting.push(key);
        }
    }

    /// Copies the task of its request into a reply. Returns false if the request was
    /// not captured.
    pub(super) fn on_reply(&mut self, reply: &mut PacketDraft) -> bool {
        let request = reply.request();
        let Some(requester) = self.waiting.remove(&request) else {
            return false;
        };
        requester.attribute(&mut reply.header);
        if let Some(waiting) = self.unanswered.get_mut(&requester.task) {
            waiting.retain(|waiting| *waiting != request);
        }
        true
    }

    /// Takes the end of an ioctl, and returns the replies that the probe missed: if
    /// all synchronous sends of the ioctl have succeeded, their replies have come, so
    /// those that were not captured were missed. `lost` is the number of packets lost
    /// by now, not counting missed probes.
    pub(super) fn on_ioctl_end(&mut self, end: &PacketDraft, lost: u64) -> Option<MissedReplies> {
        let waiting = self.unanswered.remove(&end.task)?;
        let known = KnownFields::IOCTL_RESULT | KnownFields::RETURN_VALUE;
        if !end.header.known.has(known) || end.header.return_value != 0 {
            return None;
        }
        let missed = waiting
            .iter()
            .filter_map(|request| self.waiting.remove(request))
            // Packets lost for other reasons have been counted.
            .filter(|requester| requester.lost == lost);
        missed.fold(None, |before, requester| {
            Some(MissedReplies {
                count: before.map_or(0, |before: MissedReplies| before.count) + 1,
                interface: before.map_or(requester.interface, |before| before.interface),
            })
        })
    }
}
