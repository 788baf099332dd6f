//! Who sent a request: its reply arrives in an interrupt and does not tell.

use std::collections::HashMap;

use super::draft::{PacketDraft, RequestKey};
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use hashlink::LinkedHashMap;

/// At most so many requests wait for the name of their task to be asked for.
const REQUESTS_LIMIT: usize = 65_536;
/// At most so many tasks are followed through their ioctls, each with so many
/// requests that wait: it waits for one at a time.
const TASKS_LIMIT: usize = 16_384;
const WAITING_LIMIT: usize = 16;
/// What the driver itself tells of a synchronous request within an ioctl.
const VIEW: u16 = KnownFields::EXPECTED_REPLY | KnownFields::IOCTL;

/// Who sent a request, and what for.
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
    /// Packets lost before it was sent, but by missed probes.
    lost: u64,
}

impl Requester {
    /// Gives a reply the task of its request.
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
    /// The channel of the first.
    pub(super) interface: u32,
}

/// The requests that wait for their replies.
#[derive(Debug, Default)]
pub(super) struct Requesters {
    /// The oldest first.
    waiting: LinkedHashMap<RequestKey, Requester>,
    /// By task, its synchronous requests of the current ioctl that wait.
    unanswered: HashMap<u64, Vec<RequestKey>>,
}

impl Requesters {
    /// Notes a request. `lost` packets had been lost when it was sent, not
    /// counting missed probes.
    pub(super) fn sent(&mut self, request: &PacketDraft, lost: u64) {
        let header = &request.header;
        let requester = Requester {
            pid: header.pid,
            tid: header.tid,
            comm: header.comm,
            task: request.task,
            interface: request.interface,
            known: header.known.0 & VIEW,
            ioctl: header.ioctl,
            expected: header.expected_reply_length,
            lost,
        };
        let key = request.request();
        self.waiting.insert(key, requester);
        if self.waiting.len() > REQUESTS_LIMIT {
            self.waiting.pop_front();
        }
        if header.known.has(VIEW)
            && (self.unanswered.len() < TASKS_LIMIT || self.unanswered.contains_key(&request.task))
        {
            let waiting = self.unanswered.entry(request.task).or_default();
            waiting.truncate(WAITING_LIMIT - 1);
            waiting.push(key);
        }
    }

    /// Gives a reply the task of its request. False if that was not seen.
    pub(super) fn answered(&mut self, reply: &mut PacketDraft) -> bool {
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

    /// What the probe did not see becomes known at the end of an ioctl whose
    /// synchronous sends have all succeeded: their replies have come, and were
    /// written before. Those that are not there were missed. By now, `lost`
    /// packets have been lost otherwise.
    pub(super) fn ioctl_ended(&mut self, end: &PacketDraft, lost: u64) -> Option<MissedReplies> {
        let waiting = self.unanswered.remove(&end.task)?;
        let known = KnownFields::IOCTL_RESULT | KnownFields::RETURN_VALUE;
        if !end.header.known.has(known) || end.header.return_value != 0 {
            return None;
        }
        let missed = waiting
            .iter()
            .filter_map(|request| self.waiting.remove(request))
            // What was lost otherwise has been counted.
            .filter(|requester| requester.lost == lost);
        missed.fold(None, |before, requester| {
            Some(MissedReplies {
                count: before.map_or(0, |before: MissedReplies| before.count) + 1,
                interface: before.map_or(requester.interface, |before| before.interface),
            })
        })
    }
}
