//! Fences: what they were asked to reach, by whom, and what they reached as far
//! as messages show.

use std::collections::VecDeque;

use super::fifo_map::FifoMap;
use crate::objects::{ChangeOrigin, ObjectId};

/// Fences followed at most.
const FENCES_MAX: usize = 1 << 12;
/// Requests for signals remembered of each fence.
const REQUESTS_MAX: usize = 8;

/// Who carries out the signal of a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalSource {
    /// The host, as soon as it gets the message.
    Cpu,
    /// The context with that handle, after the work that was queued to it before.
    Context(u64),
    /// The hardware queue with that handle, likewise.
    HwQueue(u64),
    /// The paging queue with that handle, when the host is done with the memory.
    PagingQueue(u64),
}

/// A request that a fence be signalled.
#[derive(Debug, Clone, Copy)]
pub struct SignalRequest {
    /// The value that the fence will reach.
    pub value: u64,
    /// The packet that asks for it, and who sent it.
    pub origin: ChangeOrigin,
    /// Who carries it out.
    pub source: SignalSource,
    /// Whether the host replied that it did so. Known of signals from the CPU
    /// only: other replies say that the signal is queued.
    pub is_done: bool,
    /// The queue.
    pub(super) queue: Option<ObjectId>,
}

/// What is known of a fence.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// The requests whose values it is not known to have reached, oldest first.
    requests: VecDeque<SignalRequest>,
    /// The highest value that a message asked for, and the packet.
    pub highest: Option<(u64, u64)>,
    /// The value that it has reached, and the packet that shows it.
    reached: Option<(u64, u64)>,
    /// Whether requests were forgotten that may still be carried out.
    pub forgets_requests: bool,
    /// CPU waits since it was last seen to reach a higher value.
    waits: u64,
    /// The run of packets without loss in which these were counted.
    epoch: u32,
}

impl Fence {
    /// Whether messages show that it has reached a value, and which packet does.
    pub fn reached(&self, value: u64) -> Option<u64> {
        let reached = self.reached.filter(|reached| reached.0 >= value);
        reached.map(|(_, packet)| packet)
    }

    /// The requests that make it reach a value, oldest first.
    pub fn requests_for(&self, value: u64) -> impl Iterator<Item = &SignalRequest> {
        let requests = self.requests.iter();
        requests.filter(move |request| request.value >= value)
    }

    fn reach(&mut self, value: u64, packet: u64) {
        if self.reached.is_none_or(|reached| reached.0 < value) {
            self.reached = Some((value, packet));
            self.waits = 0;
        }
    }
}

/// The fences of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Fences {
    fences: FifoMap<ObjectId, Fence, FENCES_MAX>,
}

impl Fences {
    /// What is known of a fence.
    pub fn get(&self, fence: ObjectId) -> Option<&Fence> {
        self.fences.get(&fence)
    }

    fn fence(&mut self, fence: ObjectId) -> &mut Fence {
        self.fences.get_or_insert(fence, || Fence {
            requests: VecDeque::new(),
            highest: None,
            reached: None,
            forgets_requests: false,
            waits: 0,
            epoch: 0,
        })
    }

    /// A fence is created with a value.
    pub fn begin(&mut self, fence: ObjectId, value: u64, packet: u64) {
        self.fence(fence).reach(value, packet);
    }

    /// A message asks for a signal of a fence.
    pub fn ask(&mut self, fence: ObjectId, request: SignalRequest) {
        let fence = self.fence(fence);
        let (value, packet) = (request.value, request.origin.packet);
        if fence.highest.is_none_or(|highest| highest.0 < value) {
            fence.highest = Some((value, packet));
        }
        if fence.requests.len() >= REQUESTS_MAX {
            fence.requests.pop_front();
            fence.forgets_requests = true;
        }
        fence.requests.push_back(request);
    }

    /// The host replied to the request in a packet for a signal from the CPU:
    /// the fence has its value, even if that is a lower one.
    pub fn acknowledge(&mut self, fence: ObjectId, packet: u64) {
        let Some(fence) = self.fences.get_mut(&fence) else {
            return;
        };
        let mut requests = fence.requests.iter_mut();
        let request = requests.find(|request| request.origin.packet == packet);
        if let Some(request) = request
            && request.source == SignalSource::Cpu
        {
            request.is_done = true;
            let value = request.value;
            fence.reach(value, packet);
            fence.reached = Some((value, packet));
        }
    }

    /// The host refused the request in a packet.
    pub fn refuse(&mut self, fence: ObjectId, packet: u64) {
        if let Some(fence) = self.fences.get_mut(&fence) {
            fence.requests.retain(|one| one.origin.packet != packet);
            if fence.highest.is_some_and(|highest| highest.1 == packet) {
                let left = fence.requests.iter().max_by_key(|one| one.value);
                fence.highest = left.map(|one| (one.value, one.origin.packet));
            }
        }
    }

    /// The end of a wait shows that a fence has reached a value. Gives the queue
    /// that did it, and the packet up to which its work is done, if only one
    /// queue can have done it.
    pub fn reach(&mut self, fence: ObjectId, value: u64, packet: u64) -> Option<(ObjectId, u64)> {
        let fence = self.fences.get_mut(&fence)?;
        let first = fence.requests_for(value).next().copied();
        let is_sole = first.is_some_and(|first| {
            let mut requests = fence.requests_for(value);
            first.queue.is_some() && requests.all(|other| other.queue == first.queue)
        });
        fence.reach(value, packet);
        fence.requests.retain(|request| request.value > value);
        let first = first.filter(|_| is_sole)?;
        Some((first.queue?, first.origin.packet))
    }

    /// The CPU waits for a fence. Gives the number of waits since it was last
    /// seen to reach a higher value, in the run `epoch` of packets without loss.
    pub fn count_wait(&mut self, fence: ObjectId, epoch: u32) -> u64 {
        let fence = self.fence(fence);
        if fence.epoch != epoch {
            (fence.epoch, fence.waits) = (epoch, 0);
        }
        fence.waits += 1;
        fence.waits
    }
}
