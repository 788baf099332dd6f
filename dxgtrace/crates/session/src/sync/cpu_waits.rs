//! Threads that wait for fences, and events that queues will signal to the CPU.

use std::collections::VecDeque;

use super::fifo_map::FifoMap;
use super::wait_chain::ChainLink;
use crate::names::ProcessName;
use crate::objects::{ChangeOrigin, ObjectId};

/// Waits followed at most. A thread has one at a time.
const WAITS_MAX: usize = 1 << 12;
/// Waits remembered that a signal has ended.
const INTERRUPTED_MAX: usize = 64;
/// Fences remembered of one wait.
const FENCES_MAX: usize = 4;

/// A wait of the CPU that the host has not ended.
#[derive(Debug, Clone)]
pub struct CpuWait {
    /// The packet that told the host of it.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The process's handle.
    pub process: u64,
    /// The process, if it is known.
    pub name: Option<ProcessName>,
    /// The thread, 0 if not known.
    pub tid: u32,
    /// The event with which the host will end it.
    pub event: u64,
    /// The fences, at most a few. None if the event was queued behind the work
    /// of the GPU.
    pub fences: Vec<AwaitedFence>,
    /// How many more there are.
    pub more_fences: usize,
    /// The packet that shows that a signal or the end of the process ended the
    /// wait, and its time.
    pub interrupted: Option<(u64, u64)>,
}

/// A fence that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedFence {
    /// Its handle.
    pub handle: u64,
    /// The value that it must reach.
    pub value: u64,
    /// The highest value that it was asked to reach, and the packet that asked
    /// for it.
    pub highest_request: Option<(u64, u64)>,
    /// Whether others have it too, and may ask for a value by another handle.
    pub shared: bool,
    /// Who is to signal it, and what that waits for in turn.
    pub chain: Vec<ChainLink>,
}

/// A wait as it is followed.
#[derive(Debug, Clone)]
pub(super) struct OpenWait {
    pub at: ChangeOrigin,
    /// Fence, its handle, the value.
    pub fences: Vec<(ObjectId, u64, u64)>,
    pub more: usize,
}

/// The CPU waits of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuWaits {
    /// By the event that will end it.
    waits: FifoMap<ObjectId, OpenWait, WAITS_MAX>,
    /// By thread, the event that will end its latest wait.
    threads: FifoMap<u32, ObjectId, WAITS_MAX>,
    /// Waits that a signal has ended, oldest first.
    interrupted: VecDeque<CpuWait>,
}

impl CpuWaits {
    /// An event will tell the CPU that fences have reached their values, or,
    /// without fences, that a queue has come so far.
    pub fn begin(
        &mut self,
        event: ObjectId,
        at: ChangeOrigin,
        fences: impl Iterator<Item = (ObjectId, u64, u64)>,
    ) {
        let mut wait = OpenWait {
            at,
            fences: Vec::new(),
            more: 0,
        };
        for fence in fences {
            match wait.fences.len() < FENCES_MAX {
                true => wait.fences.push(fence),
                false => wait.more += 1,
            }
        }
        if at.tid != 0 && !wait.fences.is_empty() {
            self.threads.insert(at.tid, event);
        }
        self.waits.insert(event, wait);
    }

    /// The wait that an event ends is over.
    pub fn end(&mut self, event: ObjectId) -> Option<OpenWait> {
        self.waits.remove(&event)
    }

    /// A signal has ended the wait of a thread that was told to the host in
    /// packet `first` or later: gives its event and the wait.
    pub fn interrupt(&mut self, tid: u32, first: u64) -> Option<(ObjectId, OpenWait)> {
        let event = self.threads.remove(&tid)?;
        let wait = self.waits.get(&event)?;
        if wait.at.packet < first || wait.at.tid != tid {
            return None;
        }
        Some((event, self.waits.remove(&event)?))
    }

    /// Remembers a wait that a signal has ended.
    pub fn remember(&mut self, wait: CpuWait) {
        if self.interrupted.len() >= INTERRUPTED_MAX {
            self.interrupted.pop_front();
        }
        self.interrupted.push_back(wait);
    }

    /// The waits that a signal has ended, oldest first.
    pub fn interrupted(&self) -> impl Iterator<Item = &CpuWait> {
        self.interrupted.iter()
    }

    /// The waits that have not ended, in no order.
    pub fn open(&self) -> impl Iterator<Item = (ObjectId, &OpenWait)> {
        self.waits.iter().map(|(event, wait)| (*event, wait))
    }
}
