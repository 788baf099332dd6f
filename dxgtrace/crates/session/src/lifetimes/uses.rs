//! Objects that requests name: do they exist, and are they what they should
//! be?

use super::handles::handles;
use super::{Lifetimes, PendingEffect, RequestContext, StepContext};
use crate::check::{Finding, FindingKind, HandleValue, PacketNumber};
use crate::names::ProcessName;
use crate::objects::{ChangeOrigin, EndedObject, HandleKey, LiveObject, ObjectId};
use crate::plan::{HandleStep, ObjectKinds};
use dxgtrace_protocol::decode::{Decoded, Frame};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{FieldRole, HeaderProcess, ObjectEffect, ObjectKind};

impl Lifetimes {
    /// The process of a guest message. One that was not seen to begin is one
    /// from before the capture, if it can be.
    pub(super) fn process(
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
        if let Some((handle, id)) = self.last
            && handle == frame.process
            && let Some(process) = self.objects.get_mut(id)
        {
            process.used = packet.number;
            return Some(id);
        }
        let handle = u64::from(frame.process);
        let key = HandleKey::vm(ObjectKind::Process, handle);
        let id = match self.objects.find(key) {
            Some(id) => id,
            None => {
                let offset = decoded.base + 8;
                if let Some(kind) =
                    self.missing_in_vm(ObjectKind::Process, handle, "process", ObjectEffect::Uses)
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
                if let Some(name) = ProcessName::of(packet.header) {
                    self.names.set(id, name);
                }
                id
            }
        };
        if let Some(process) = self.objects.get_mut(id) {
            process.used = packet.number;
        }
        self.last = Some((frame.process, id));
        Some(id)
    }

    /// Does what a step of a request says for each of its handles. `false` if
    /// some of them were not captured.
    pub(super) fn step(
        &mut self,
        scene: &StepContext<'_, '_>,
        step: &HandleStep,
        memo: &mut RequestContext,
        effects: &mut Vec<PendingEffect>,
        found: &mut impl FnMut(Finding),
    ) -> bool {
        handles(scene.body, step, |handle, _, offset, index| {
            if handle == 0 {
                return;
            }
            if step.life == ObjectEffect::Creates {
                memo.event = self.begin_event(scene, step, handle);
                return;
            }
            let place = |finding: Finding| finding.at(offset).element(index);
            let used = self.used(scene, step, handle, &mut |finding| found(place(finding)));
            let Some(id) = used else { return };
            match (step.life, step.role) {
                (ObjectEffect::Destroys, _) => {
                    if let Some(entity) = self.objects.get_mut(id) {
                        entity.dying = true;
                    }
                    effects.push(PendingEffect::Destroys(id));
                }
                (_, FieldRole::Resident) => effects.push(PendingEffect::Resident(id)),
                (_, FieldRole::Evicted) => effects.push(PendingEffect::Evicted(id)),
                (_, FieldRole::Awaited) => {
                    if let Some(event) = memo.event {
                        let value = scene.fence_value(index).unwrap_or(0);
                        let fence = (id, handle);
                        self.waits
                            .wait(&self.objects, event, scene.at, fence, value);
                    }
                }
                (_, FieldRole::Signalled) => {
                    if let Some(value) = scene.fence_value(index) {
                        self.waits.signal(id, value, scene.at.packet);
                    }
                }
                (_, FieldRole::Offered) => effects.push(PendingEffect::Offered(id)),
                (_, FieldRole::Reclaimed) => effects.push(PendingEffect::Reclaimed(id)),
                _ => {}
            }
        })
    }

    /// The object that a handle names, which must exist.
    pub(super) fn used(
        &mut self,
        scene: &StepContext<'_, '_>,
        step: &HandleStep,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<ObjectId> {
        let number = scene.at.packet;
        for kind in step.kinds.vm_wide() {
            if let Some(id) = self.objects.find(HandleKey::vm(kind, handle)) {
                self.mark(id, number);
                return Some(id);
            }
        }
        if !step.kinds.has_process_wide() {
            return self.unknown_in_vm(scene, step, handle, found);
        }
        let process = scene.process?;
        let epoch = self.objects.epoch;
        if let Some(id) = self.objects.find(HandleKey::of(process, handle)) {
            self.mark(id, number);
            let entity = self.objects.get(id)?;
            match entity.kind {
                None => {
                    if let Some(kind) = step.kinds.single() {
                        self.objects.learn(id, kind);
                    }
                }
                Some(kind) if !step.kinds.has(kind) => {
                    let sure = entity.epoch == epoch
                        && !entity.is_from_before()
                        && !self.objects.may_be_gone(entity);
                    if sure {
                        let created = PacketNumber(entity.created.packet);
                        let (field, handle) = (step.name, HandleValue(handle));
                        found(Finding::new(match step.life {
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
            owner.epoch == epoch && !owner.is_from_before() && (!mixed || self.is_complete());
        let kind = match self.objects.gone(HandleKey::of(process, handle)) {
            Some(gone) if gone.epoch == epoch && gone.certain => {
                Some(used_after_end(step.name, handle, step.life, gone))
            }
            Some(_) => None,
            None if sure => Some(match self.elsewhere(process, step.kinds, handle) {
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
            found(Finding::new(match step.life {
                ObjectEffect::Mentions => FindingKind::ObjectHint {
                    field: step.name,
                    handle: HandleValue(handle),
                },
                _ => kind,
            }));
            return None;
        }
        self.add_old(scene, step.kinds.single(), handle)
    }

    /// A handle of the whole virtual machine that nothing is known of.
    #[cold]
    pub(super) fn unknown_in_vm(
        &mut self,
        scene: &StepContext<'_, '_>,
        step: &HandleStep,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<ObjectId> {
        let kind = step.kinds.single()?;
        if self.plans.is_announced(kind)
            && let Some(kind) = self.missing_in_vm(kind, handle, step.name, step.life)
        {
            found(Finding::new(kind));
            return None;
        }
        let id = self.add_old(scene, Some(kind), handle)?;
        if kind == ObjectKind::Adapter
            && let Some(adapter) = scene
                .adapter
                .and_then(|number| self.adapters.get_mut(number))
        {
            adapter.object.get_or_insert(id);
        }
        Some(id)
    }

    /// What the use of a handle of the whole virtual machine that names no
    /// object is reported as; `None` if the object may exist.
    fn missing_in_vm(
        &self,
        kind: ObjectKind,
        handle: u64,
        field: &'static str,
        life: ObjectEffect,
    ) -> Option<FindingKind> {
        match self.objects.gone(HandleKey::vm(kind, handle)) {
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

    /// Adds an object that was there before, or whose creation is missing.
    #[cold]
    pub(super) fn add_old(
        &mut self,
        scene: &StepContext<'_, '_>,
        kind: Option<ObjectKind>,
        handle: u64,
    ) -> Option<ObjectId> {
        let mut entity = LiveObject::new(kind, handle, ChangeOrigin::default(), self.objects.epoch);
        if kind.is_none_or(|kind| !kind.is_vm_wide()) {
            entity.process = scene.process;
        }
        entity.adapter = scene.adapter;
        entity.used = scene.at.packet;
        let id = self.objects.add(entity, scene.at);
        if id.is_none() {
            self.gap();
        }
        id
    }

    /// The handle of another process in which a handle means such an object.
    #[cold]
    pub(super) fn elsewhere(
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
                    && entity.kind.is_some_and(|kind| kinds.has(kind))
            })
            .map(|(_, entity)| entity.process_handle)
    }

    pub(super) fn mark(&mut self, id: ObjectId, number: u64) {
        if let Some(entity) = self.objects.get_mut(id) {
            entity.used = number;
        }
    }
}

/// What the use of an ended object is reported as.
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
