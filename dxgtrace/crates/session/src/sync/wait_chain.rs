//! Who waits for whom: from a fence to the requests for its signal, from these
//! to what their queues wait for before, and so on.

use super::fences::{Fences, SignalSource};
use super::queues::{Operation, QueuedOperation, Queues};
use crate::objects::ObjectId;

/// Links of a chain at most.
const LINKS_MAX: usize = 32;
/// Fences that are waited for in a row at most.
const DEPTH_MAX: usize = 8;
/// Fences looked at to prove a deadlock.
const STEPS_MAX: usize = 32;

/// A step from a fence towards what holds it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLink {
    /// How many fences are waited for before this one in the chain.
    pub depth: u8,
    /// What it says.
    pub kind: LinkKind,
}

/// What is known of a fence's signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A message asks for it.
    Signal {
        /// Who is to signal it.
        source: SignalSource,
        /// The value that it will have.
        value: u64,
        /// The packet.
        packet: u64,
        /// Whether the host has replied that it did so.
        is_done: bool,
    },
    /// Before that signal, the queue carries out submissions that are not known
    /// to be done.
    Work {
        /// The packet of the first of them.
        packet: u64,
    },
    /// Before that signal, the queue waits for a fence.
    Wait {
        /// Its handle.
        fence: u64,
        /// The value that it must reach.
        value: u64,
        /// The packet that tells the queue to wait.
        packet: u64,
    },
    /// What is waited for is waited for by an earlier link of the chain.
    Cycle,
    /// Messages show that the fence has the value since this packet.
    Reached {
        /// The packet.
        packet: u64,
    },
    /// No message in the capture asks for it.
    Unasked,
}

/// A fence and the value that it must reach.
pub(super) type Goal = (ObjectId, u64);

/// Looks along chains.
#[derive(Clone, Copy)]
pub(super) struct Chains<'a> {
    pub fences: &'a Fences,
    pub queues: &'a Queues,
}

impl<'a> Chains<'a> {
    /// The first wait that holds up the operation of a packet in a queue.
    pub fn blocker(&self, queue: Option<ObjectId>, packet: u64) -> Option<&'a QueuedOperation> {
        let id = queue?;
        self.queues
            .get(id)?
            .before(packet)
            .find(|one| match one.operation {
                Operation::Wait { fence, value, .. } => {
                    !self.is_reached((fence, value))
                        && !self.signals_before(id, one.packet, (fence, value))
                }
                Operation::Submissions(_) => false,
            })
    }

    /// Whether a queue signals a fence itself before it waits for that in a
    /// packet: then the wait holds nothing up.
    fn signals_before(&self, queue: ObjectId, packet: u64, (fence, value): Goal) -> bool {
        let known = self.fences.get(fence);
        let mut requests = known
            .into_iter()
            .flat_map(|known| known.requests_for(value));
        requests.any(|one| one.queue == Some(queue) && one.origin.packet < packet)
    }

    fn is_reached(&self, (fence, value): Goal) -> bool {
        let known = self.fences.get(fence);
        value == 0 || known.is_some_and(|known| known.reached(value).is_some())
    }

    /// The chain from a fence on.
    pub fn of(&self, goal: Goal) -> Vec<ChainLink> {
        let mut links = Vec::new();
        self.follow(goal, &mut vec![goal], &mut links);
        links
    }

    fn follow(&self, (fence, value): Goal, path: &mut Vec<Goal>, links: &mut Vec<ChainLink>) {
        let depth = (path.len() - 1) as u8;
        let known = self.fences.get(fence);
        let is_requested = known.is_some_and(|known| known.requests_for(value).next().is_some());
        if !is_requested {
            let reached = known.and_then(|known| known.reached(value));
            let kind = reached.map_or(LinkKind::Unasked, |packet| LinkKind::Reached { packet });
            add(links, depth, kind);
        }
        for request in known
            .into_iter()
            .flat_map(|known| known.requests_for(value))
        {
            let packet = request.origin.packet;
            let kind = LinkKind::Signal {
                source: request.source,
                value: request.value,
                packet,
                is_done: request.is_done,
            };
            add(links, depth, kind);
            let blocker = self.blocker(request.queue, packet);
            match blocker.map(|one| (one.packet, one.operation)) {
                Some((
                    packet,
                    Operation::Wait {
                        fence,
                        handle,
                        value,
                    },
                )) => {
                    let kind = LinkKind::Wait {
                        fence: handle,
                        value,
                        packet,
                    };
                    add(links, depth, kind);
                    let goal = (fence, value);
                    if path.contains(&goal) {
                        add(links, depth + 1, LinkKind::Cycle);
                    } else if path.len() < DEPTH_MAX && links.len() < LINKS_MAX {
                        path.push(goal);
                        self.follow(goal, path, links);
                        path.pop();
                    }
                }
                _ => {
                    let queue = request.queue.and_then(|queue| self.queues.get(queue));
                    let is_work =
                        |one: &&QueuedOperation| matches!(one.operation, Operation::Submissions(_));
                    if let Some(first) = queue.and_then(|queue| queue.before(packet).find(is_work))
                    {
                        let packet = first.packet;
                        add(links, depth, LinkKind::Work { packet });
                    }
                }
            }
        }
    }

    /// The fences that, as far as messages show, can never reach their values, if
    /// this is one of them: every request for one of them stands in its queue
    /// behind a wait for another. Only fences that pass `is_known` count: that no
    /// message about them is missing.
    pub fn deadlock_of(
        &self,
        goal: Goal,
        is_known: &impl Fn(ObjectId) -> bool,
    ) -> Option<Vec<Goal>> {
        // Assume that every fence on the way is stuck, and look for one that is
        // not: what is left if there is none is a set that only waits for itself.
        let mut stuck = vec![goal];
        let mut at = 0;
        while let Some((fence, value)) = stuck.get(at).copied() {
            at += 1;
            let known = self.fences.get(fence)?;
            if at > STEPS_MAX
                || !is_known(fence)
                || known.forgets_requests
                || self.is_reached((fence, value))
            {
                return None;
            }
            known.requests_for(value).next()?;
            for request in known.requests_for(value) {
                let blocker = self.blocker(request.queue, request.origin.packet)?;
                let Operation::Wait { fence, value, .. } = blocker.operation else {
                    return None;
                };
                if !stuck.contains(&(fence, value)) {
                    stuck.push((fence, value));
                }
            }
        }
        Some(stuck)
    }
}

fn add(links: &mut Vec<ChainLink>, depth: u8, kind: LinkKind) {
    if links.len() < LINKS_MAX {
        links.push(ChainLink { depth, kind });
    }
}
