//! Checks the objects that requests name: they must exist and be of the right
//! kind.

use super::handles::for_each_handle;
use super::{Lifetimes, PendingEffect, RequestContext, StepContext};
use crate::check::{Finding, FindingKind, HandleValue, PacketNumber};
use crate::names::ProcessName;
use crate::objects::{ChangeOrigin, EndedObject, HandleKey, LiveObject, ObjectId};
use crate::plan::{HandleStep, ObjectKinds};
use dxgtrace_protocol::decode::{Decoded, Frame};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{FieldRole, HeaderProcess, ObjectEffect, ObjectKind};

impl Lifetimes {
    /// The process of a guest message. A process whose creation was not
    /// captured is added as one that predates the capture.
    pub(super) fn process_of(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        frame: &Frame,
        at: ChangeOrigin,
        found: &mut impl FnMut(Finding),
    ) -> Option<ObjectId> {
        let subject = decoded.message.map(|message| message.header_process);
        if frame.process == 0
            || !matches!(
                subject,
                Some(HeaderProcess::Caller | HeaderProcess::Destroyed)
            )
        {
            return None;
        }
        if let Some((handle, id)) = self.last_process
            && handle == frame.process
            && let Some(process) = self.objects.get_mut(id)
        {
            process.last_used = packet.number;
            return Some(id);
        }
        let handle = u64::from(frame.process);
        let key = HandleKey::vm_wide(ObjectKind::Process, handle);
        let id = match self.objects.find(key) {
            Some(id) => id,
            None => {
                let offset = decoded.base + 8;
                if let Some(kind) =
                    self.missing_vm_wide(ObjectKind::Process, handle, "process", ObjectEffect::Uses)
                {
                    found(Finding::new(kind).at(offset));
                }
                let before = ChangeOrigin::default();
                let entity = LiveObject::new(
                    Some(ObjectKind::Process),
                    handle,
                    before,
                    self.objects.epoch,
                );
                let id = self.objects.add(entity, at)?;
                if let Some(name) = ProcessName::from_header(packet.header) {
                    self.names.set(id, name);
                }
                id
            }
        };
        if let Some(process) = self.objects.get_mut(id) {
            process.last_used = packet.number;
        }
        self.last_process = Some((frame.process, id));
        Some(id)
    }

    /// Applies a step of a request to each of its handles. Returns `false` if
    /// some handles were not captured.
    pub(super) fn apply_step(
        &mut self,
        step_context: &StepContext<'_, '_>,
        step: &HandleStep,
        context: &mut RequestContext,
        effects: &mut Vec<PendingEffect>,
        found: &mut impl FnMut(Finding),
    ) -> bool {
        for_each_handle(step_context.body, step, |handle, _, offset, index| {
            if handle == 0 {
                return;
            }
            if step.effect == ObjectEffect::Creates {
                context.event = self.announce_event(step_context, step, handle);
                return;
            }
            let place = |finding: Finding| finding.at(offset).at_element(index);
            let used = self.resolve_handle(step_context, step, handle, &mut |finding| {
                found(place(finding))
            });
            let Some(id) = used else { return };
            match (step.effect, step.role) {
                (ObjectEffect::Destroys, _) => {
                    if let Some(entity) = self.objects.get_mut(id) {
                        entity.dying = true;
                    }
                    effects.push(PendingEffect::Destroys(id));
                }
                (_, FieldRole::Resident) => effects.push(PendingEffect::Resident(id)),
                (_, FieldRole::Evicted) => effects.push(PendingEffect::Evicted(id)),
                (_, FieldRole::Offered) => effects.push(PendingEffect::Offered(id)),
                (_, FieldRole::Reclaimed) => effects.push(PendingEffect::Reclaimed(id)),
                (_, role) => {
                    let value = step_context.fence_value(index);
                    self.sync_request.add(role, id, handle, value);
                }
            }
        })
    }

    /// The object that `handle` names. Reports a handle that names no object or
    /// one of the wrong kind, and returns `None`.
    pub(super) fn resolve_handle(
        &mut self,
        step_context: &StepContext<'_, '_>,
        step: &HandleStep,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<ObjectId> {
        let number = step_context.at.packet;
        for kind in step.kinds.vm_wide() {
            if let Some(id) = self.objects.find(HandleKey::vm_wide(kind, handle)) {
                self.mark_used(id, number);
                return Some(id);
            }
        }
        if !step.kinds.has_process_wide() {
            return self.resolve_unknown_vm_wide(step_context, step, handle, found);
        }
        let process = step_context.process?;
        let epoch = self.objects.epoch;
        if let Some(id) = self.objects.find(HandleKey::in_process(process, handle)) {
            self.mark_used(id, number);
            let entity = self.objects.get(id)?;
            match entity.kind {
                None => {
                    if let Some(kind) = step.kinds.single() {
                        self.objects.set_kind(id, kind);
                    }
                }
                Some(kind) if !step.kinds.contains(kind) => {
                    let sure = entity.epoch == epoch
                        && !entity.predates_capture()
                        && !self.objects.may_have_ended(entity);
                    if sure {
                        let created = PacketNumber(entity.created.packet);
                        let (field, handle) = (step.name, HandleValue(handle));
                        found(Finding::new(match step.effect {
                            ObjectEffect::Mentions => FindingKind::ObjectHint { field, handle },
                            _ => FindingKind::ObjectWrongKind {
                                field,
                                handle,
                                created,
                            },
                        }));
                    }
                    return None;
                }
                Some(_) => {}
            }
            return Some(id);
        }
        let mixed = step.kinds.vm_wide().next().is_some();
        let owner = self.objects.get(process)?;
        let sure =
            owner.epoch == epoch && !owner.predates_capture() && (!mixed || self.is_complete());
        let kind = match self
            .objects
            .last_ended(HandleKey::in_process(process, handle))
        {
            Some(gone) if gone.epoch == epoch && gone.certain => {
                Some(used_after_end(step.name, handle, step.effect, gone))
            }
            Some(_) => None,
            None if sure => Some(match self.owner_elsewhere(process, step.kinds, handle) {
                Some(owner) => FindingKind::ObjectForeign {
                    field: step.name,
                    handle: HandleValue(handle),
                    owner: HandleValue(owner),
                },
                None => FindingKind::ObjectUnknown {
                    field: step.name,
                    handle: HandleValue(handle),
                },
            }),
            None => None,
        };
        if let Some(kind) = kind {
            found(Finding::new(match step.effect {
                ObjectEffect::Mentions => FindingKind::ObjectHint {
                    field: step.name,
                    handle: HandleValue(handle),
                },
                _ => kind,
            }));
            return None;
        }
        self.add_preexisting(step_context, step.kinds.single(), handle)
    }

    /// Handles a VM-wide handle of which nothing is known.
    #[cold]
    pub(super) fn resolve_unknown_vm_wide(
        &mut self,
        step_context: &StepContext<'_, '_>,
        step: &HandleStep,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<ObjectId> {
        let kind = step.kinds.single()?;
        if self.plans.is_announced(kind)
            && let Some(kind) = self.missing_vm_wide(kind, handle, step.name, step.effect)
        {
            found(Finding::new(kind));
            return None;
        }
        let id = self.add_preexisting(step_context, Some(kind), handle)?;
        if kind == ObjectKind::Adapter
            && let Some(adapter) = step_context
                .adapter
                .and_then(|number| self.adapters.get_mut(number))
        {
            adapter.object.get_or_insert(id);
        }
        Some(id)
    }

    /// The finding for the use of a VM-wide handle that names no object; `None`
    /// if the object may exist.
    fn missing_vm_wide(
        &self,
        kind: ObjectKind,
        handle: u64,
        field: &'static str,
        life: ObjectEffect,
    ) -> Option<FindingKind> {
        match self.objects.last_ended(HandleKey::vm_wide(kind, handle)) {
            Some(gone) if gone.epoch == self.objects.epoch && gone.certain => {
                Some(used_after_end(field, handle, life, gone))
            }
            None if self.is_complete() => Some(FindingKind::ObjectUnknown {
                field,
                handle: HandleValue(handle),
            }),
            _ => None,
        }
    }

    /// Adds an object that predates the capture, or whose creation was not
    /// captured.
    #[cold]
    pub(super) fn add_preexisting(
        &mut self,
        step_context: &StepContext<'_, '_>,
        kind: Option<ObjectKind>,
        handle: u64,
    ) -> Option<ObjectId> {
        let mut entity = LiveObject::new(kind, handle, ChangeOrigin::default(), self.objects.epoch);
        if kind.is_none_or(|kind| !kind.is_vm_wide()) {
            entity.process = step_context.process;
        }
        entity.adapter = step_context.adapter;
        entity.last_used = step_context.at.packet;
        let id = self.objects.add(entity, step_context.at);
        if id.is_none() {
            self.on_packet_loss();
        }
        id
    }

    /// The handle of another process in which `handle` names an object of one
    /// of `kinds`.
    #[cold]
    pub(super) fn owner_elsewhere(
        &self,
        process: ObjectId,
        kinds: ObjectKinds,
        handle: u64,
    ) -> Option<u64> {
        self.objects
            .iter()
            .find(|(_, entity)| {
                entity.handle == handle
                    && entity.process.is_some_and(|other| other != process)
                    && entity.kind.is_some_and(|kind| kinds.contains(kind))
            })
            .map(|(_, entity)| entity.process_handle)
    }

    pub(super) fn mark_used(&mut self, id: ObjectId, number: u64) {
        if let Some(entity) = self.objects.get_mut(id) {
            entity.last_used = number;
        }
    }
}

/// The finding for the use of an ended object.
fn used_after_end(
    field: &'static str,
    handle: u64,
    life: ObjectEffect,
    gone: &EndedObject,
) -> FindingKind {
    let (handle, destroyed) = (HandleValue(handle), PacketNumber(gone.at.packet));
    match life {
        ObjectEffect::Destroys => FindingKind::ObjectDestroyedTwice {
            field,
            handle,
            destroyed,
        },
        _ => FindingKind::ObjectAfterDestroy {
            field,
            handle,
            destroyed,
        },
    }
}
