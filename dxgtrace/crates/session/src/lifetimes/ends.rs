//! Objects that end, and what waits for a reply to happen.

use super::{LEFT_MAX, Lifetimes, OrphanDevice, PendingEffect, RequestContext};
use crate::check::{EndedIn, EventNumber, Finding, FindingKind, HandleValue, PacketNumber};
use crate::objects::{ChangeOrigin, HandleKey, ObjectEnd, ObjectId};
use crate::plan::HandleStep;
use crate::status::ReplyOutcome;
use dxgtrace_protocol::schema::{ObjectKind, ResetScope};

impl Lifetimes {
    pub(super) fn take_effect(
        &mut self,
        effect: PendingEffect,
        at: ChangeOrigin,
        memo: &RequestContext,
        outcome: ReplyOutcome,
        found: &mut impl FnMut(Finding),
    ) {
        match effect {
            PendingEffect::Destroys(id) if outcome.is_failure() => {
                if let Some(entity) = self.objects.get_mut(id) {
                    entity.dying = false;
                    entity.doubtful = true;
                }
            }
            _ if outcome.is_failure() => {}
            PendingEffect::Destroys(id) => self.destroy(id, at, found),
            PendingEffect::Resident(id) => self.objects.reside(id, true),
            PendingEffect::Evicted(id) => self.objects.reside(id, false),
            PendingEffect::Offered(id) => self.objects.offer(id, true),
            PendingEffect::Reclaimed(id) => self.objects.offer(id, false),
            PendingEffect::Range {
                change,
                first,
                bytes,
            } => self.range(memo, change, first, bytes),
        }
    }

    pub(super) fn destroy(
        &mut self,
        id: ObjectId,
        at: ChangeOrigin,
        found: &mut impl FnMut(Finding),
    ) {
        let epoch = self.objects.epoch;
        let (left, names) = (&mut self.left, &mut self.names);
        if self.last.is_some_and(|(_, last)| last == id) {
            self.last = None;
        }
        names.forget(id);
        self.objects
            .end_with(id, at, ObjectEnd::Destroyed, &mut |gone, owner| {
                let entity = &gone.entity;
                let Some((Some(kind), how)) = owner else {
                    return;
                };
                let sure = gone.certain
                    && entity.epoch == epoch
                    && !entity.is_from_before()
                    && !entity.doubtful
                    && !entity.dying;
                if !sure || how != ObjectEnd::Destroyed || !entity.settled.contains(&kind) {
                    return;
                }
                match entity.adapter {
                    // A device outlives its process if its adapter went away: wait
                    // until that is seen to be alive.
                    Some(adapter) if kind == ObjectKind::Process => {
                        if left.len() < LEFT_MAX {
                            left.push(OrphanDevice {
                                adapter,
                                handle: entity.handle,
                                ended: at.packet,
                            });
                        }
                    }
                    _ => {
                        found(Finding::new(FindingKind::ObjectLeftToDevice {
                            object: entity.kind.map_or("object", ObjectKind::name),
                            handle: HandleValue(entity.handle),
                            created: PacketNumber(entity.created.packet),
                        }));
                    }
                }
            });
    }

    /// The adapter lives on: what processes left behind on it is leaked.
    pub(super) fn tell_left(
        &mut self,
        adapter: u8,
        starts: ResetScope,
        found: &mut impl FnMut(Finding),
    ) {
        self.left.retain(|left| {
            if left.adapter != adapter {
                return true;
            }
            if starts == ResetScope::Nothing {
                found(Finding::new(FindingKind::ObjectLeaked {
                    object: "device",
                    handle: HandleValue(left.handle),
                    ended: PacketNumber(left.ended),
                }));
            }
            false
        });
    }

    /// The request that announced an event failed: it is signalled no more.
    pub(super) fn unsignalled(
        &mut self,
        memo: &RequestContext,
        at: ChangeOrigin,
        outcome: ReplyOutcome,
    ) {
        let Some(event) = memo.event else { return };
        // After a short answer the driver forgets the event; what the host
        // does is not known.
        let end = match outcome {
            ReplyOutcome::Short => ObjectEnd::Replaced,
            _ => ObjectEnd::Destroyed,
        };
        self.waits.end(event);
        self.objects.end(event, at, end);
    }

    /// The host signals an event.
    pub(super) fn signalled(
        &mut self,
        number: u64,
        step: &HandleStep,
        at: ChangeOrigin,
        offset: usize,
        found: &mut impl FnMut(Finding),
    ) {
        let key = HandleKey::vm(ObjectKind::GuestEvent, number);
        if let Some(id) = self.objects.find(key) {
            let lasting = self.objects.get(id).is_some_and(|event| event.lasting);
            if lasting {
                self.mark(id, at.packet);
            } else {
                self.waits.end(id);
                self.objects.end(id, at, ObjectEnd::Destroyed);
            }
            return;
        }
        let ended = match self.objects.gone(key) {
            Some(gone) if gone.certain && gone.epoch == self.objects.epoch => Some(gone.at.packet),
            None if self.is_complete() => None,
            _ => return,
        };
        let kind = FindingKind::EventStale {
            field: step.name,
            event: EventNumber(number),
            end: EndedIn(ended),
        };
        found(Finding::new(kind).at(offset));
    }
}
