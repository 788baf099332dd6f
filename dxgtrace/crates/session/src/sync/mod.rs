//! Fences and queues: who waits for which fence, who is to signal it, and what
//! that waits for in turn.
//!
//! Messages tell what fences are asked to reach and which waits of the CPU the
//! host has ended. They tell neither the value of a fence, which is in memory
//! that the application reads, nor the signals inside of command buffers. So
//! nothing here says that a fence *was not* signalled, only that a wait for it
//! was not ended.

mod cpu_waits;
mod fences;
mod fifo_map;
mod queues;
mod wait_chain;

pub use cpu_waits::{AwaitedFence, CpuWait};
pub use fences::{SignalRequest, SignalSource};
pub use queues::QueueActivity;
pub use wait_chain::{ChainLink, LinkKind};

use rustc_hash::FxHashSet;

use self::cpu_waits::{CpuWaits, OpenWait};
use self::fences::Fences;
use self::fifo_map::FifoMap;
use self::queues::{Operation, Queue, QueuedOperation, Queues};
use self::wait_chain::{Chains, Goal};
use super::names::ProcessNames;
use super::objects::{ChangeOrigin, LiveObject, ObjectId, Objects};
use crate::check::{
    EventNumber, FenceHandle, FieldNumber, Finding, FindingKind, HandleValue, ItemCount, Layer,
    PacketNumber, Seconds, SignalPacket,
};
use dxgtrace_protocol::schema::{FieldRole, ObjectKind};

/// CPU waits for one fence without progress that make polling.
const POLLING_WAITS: u64 = 500;
/// Processes whose contexts and submissions are counted at most.
const PROCESSES_MAX: usize = 1 << 10;
/// Waits judged at the end of the capture at most, the oldest.
const JUDGED_MAX: usize = 1 << 8;
const SECOND: u64 = 1_000_000_000;

/// A queue that is held up by a wait for a fence.
#[derive(Debug, Clone)]
pub struct HeldQueue {
    /// The queue.
    pub queue: QueueActivity,
    /// The packet that told it to wait.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The fence.
    pub fence: AwaitedFence,
}

/// What one message asks for, gathered while its handles are read.
#[derive(Debug, Clone, Default)]
pub(super) struct SyncRequest {
    /// What is to be done with the fences, or with the queues.
    action: Option<FieldRole>,
    /// Fence, its handle, the value.
    fences: Vec<(ObjectId, u64, Option<u64>)>,
    /// The queues that do it.
    queues: Vec<ObjectId>,
    /// The value for all fences.
    pub value: Option<u64>,
    /// The value that the queue's own fence will reach.
    pub progress: Option<u64>,
}

impl SyncRequest {
    /// Begins with the next message.
    pub fn clear(&mut self) {
        self.action = None;
        self.fences.clear();
        self.queues.clear();
        (self.value, self.progress) = (None, None);
    }

    /// A handle of an object stands where the description gives it a role.
    pub fn add(&mut self, role: FieldRole, object: ObjectId, handle: u64, value: Option<u64>) {
        match role {
            FieldRole::Awaited | FieldRole::QueueAwaited | FieldRole::Signalled => {
                self.action = Some(role);
                self.fences.push((object, handle, value));
            }
            FieldRole::SubmissionQueue => {
                self.action = Some(role);
                self.queues.push(object);
            }
            FieldRole::Queue => self.queues.push(object),
            _ => {}
        }
    }

    /// The first queue.
    pub fn queue(&self) -> Option<ObjectId> {
        self.queues.first().copied()
    }

    fn is_empty(&self) -> bool {
        self.fences.is_empty() && self.queues.is_empty()
    }
}

/// What a request asked for, to be taken back if the host refuses it.
#[derive(Debug, Clone, Copy)]
pub(super) enum SyncEffect {
    /// The fence is to be signalled.
    Signal(ObjectId),
    /// Something was queued.
    Queued(ObjectId),
}

/// What a process has done with the GPU.
#[derive(Debug, Clone, Copy, Default)]
struct ProcessActivity {
    contexts: u64,
    submissions: u64,
}

/// The fences and queues of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct SyncModel {
    fences: Fences,
    queues: Queues,
    waits: CpuWaits,
    processes: FifoMap<ObjectId, ProcessActivity, PROCESSES_MAX>,
}

impl SyncModel {
    /// Takes what a message asks for. `effect` gets what the reply may undo or
    /// confirm.
    pub fn on_request(
        &mut self,
        request: &SyncRequest,
        objects: &Objects,
        at: ChangeOrigin,
        event: Option<ObjectId>,
        mut effect: impl FnMut(SyncEffect),
        found: &mut impl FnMut(Finding),
    ) {
        if request.is_empty() {
            return;
        }
        let value = |value: Option<u64>| value.or(request.value).unwrap_or(0);
        if request.action == Some(FieldRole::Awaited)
            && let Some(event) = event
        {
            for (fence, handle, _) in &request.fences {
                let waits = self.fences.count_wait(*fence, objects.epoch);
                if waits == POLLING_WAITS {
                    found(Finding::new(FindingKind::FencePolling {
                        fence: HandleValue(*handle),
                        waits: ItemCount(waits),
                    }));
                }
            }
            let fences = request.fences.iter();
            let fences = fences.map(|(fence, handle, own)| (*fence, *handle, value(*own)));
            self.waits.begin(event, at, fences);
            return;
        }
        for queue in &request.queues {
            let Some(named) = activity(objects, *queue) else {
                continue;
            };
            match request.action {
                Some(FieldRole::SubmissionQueue) => {
                    self.queues.submit(*queue, &named, at);
                    if let Some(process) = objects.get(*queue).and_then(|one| one.process) {
                        let process = self.processes.get_or_insert(process, Default::default);
                        process.submissions += 1;
                    }
                }
                Some(FieldRole::QueueAwaited) => {
                    for (fence, handle, own) in &request.fences {
                        let operation = Operation::Wait {
                            fence: *fence,
                            handle: *handle,
                            value: value(*own),
                        };
                        self.queues.wait(*queue, &named, at, operation);
                    }
                }
                Some(FieldRole::Signalled) => self.queues.signal(*queue, &named, at),
                _ => continue,
            }
            effect(SyncEffect::Queued(*queue));
        }
        if request.action == Some(FieldRole::Signalled) {
            for (fence, _, own) in &request.fences {
                self.ask(*fence, value(*own), &request.queues, objects, at);
                effect(SyncEffect::Signal(*fence));
            }
        }
        if let (Some(value), Some(queue)) = (request.progress, request.queue()) {
            self.on_progress(queue, value, objects, at);
        }
        if let Some(event) = event
            && !request.queues.is_empty()
        {
            self.waits.begin(event, at, std::iter::empty());
        }
    }

    fn ask(
        &mut self,
        fence: ObjectId,
        value: u64,
        queues: &[ObjectId],
        objects: &Objects,
        at: ChangeOrigin,
    ) {
        let sources = queues.iter().filter_map(|queue| {
            let named = activity(objects, *queue)?;
            Some((source(named.kind, named.handle), Some(*queue)))
        });
        let from_cpu = queues.is_empty().then_some((SignalSource::Cpu, None));
        for (source, queue) in sources.chain(from_cpu) {
            let request = SignalRequest {
                value,
                origin: at,
                source,
                is_done: false,
                queue,
            };
            self.fences.ask(fence, request);
        }
    }

    /// The fence of a queue will reach a value.
    pub fn on_progress(
        &mut self,
        queue: ObjectId,
        value: u64,
        objects: &Objects,
        at: ChangeOrigin,
    ) {
        if let Some(fence) = objects.child_of_kind(queue, ObjectKind::SyncObject) {
            self.ask(fence, value, &[queue], objects, at);
        }
    }

    /// A fence was created with a value.
    pub fn begin_fence(&mut self, fence: ObjectId, value: u64, packet: u64) {
        self.fences.begin(fence, value, packet);
    }

    /// The host has replied to the request in packet `request`.
    pub fn on_reply(&mut self, effect: SyncEffect, request: u64, is_failure: bool) {
        match effect {
            SyncEffect::Signal(fence) if is_failure => self.fences.refuse(fence, request),
            SyncEffect::Signal(fence) => self.fences.acknowledge(fence, request),
            SyncEffect::Queued(queue) if is_failure => self.queues.refuse(queue, request),
            SyncEffect::Queued(_) => {}
        }
    }

    /// The host signals an event: the fences of its wait have their values, if
    /// it was a wait for one of them.
    pub fn on_event(&mut self, event: ObjectId, packet: u64) {
        let Some(wait) = self.waits.end(event) else {
            return;
        };
        // Of several it is not known whether any or all were waited for.
        if let [(fence, _, value)] = wait.fences[..]
            && wait.more == 0
            && let Some((queue, until)) = self.fences.reach(fence, value, packet)
        {
            self.queues.finish_until(queue, until);
        }
    }

    /// An event will not be signalled: the host refused the request.
    pub fn remove_event(&mut self, event: ObjectId) {
        self.waits.end(event);
    }

    /// A process has made a context.
    pub fn count_context(&mut self, process: ObjectId) {
        self.processes
            .get_or_insert(process, Default::default)
            .contexts += 1;
    }

    /// The host refused to make a context for a process: worth a word if the
    /// process has made others and worked with them.
    pub fn on_context_refused(
        &self,
        process: ObjectId,
        message: &'static str,
        found: &mut impl FnMut(Finding),
    ) {
        let Some(known) = self.processes.get(&process) else {
            return;
        };
        if known.contexts > 0 && known.submissions > 0 {
            found(Finding::new(FindingKind::ContextFailedMidrun {
                message,
                contexts: ItemCount(known.contexts),
                submissions: ItemCount(known.submissions),
            }));
        }
    }

    /// A signal has ended, in packet `packet` at time `time`, the wait of a thread
    /// that was told to the host in packet `first` or later.
    #[cold]
    pub fn on_interrupt(
        &mut self,
        thread: u32,
        first: u64,
        (packet, time): (u64, u64),
        limit: u64,
        (objects, names): (&Objects, &ProcessNames),
        found: &mut impl FnMut(Finding),
    ) {
        let Some((event, wait)) = self.waits.interrupt(thread, first) else {
            return;
        };
        let waited = time.saturating_sub(wait.at.time);
        self.judge(&wait, "when a signal did", waited >= limit, objects, found);
        if let Some(mut told) = self.told(event, &wait, objects, names) {
            told.interrupted = Some((packet, time));
            self.waits.remember(told);
        }
    }

    /// A process ends in packet `packet` at time `time`: its waits end with it.
    /// Those that had lasted are told, if no packet was lost since they began.
    #[cold]
    pub fn on_process_end(
        &mut self,
        process: ObjectId,
        (packet, time): (u64, u64),
        limit: u64,
        (objects, names): (&Objects, &ProcessNames),
        found: &mut impl FnMut(Finding),
    ) {
        let open = self.waits.open().filter(|(event, wait)| {
            let event = objects.get(*event);
            let is_its = event
                .is_some_and(|event| event.owner == Some(process) && event.epoch == objects.epoch);
            is_its && time.saturating_sub(wait.at.time) >= limit
        });
        let mut ended: Vec<_> = open.map(|(event, wait)| (event, wait.clone())).collect();
        ended.sort_by_key(|(_, wait)| wait.at.packet);
        for (event, wait) in ended {
            self.judge(&wait, "when its process ended", true, objects, found);
            if let Some(mut told) = self.told(event, &wait, objects, names) {
                if wait.fences.is_empty() {
                    let waited_s = Seconds(time.saturating_sub(wait.at.time) / SECOND);
                    let event = EventNumber(told.event);
                    found(Finding::new(FindingKind::EventMissing { event, waited_s }));
                }
                told.interrupted = Some((packet, time));
                self.waits.remember(told);
            }
            self.waits.end(event);
        }
    }

    /// Passes the findings about waits that last until the end of the capture at
    /// time `now` to `found`, each with the number of its packet. `is_lossy`
    /// says whether packets were lost after one.
    pub fn finish(
        &self,
        now: u64,
        limit: u64,
        objects: &Objects,
        is_lossy: &impl Fn(u64) -> bool,
        found: &mut impl FnMut(u64, Finding),
    ) {
        let mut open: Vec<_> = self.waits.open().collect();
        open.sort_by_key(|(_, wait)| wait.at.packet);
        for (event, wait) in open.into_iter().take(JUDGED_MAX) {
            let waited = now.saturating_sub(wait.at.time);
            let packet = wait.at.packet;
            let Some(event) = objects.get(event) else {
                continue;
            };
            if waited < limit || is_lossy(packet) {
                continue;
            }
            if wait.fences.is_empty() {
                let kind = FindingKind::EventMissing {
                    event: EventNumber(event.handle),
                    waited_s: Seconds(waited / SECOND),
                };
                found(packet, Finding::new(kind));
            }
            self.judge(
                wait,
                "when the capture ended",
                true,
                objects,
                &mut |finding| found(packet, finding),
            );
        }
        self.stuck_queues(now, limit, objects, found);
    }

    /// Queues that wait for each other without a thread that waits for them: one
    /// finding for each cycle.
    fn stuck_queues(
        &self,
        now: u64,
        limit: u64,
        objects: &Objects,
        found: &mut impl FnMut(u64, Finding),
    ) {
        let mut waits = self.queue_waits(objects);
        waits.retain(|(_, one, _)| now.saturating_sub(one.time) >= limit);
        let awaited = self.waits.open().flat_map(|(_, wait)| &wait.fences);
        let mut told: FxHashSet<Goal> = awaited.map(|(fence, _, value)| (*fence, *value)).collect();
        for (queue, one, goal) in waits.into_iter().take(JUDGED_MAX) {
            if told.contains(&goal) {
                continue;
            }
            let Some(stuck) = self.deadlock_of(goal, objects) else {
                continue;
            };
            told.extend(stuck);
            if let Some(fence) = objects.get(goal.0) {
                let waiter = waiter_name(queue.activity.kind);
                found(one.packet, deadlock(waiter, fence.handle, goal.1));
            }
        }
    }

    /// The waits that hold queues up which still exist, in the order of their
    /// packets: queue, wait, and what it waits for.
    fn queue_waits(&self, objects: &Objects) -> Vec<(&Queue, &QueuedOperation, Goal)> {
        let queues = self.queues.iter();
        let mut waits: Vec<_> = queues
            .filter(|(id, _)| objects.get(*id).is_some())
            .filter_map(|(id, queue)| {
                let one = self.chains().blocker(Some(id), u64::MAX)?;
                match one.operation {
                    Operation::Wait { fence, value, .. } => Some((queue, one, (fence, value))),
                    Operation::Submissions(_) => None,
                }
            })
            .collect();
        waits.sort_by_key(|(_, one, _)| one.packet);
        waits
    }

    /// The queues that are held up by a wait for a fence which no message asks
    /// for, or which waits for them in turn; in the order of these waits.
    pub fn held_queues(&self, objects: &Objects) -> Vec<HeldQueue> {
        let waits = self.queue_waits(objects).into_iter();
        let held = waits.filter_map(|(queue, one, goal)| {
            let handle = objects.get(goal.0)?.handle;
            let fence = self.awaited(goal, handle, objects);
            let mut links = fence.chain.iter();
            let is_stuck =
                |link: &ChainLink| matches!(link.kind, LinkKind::Cycle | LinkKind::Unasked);
            links.any(is_stuck).then_some(HeldQueue {
                queue: queue.activity,
                packet: one.packet,
                time: one.time,
                fence,
            })
        });
        held.take(JUDGED_MAX).collect()
    }

    /// The fences that can never reach their values, because each waits for
    /// another, if this is one of them.
    fn deadlock_of(&self, goal: Goal, objects: &Objects) -> Option<Vec<Goal>> {
        let is_known = |fence: ObjectId| {
            objects.get(fence).is_some_and(|entity| {
                entity.epoch == objects.epoch && !entity.predates_capture() && !is_shared(entity)
            })
        };
        self.chains().deadlock_of(goal, &is_known)
    }

    /// What a wait that was not ended shows.
    fn judge(
        &self,
        wait: &OpenWait,
        moment: &'static str,
        is_long: bool,
        objects: &Objects,
        found: &mut impl FnMut(Finding),
    ) {
        for (fence, handle, value) in &wait.fences {
            if objects.get(*fence).is_none() {
                // It went with its device or virtual GPU: nobody owes a signal.
                continue;
            }
            let known = self.fences.get(*fence);
            let requests = || {
                known
                    .into_iter()
                    .flat_map(|known| known.requests_for(*value))
            };
            let first = requests().find(|one| one.is_done).or(requests().next());
            let kind = FindingKind::FenceNeverSignalled {
                moment,
                fence: FenceHandle(*handle as u32),
                value: FieldNumber(*value),
                signal: SignalPacket(first.map_or(0, |one| one.origin.packet)),
            };
            let mut finding = Finding::new(kind);
            if first.is_some() {
                finding.layer = Layer::Host;
            }
            found(finding);
            if !is_long {
                continue;
            }
            if self.deadlock_of((*fence, *value), objects).is_some() {
                found(deadlock("a thread", *handle, *value));
                continue;
            }
            // Of several fences it is not known which one lacks.
            let is_only = wait.fences.len() == 1 && wait.more == 0;
            let Some(first) = first.filter(|first| is_only && !first.is_done) else {
                continue;
            };
            let queue = first.queue.and_then(|queue| self.queues.get(queue));
            if let Some(queue) = queue {
                found(Finding::new(FindingKind::QueueStalled {
                    kind: kind_name(queue.activity.kind),
                    queue: HandleValue(queue.activity.handle),
                    request: PacketNumber(first.origin.packet),
                }));
            }
        }
    }

    fn chains(&self) -> Chains<'_> {
        Chains {
            fences: &self.fences,
            queues: &self.queues,
        }
    }

    /// A fence that is waited for, with all that is known of it.
    fn awaited(&self, goal: Goal, handle: u64, objects: &Objects) -> AwaitedFence {
        AwaitedFence {
            handle,
            value: goal.1,
            highest_request: self.fences.get(goal.0).and_then(|known| known.highest),
            shared: objects.get(goal.0).is_some_and(is_shared),
            chain: self.chains().of(goal),
        }
    }

    /// A wait with all that is known of it.
    fn told(
        &self,
        event: ObjectId,
        wait: &OpenWait,
        objects: &Objects,
        names: &ProcessNames,
    ) -> Option<CpuWait> {
        let event = objects.get(event)?;
        let fences = wait.fences.iter();
        let fences =
            fences.map(|(fence, handle, value)| self.awaited((*fence, *value), *handle, objects));
        Some(CpuWait {
            packet: wait.at.packet,
            time: wait.at.time,
            process: event.process_handle,
            name: event.owner.and_then(|owner| names.get(owner)).copied(),
            tid: wait.at.tid,
            event: event.handle,
            fences: fences.collect(),
            more_fences: wait.more,
            interrupted: None,
        })
    }

    /// The waits whose events still exist, oldest first.
    pub fn cpu_waits(&self, objects: &Objects, names: &ProcessNames) -> Vec<CpuWait> {
        let open = self.waits.open();
        let mut waits: Vec<CpuWait> = open
            .filter_map(|(event, wait)| self.told(event, wait, objects, names))
            .collect();
        waits.sort_by_key(|wait| wait.packet);
        waits
    }

    /// The waits that a signal has ended before the host did, oldest first.
    pub fn interrupted_waits(&self) -> impl Iterator<Item = &CpuWait> {
        self.waits.interrupted()
    }

    /// What was queued to contexts, hardware queues and paging queues, the busiest
    /// first.
    pub fn queues(&self) -> Vec<QueueActivity> {
        let mut queues: Vec<_> = self
            .queues
            .iter()
            .map(|(_, queue)| queue.activity)
            .collect();
        queues.sort_by_key(|one| (std::cmp::Reverse(one.submissions), one.process, one.handle));
        queues
    }
}

/// Whether others have a fence too, and may signal it by another handle.
fn is_shared(fence: &LiveObject) -> bool {
    fence.may_outlive_owner || fence.shared
}

fn activity(objects: &Objects, queue: ObjectId) -> Option<QueueActivity> {
    let entity = objects.get(queue)?;
    Some(QueueActivity {
        // A context, if only the number is known.
        kind: entity.kind.unwrap_or(ObjectKind::Context),
        handle: entity.handle,
        process: entity.process_handle,
        submissions: 0,
        waits: 0,
        signals: 0,
        last: 0,
    })
}

fn source(kind: ObjectKind, handle: u64) -> SignalSource {
    match kind {
        ObjectKind::HwQueue => SignalSource::HwQueue(handle),
        ObjectKind::PagingQueue => SignalSource::PagingQueue(handle),
        _ => SignalSource::Context(handle),
    }
}

fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::HwQueue => "hardware queue",
        ObjectKind::PagingQueue => "paging queue",
        _ => "context",
    }
}

fn waiter_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::HwQueue => "a hardware queue",
        ObjectKind::PagingQueue => "a paging queue",
        _ => "a context",
    }
}

fn deadlock(waiter: &'static str, fence: u64, value: u64) -> Finding {
    Finding::new(FindingKind::FenceDeadlock {
        waiter,
        fence: HandleValue(fence),
        value: FieldNumber(value),
    })
}
