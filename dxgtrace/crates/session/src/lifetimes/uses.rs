//! Objects that requests name: do they exist, and are they what they should
//! be?

use super::handles::handles;
use super::{Lifetimes, PendingEffect, RequestContext, StepContext};
use crate::check::{Code, Finding};
use crate::names::ProcessName;
use crate::objects::{ChangeOrigin, HandleKey, LiveObject, ObjectId};
use crate::plan::{self, HandleStep, ObjectKinds};
use dxgtrace_protocol::decode::{Decoded, Frame};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{FieldRole, ObjectEffect, ObjectKind, Subject};

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
        let subject = decoded.message.map(|message| message.subject);
        if frame.process == 0 || !matches!(subject, Some(Subject::Caller | Subject::Destroyed)) {
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
                let gone = self.objects.gone(key);
                let finding = match gone {
                    Some(gone) if gone.epoch == self.objects.epoch && gone.certain => Some(
                        Finding::new(Code::ObjectAfterDestroy, "process", handle, gone.at.packet),
                    ),
                    None if self.is_complete() => {
                        Some(Finding::new(Code::ObjectUnknown, "process", handle, 0))
                    }
                    _ => None,
                };
                if let Some(finding) = finding {
                    found(finding.at(offset));
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
                        let created = entity.created.packet;
                        let code = match step.life {
                            ObjectEffect::Mentions => Code::ObjectHint,
                            _ => Code::ObjectWrongKind,
                        };
                        found(Finding::new(code, step.name, handle, created));
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
        let code = match self.objects.gone(HandleKey::of(process, handle)) {
            Some(gone) if gone.epoch == epoch && gone.certain => {
                let code = match step.life {
                    ObjectEffect::Destroys => Code::ObjectDestroyedTwice,
                    _ => Code::ObjectAfterDestroy,
                };
                Some((code, gone.at.packet))
            }
            Some(_) => None,
            None if sure => Some(match self.elsewhere(process, step.kinds, handle) {
                Some(owner) => (Code::ObjectForeign, owner),
                None => (Code::ObjectUnknown, 0),
            }),
            None => None,
        };
        if let Some((code, b)) = code {
            let code = match step.life {
                ObjectEffect::Mentions => Code::ObjectHint,
                _ => code,
            };
            found(Finding::new(code, step.name, handle, b));
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
        if plan::is_announced(kind) {
            let epoch = self.objects.epoch;
            let gone = self.objects.gone(HandleKey::vm(kind, handle));
            let code = match gone {
                Some(gone) if gone.epoch == epoch && gone.certain => {
                    let code = match step.life {
                        ObjectEffect::Destroys => Code::ObjectDestroyedTwice,
                        _ => Code::ObjectAfterDestroy,
                    };
                    Some((code, gone.at.packet))
                }
                None if self.is_complete() => Some((Code::ObjectUnknown, 0)),
                _ => None,
            };
            if let Some((code, b)) = code {
                found(Finding::new(code, step.name, handle, b));
                return None;
            }
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
