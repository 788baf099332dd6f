//! Destruction of objects, and the effects that wait for a reply.

use super::{Lifetimes, ORPHANS_MAX, OrphanDevice, PendingEffect, RequestContext};
use crate::check::{EndedIn, EventNumber, Finding, FindingKind, HandleValue, PacketNumber};
use crate::objects::{ChangeOrigin, HandleKey, ObjectEnd, ObjectId};
use crate::plan::HandleStep;
use crate::status::ReplyOutcome;
use dxgtrace_protocol::schema::{ObjectKind, ResetScope};

impl Lifetimes {
    pub(super) fn apply_effect(
        &mut self,
        effect: PendingEffect,
        request: u64,
        at: ChangeOrigin,
        context: &RequestContext,
        outcome: ReplyOutcome,
        found: &mut impl FnMut(Finding),
    ) {
        match effect {
            PendingEffect::Destroys(id) if outcome.is_failure() => {
                if let Some(entity) = self.objects.get_mut(id) {
                    entity.dying = false;
                    entity.may_have_ended = true;
                }
            }
            PendingEffect::Sync(effect) => {
                self.sync.on_reply(effect, request, outcome.is_failure());
            }
            _ if outcome.is_failure() => {}
            PendingEffect::Destroys(id) => self.destroy_object(id, at, found),
            PendingEffect::Resident(id) => self.objects.change_residency(id, true),
            PendingEffect::Evicted(id) => self.objects.change_residency(id, false),
            PendingEffect::Offered(id) => self.objects.set_offered(id, true),
            PendingEffect::Reclaimed(id) => self.objects.set_offered(id, false),
            PendingEffect::Range {
                change,
                first,
                bytes,
            } => self.change_range(context, change, first, bytes),
        }
    }

    pub(super) fn destroy_object(
        &mut self,
        id: ObjectId,
        at: ChangeOrigin,
        found: &mut impl FnMut(Finding),
    ) {
        let epoch = self.objects.epoch;
        let (orphans, names) = (&mut self.orphans, &mut self.names);
        if self.last_process.is_some_and(|(_, last)| last == id) {
            self.last_process = None;
        }
        names.remove(id);
        self.objects
            .end_each(id, at, ObjectEnd::Destroyed, &mut |gone, owner| {
                let entity = &gone.entity;
                let Some((Some(kind), how)) = owner else {
                    return;
                };
                let sure = gone.certain
                    && entity.epoch == epoch
                    && !entity.predates_capture()
                    && !entity.may_have_ended
                    && !entity.dying;
                if !sure || how != ObjectEnd::Destroyed || !entity.destroyed_before.contains(&kind)
                {
                    return;
                }
                match entity.adapter {
                    // A device outlives its process if its adapter was removed:
                    // report it only after the adapter is known to be alive.
                    Some(adapter) if kind == ObjectKind::Process => {
                        if orphans.len() < ORPHANS_MAX {
                            orphans.push(OrphanDevice {
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

    /// Reports the devices that processes leaked on `adapter`, which a message
    /// has just shown to be alive. `starts` is what that message starts.
    pub(super) fn report_orphans(
        &mut self,
        adapter: u8,
        starts: ResetScope,
        found: &mut impl FnMut(Finding),
    ) {
        self.orphans.retain(|orphan| {
            if orphan.adapter != adapter {
                return true;
            }
            if starts == ResetScope::Nothing {
                found(Finding::new(FindingKind::ObjectLeaked {
                    object: "device",
                    handle: HandleValue(orphan.handle),
                    ended: PacketNumber(orphan.ended),
                }));
            }
            false
        });
    }

    /// Ends the event that a failed request announced.
    pub(super) fn cancel_event(
        &mut self,
        context: &RequestContext,
        at: ChangeOrigin,
        outcome: ReplyOutcome,
    ) {
        let Some(event) = context.event else { return };
        // After a short reply, the driver drops the event; whether the host
        // still signals it is not known.
        let end = match outcome {
            ReplyOutcome::Short { .. } => ObjectEnd::Replaced,
            _ => ObjectEnd::Destroyed,
        };
        self.sync.remove_event(event);
        self.objects.end(event, at, end);
    }

    /// Handles the signal of event `number` by the host.
    pub(super) fn on_event_signalled(
        &mut self,
        number: u64,
        step: &HandleStep,
        at: ChangeOrigin,
        offset: usize,
        found: &mut impl FnMut(Finding),
    ) {
        let key = HandleKey::vm_wide(ObjectKind::GuestEvent, number);
        if let Some(id) = self.objects.find(key) {
            let repeats = self.objects.get(id).is_some_and(|event| event.repeats);
            if repeats {
                self.mark_used(id, at.packet);
            } else {
                self.sync.on_event(id, at.packet);
                self.objects.end(id, at, ObjectEnd::Destroyed);
            }
            return;
        }
        let ended = match self.objects.last_ended(key) {
            Some(gone) if gone.certain && gone.epoch == self.objects.epoch => Some(gone.at.packet),
            None if self.is_complete() => None,
            _ => return,
        };
        let kind = FindingKind::EventStale {
            field: step.name,
            event: EventNumber(number),
            end: EndedIn(ended.unwrap_or(0)),
        };
        found(Finding::new(kind).at(offset));
    }
}
