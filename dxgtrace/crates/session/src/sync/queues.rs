//! Contexts, hardware queues and paging queues: what was queued to them, in
//! order, as far as messages show.

use std::collections::VecDeque;

use super::fifo_map::FifoMap;
use crate::objects::{ChangeOrigin, ObjectId};
use dxgtrace_protocol::schema::ObjectKind;

/// Queues followed at most.
const QUEUES_MAX: usize = 1 << 10;
/// Operations remembered of each queue.
const OPERATIONS_MAX: usize = 32;

/// What a queue does in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Carries out commands: of submissions in a row, the packet of the last.
    Submissions(u64),
    /// Waits for a fence to reach a value.
    Wait {
        fence: ObjectId,
        handle: u64,
        value: u64,
    },
}

/// An operation that was queued.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueuedOperation {
    pub operation: Operation,
    /// The packet that queued it; of submissions, the first.
    pub packet: u64,
    /// Time of that packet.
    pub time: u64,
}

/// How much was queued to a context or hardware queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueActivity {
    /// Whether it is a context, a hardware queue or a paging queue.
    pub kind: ObjectKind,
    /// Its handle.
    pub handle: u64,
    /// The handle of its process.
    pub process: u64,
    /// Submissions of commands.
    pub submissions: u64,
    /// Waits for fences.
    pub waits: u64,
    /// Signals of fences, without those that submissions make by themselves.
    pub signals: u64,
    /// The packet that last queued something.
    pub last: u64,
}

/// What is known of a queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub activity: QueueActivity,
    /// Operations that are not known to be done, oldest first.
    operations: VecDeque<QueuedOperation>,
}

impl Queue {
    fn push(&mut self, operation: Operation, at: ChangeOrigin) {
        self.activity.last = at.packet;
        if let Operation::Submissions(new) = operation
            && let Some(QueuedOperation {
                operation: Operation::Submissions(last),
                ..
            }) = self.operations.back_mut()
        {
            *last = new;
            return;
        }
        if self.operations.len() >= OPERATIONS_MAX {
            self.operations.pop_front();
        }
        self.operations.push_back(QueuedOperation {
            operation,
            packet: at.packet,
            time: at.time,
        });
    }

    /// What comes before the operation of a packet and is not known to be done.
    pub fn before(&self, packet: u64) -> impl Iterator<Item = &QueuedOperation> {
        let operations = self.operations.iter();
        operations.take_while(move |one| one.packet < packet)
    }
}

/// The queues of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues {
    queues: FifoMap<ObjectId, Queue, QUEUES_MAX>,
}

impl Queues {
    /// What is known of a queue.
    pub fn get(&self, queue: ObjectId) -> Option<&Queue> {
        self.queues.get(&queue)
    }

    /// Every queue.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &Queue)> {
        self.queues.iter().map(|(id, queue)| (*id, queue))
    }

    fn queue(&mut self, id: ObjectId, named: &QueueActivity) -> &mut Queue {
        self.queues.get_or_insert(id, || Queue {
            activity: *named,
            operations: VecDeque::new(),
        })
    }

    /// Commands are submitted to a queue.
    pub fn submit(&mut self, id: ObjectId, named: &QueueActivity, at: ChangeOrigin) {
        let queue = self.queue(id, named);
        queue.activity.submissions += 1;
        queue.push(Operation::Submissions(at.packet), at);
    }

    /// A queue is told to wait.
    pub fn wait(
        &mut self,
        id: ObjectId,
        named: &QueueActivity,
        at: ChangeOrigin,
        operation: Operation,
    ) {
        let queue = self.queue(id, named);
        queue.activity.waits += 1;
        queue.push(operation, at);
    }

    /// A queue is told to signal a fence.
    pub fn signal(&mut self, id: ObjectId, named: &QueueActivity, at: ChangeOrigin) {
        let queue = self.queue(id, named);
        queue.activity.signals += 1;
        queue.activity.last = at.packet;
    }

    /// The host refused what a packet asked of a queue.
    pub fn refuse(&mut self, id: ObjectId, packet: u64) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.operations.retain(|one| {
                let is_more =
                    matches!(one.operation, Operation::Submissions(last) if last > packet);
                one.packet != packet || is_more
            });
        }
    }

    /// A queue has done everything up to the operation of a packet.
    pub fn finish_until(&mut self, id: ObjectId, packet: u64) {
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        while let Some(one) = queue.operations.front_mut() {
            match one.operation {
                Operation::Submissions(last) if last > packet => {
                    // Of those in between it is not known which are done.
                    if one.packet <= packet {
                        one.packet = last;
                    }
                    return;
                }
                _ if one.packet > packet => return,
                _ => {}
            }
            queue.operations.pop_front();
        }
    }
}
