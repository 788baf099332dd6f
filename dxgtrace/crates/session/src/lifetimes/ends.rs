//! Objects that end, and what waits for a reply to happen.

use super::{Effect, LEFT_MAX, Left, Lifetimes, Memo};
use crate::check::{Code, Finding};
use crate::objects::{End, Id, Key, Moment};
use crate::plan::Step;
use crate::status::Outcome;
use dxgtrace_protocol::schema::{Object, Starts};

impl Lifetimes {
    pub(super) fn take_effect(
        &mut self,
        effect: Effect,
        at: Moment,
        memo: &Memo,
        outcome: Outcome,
        found: &mut impl FnMut(Finding),
    ) {
        match effect {
            Effect::Destroys(id) if outcome.is_failure() => {
                if let Some(entity) = self.objects.get_mut(id) {
                    entity.dying = false;
                    entity.doubtful = true;
                }
            }
            _ if outcome.is_failure() => {}
            Effect::Destroys(id) => self.destroy(id, at, found),
            Effect::Resident(id) => self.objects.reside(id, true),
            Effect::Evicted(id) => self.objects.reside(id, false),
            Effect::Offered(id) => self.objects.offer(id, true),
            Effect::Reclaimed(id) => self.objects.offer(id, false),
            Effect::Range {
                change,
                first,
                bytes,
            } => self.range(memo, change, first, bytes),
        }
    }

    pub(super) fn destroy(&mut self, id: Id, at: Moment, found: &mut impl FnMut(Finding)) {
        let epoch = self.objects.epoch;
        let (left, names) = (&mut self.left, &mut self.names);
        if self.last.is_some_and(|(_, last)| last == id) {
            self.last = None;
        }
        names.forget(id);
        self.objects
            .end_with(id, at, End::Destroyed, &mut |gone, owner| {
                let entity = &gone.entity;
                let Some((Some(kind), how)) = owner else {
                    return;
                };
                let sure = gone.certain
                    && entity.epoch == epoch
                    && !entity.is_from_before()
                    && !entity.doubtful
                    && !entity.dying;
                if !sure || how != End::Destroyed || !entity.settled.contains(&kind) {
                    return;
                }
                match entity.adapter {
                    // A device outlives its process if its adapter went away: wait
                    // until that is seen to be alive.
                    Some(adapter) if kind == Object::Process => {
                        if left.len() < LEFT_MAX {
                            left.push(Left {
                                adapter,
                                handle: entity.handle,
                                ended: at.packet,
                            });
                        }
                    }
                    _ => {
                        let part = entity.kind.map_or("object", Object::name);
                        let created = entity.created.packet;
                        found(Finding::new(
                            Code::ObjectLeftToDevice,
                            part,
                            entity.handle,
                            created,
                        ));
                    }
                }
            });
    }

    /// The adapter lives on: what processes left behind on it is leaked.
    pub(super) fn tell_left(
        &mut self,
        adapter: u8,
        starts: Starts,
        found: &mut impl FnMut(Finding),
    ) {
        self.left.retain(|left| {
            if left.adapter != adapter {
                return true;
            }
            if starts == Starts::Nothing {
                found(Finding::new(
                    Code::ObjectLeaked,
                    "device",
                    left.handle,
                    left.ended,
                ));
            }
            false
        });
    }

    /// The request that announced an event failed: it is signalled no more.
    pub(super) fn unsignalled(&mut self, memo: &Memo, at: Moment, outcome: Outcome) {
        let Some(event) = memo.event else { return };
        // After a short answer the driver forgets the event; what the host
        // does is not known.
        let end = match outcome {
            Outcome::Short => End::Replaced,
            _ => End::Destroyed,
        };
        self.waits.end(event);
        self.objects.end(event, at, end);
    }

    /// The host signals an event.
    pub(super) fn signalled(
        &mut self,
        number: u64,
        step: &Step,
        at: Moment,
        offset: usize,
        found: &mut impl FnMut(Finding),
    ) {
        let key = Key::vm(Object::GuestEvent, number);
        if let Some(id) = self.objects.find(key) {
            let lasting = self.objects.get(id).is_some_and(|event| event.lasting);
            if lasting {
                self.mark(id, at.packet);
            } else {
                self.waits.end(id);
                self.objects.end(id, at, End::Destroyed);
            }
            return;
        }
        let ended = match self.objects.gone(key) {
            Some(gone) if gone.certain && gone.epoch == self.objects.epoch => gone.at.packet,
            None if self.is_complete() => 0,
            _ => return,
        };
        found(Finding::new(Code::EventStale, step.name, number, ended).at(offset));
    }
}
