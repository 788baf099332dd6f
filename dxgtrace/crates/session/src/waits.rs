//! CPU waits for fences, and the fence values that messages requested.
//!
//! The host ends a CPU wait by signalling an event. The current value of a
//! fence is never sent. The values that messages request are sent, but not
//! those that command buffers signal by themselves.

use rustc_hash::{FxHashMap, FxHashSet};

use super::names::{ProcessName, ProcessNames};
use super::objects::{ChangeOrigin, ObjectId, Objects};
use dxgtrace_protocol::schema::ObjectKind;

/// Maximum number of waits. A thread has one at a time.
const WAITS_MAX: usize = 1 << 12;
/// Maximum number of fences whose highest requested value is kept.
const FENCES_MAX: usize = 1 << 14;
/// Maximum number of fences that are listed for a wait.
const LISTED_FENCES_MAX: usize = 4;

/// A wait of the CPU that has not ended.
#[derive(Debug, Clone)]
pub struct CpuWait {
    /// Number of the packet that announced it to the host.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The process's handle.
    pub process: u64,
    /// The process's name, if known.
    pub name: Option<ProcessName>,
    /// The thread, 0 if not known.
    pub tid: u32,
    /// Number of the event that ends it.
    pub event: u64,
    /// The first few fences that it waits for.
    pub fences: Vec<AwaitedFence>,
    /// Number of fences that are not listed.
    pub more_fences: usize,
}

/// A fence that a CPU wait depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitedFence {
    /// Its handle.
    pub handle: u64,
    /// The value that the fence must reach.
    pub value: u64,
    /// The highest value that a message requested, and the number of that
    /// packet.
    pub highest_request: Option<(u64, u64)>,
    /// Whether the fence is shared, so that others may signal it through
    /// another handle.
    pub shared: bool,
}

/// The waits of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    /// Each wait, by the event that ends it.
    waits: FxHashMap<ObjectId, FenceWait>,
    /// The event that ends the latest wait of each thread.
    threads: FxHashMap<u32, ObjectId>,
    /// The highest requested value of each fence, and the number of that
    /// packet.
    highest_requests: FxHashMap<ObjectId, (u64, u64)>,
}

#[derive(Debug, Clone)]
struct FenceWait {
    at: ChangeOrigin,
    fences: Vec<(ObjectId, u64, u64)>,
    more_fences: usize,
}

impl Waits {
    /// Records that a thread waits for `fence`, a pair of id and handle, to
    /// reach `value`.
    pub fn add(
        &mut self,
        objects: &Objects,
        event: ObjectId,
        at: ChangeOrigin,
        fence: (ObjectId, u64),
        value: u64,
    ) {
        let (fence, handle) = fence;
        if self.waits.len() >= WAITS_MAX {
            self.waits.retain(|event, _| objects.get(*event).is_some());
            if self.waits.len() > WAITS_MAX / 2 {
                self.waits.clear();
            }
        }
        if at.tid != 0 {
            if self.threads.len() >= WAITS_MAX {
                self.threads.clear();
            }
            self.threads.insert(at.tid, event);
        }
        let wait = self.waits.entry(event).or_insert_with(|| FenceWait {
            at,
            fences: Vec::new(),
            more_fences: 0,
        });
        match wait.fences.len() < LISTED_FENCES_MAX {
            true => wait.fences.push((fence, handle, value)),
            false => wait.more_fences += 1,
        }
    }

    /// Ends the wait of thread `tid`, interrupted by a signal, if it was
    /// announced in packet `first` or later. Calls `each` with the handle of
    /// each fence, the value awaited, and whether a message requested that
    /// value.
    pub fn on_interrupt(&mut self, tid: u32, first: u64, mut each: impl FnMut(u64, u64, bool)) {
        let Some(event) = self.threads.remove(&tid) else {
            return;
        };
        let wait = self.waits.get(&event);
        if wait.is_none_or(|wait| wait.at.packet < first || wait.at.tid != tid) {
            return;
        }
        let Some(wait) = self.waits.remove(&event) else {
            return;
        };
        for (fence, handle, value) in &wait.fences {
            let asked = self
                .highest_requests
                .get(fence)
                .is_some_and(|asked| asked.0 >= *value);
            each(*handle, *value, asked);
        }
    }

    /// Removes the wait of an event that ended.
    pub fn remove(&mut self, event: ObjectId) {
        self.waits.remove(&event);
    }

    /// Records that a message requests `fence` to reach `value`.
    pub fn on_signal_request(&mut self, fence: ObjectId, value: u64, packet: u64) {
        if self.highest_requests.len() >= FENCES_MAX {
            self.highest_requests.clear();
        }
        let asked = self
            .highest_requests
            .entry(fence)
            .or_insert((value, packet));
        if value > asked.0 {
            *asked = (value, packet);
        }
    }

    /// The waits whose events are still live, oldest first.
    pub fn list(&self, objects: &Objects, names: &ProcessNames) -> Vec<CpuWait> {
        // A sync object is shared if it was created with a VM-wide share
        // handle, or opened through one.
        let shares: FxHashSet<u64> = objects
            .iter()
            .filter(|(_, entity)| entity.kind == Some(ObjectKind::SyncObjectShare))
            .map(|(_, entity)| entity.created.packet)
            .collect();
        let is_shared = |fence: ObjectId| {
            let entity = objects.get(fence);
            entity.is_some_and(|entity| {
                entity.may_outlive_owner || shares.contains(&entity.created.packet)
            })
        };
        let mut list: Vec<CpuWait> = self
            .waits
            .iter()
            .filter_map(|(event, wait)| {
                let event = objects.get(*event)?;
                Some(CpuWait {
                    packet: wait.at.packet,
                    time: wait.at.time,
                    process: event.process_handle,
                    name: event.owner.and_then(|owner| names.get(owner)).copied(),
                    tid: wait.at.tid,
                    event: event.handle,
                    fences: wait
                        .fences
                        .iter()
                        .map(|(fence, handle, value)| AwaitedFence {
                            handle: *handle,
                            value: *value,
                            highest_request: self.highest_requests.get(fence).copied(),
                            shared: is_shared(*fence),
                        })
                        .collect(),
                    more_fences: wait.more_fences,
                })
            })
            .collect();
        list.sort_by_key(|wait| wait.packet);
        list
    }
}
