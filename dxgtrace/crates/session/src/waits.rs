//! Who waits for which fence, and how far fences were asked to go.
//!
//! The host ends a wait of the CPU with an event. What a fence has reached does
//! not travel; what it was asked to reach does, but for what command buffers
//! ask by themselves.

use rustc_hash::{FxHashMap, FxHashSet};

use super::names::{ProcessName, ProcessNames};
use super::objects::{ChangeOrigin, ObjectId, Objects};
use dxgtrace_protocol::schema::ObjectKind;

/// Waits followed at most. A thread has one at a time.
const WAITS_MAX: usize = 1 << 12;
/// Fences whose value is remembered at most.
const FENCES_MAX: usize = 1 << 14;
/// Fences of one wait that are told.
const TOLD_MAX: usize = 4;

/// A wait of the CPU that has not ended.
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
    /// The fences, at most a few.
    pub fences: Vec<AwaitedFence>,
    /// How many more there are.
    pub more: usize,
}

/// A fence that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitedFence {
    /// Its handle.
    pub handle: u64,
    /// The value that it must reach.
    pub value: u64,
    /// The highest value that it was asked to reach, and the packet that asked
    /// for it.
    pub asked: Option<(u64, u64)>,
    /// Whether others have it too, and may ask for a value by another handle.
    pub shared: bool,
}

/// The waits of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    /// By the event that will end it.
    waits: FxHashMap<ObjectId, FenceWait>,
    /// By thread, the event that will end its latest wait.
    threads: FxHashMap<u32, ObjectId>,
    /// By fence: the highest value asked for, and the packet.
    asked: FxHashMap<ObjectId, (u64, u64)>,
}

#[derive(Debug, Clone)]
struct FenceWait {
    at: ChangeOrigin,
    fences: Vec<(ObjectId, u64, u64)>,
    more: usize,
}

impl Waits {
    /// A thread waits for a fence to reach a value.
    pub fn wait(
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
            more: 0,
        });
        match wait.fences.len() < TOLD_MAX {
            true => wait.fences.push((fence, handle, value)),
            false => wait.more += 1,
        }
    }

    /// A signal has ended the wait of a thread that was told to the host in
    /// packet `first` or later: passes each fence, the value that it was to
    /// reach, and whether a message asked for that value, to `each`.
    pub fn interrupted(&mut self, tid: u32, first: u64, mut each: impl FnMut(u64, u64, bool)) {
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
            let asked = self.asked.get(fence).is_some_and(|asked| asked.0 >= *value);
            each(*handle, *value, asked);
        }
    }

    /// The event has ended, and its wait with it.
    pub fn end(&mut self, event: ObjectId) {
        self.waits.remove(&event);
    }

    /// A fence is asked to reach a value.
    pub fn signal(&mut self, fence: ObjectId, value: u64, packet: u64) {
        if self.asked.len() >= FENCES_MAX {
            self.asked.clear();
        }
        let asked = self.asked.entry(fence).or_insert((value, packet));
        if value > asked.0 {
            *asked = (value, packet);
        }
    }

    /// The waits whose events still exist, oldest first.
    pub fn sleepers(&self, objects: &Objects, names: &ProcessNames) -> Vec<CpuWait> {
        // A sync object is shared if it came with a name for the whole virtual
        // machine, or by such a name.
        let shares: FxHashSet<u64> = objects
            .iter()
            .filter(|(_, entity)| entity.kind == Some(ObjectKind::SyncObjectShare))
            .map(|(_, entity)| entity.created.packet)
            .collect();
        let is_shared = |fence: ObjectId| {
            let entity = objects.get(fence);
            entity.is_some_and(|entity| entity.loose || shares.contains(&entity.created.packet))
        };
        let mut sleepers: Vec<CpuWait> = self
            .waits
            .iter()
            .filter_map(|(event, wait)| {
                let event = objects.get(*event)?;
                Some(CpuWait {
                    packet: wait.at.packet,
                    time: wait.at.time,
                    process: event.process_handle,
                    name: event.owner.and_then(|owner| names.of(owner)).copied(),
                    tid: wait.at.tid,
                    event: event.handle,
                    fences: wait
                        .fences
                        .iter()
                        .map(|(fence, handle, value)| AwaitedFence {
                            handle: *handle,
                            value: *value,
                            asked: self.asked.get(fence).copied(),
                            shared: is_shared(*fence),
                        })
                        .collect(),
                    more: wait.more,
                })
            })
            .collect();
        sleepers.sort_by_key(|sleeper| sleeper.packet);
        sleepers
    }
}
