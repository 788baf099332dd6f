//! Creation of objects, by replies and by requests that announce events.

use super::handles::for_each_handle;
use super::{Lifetimes, RequestContext, StepContext};
use crate::check::{Finding, FindingKind, HandleValue, PacketNumber};
use crate::objects::{HandleKey, LiveObject, ObjectId, Objects};
use crate::plan::{HandleStep, OwnerCandidate};
use dxgtrace_protocol::schema::ObjectKind;

impl Lifetimes {
    /// Creates the objects of a reply's step and returns the first. `None` if
    /// some handles were not captured or there are too many objects.
    pub(super) fn create_objects(
        &mut self,
        step_context: &StepContext<'_, '_>,
        step: &HandleStep,
        context: &RequestContext,
        created: &[Option<ObjectId>; 4],
        quiet: bool,
        found: &mut impl FnMut(Finding),
    ) -> Option<Option<ObjectId>> {
        let kind = step.kinds.single()?;
        let mut first = None;
        let mut room = true;
        let owner = match context.condition_holds(step.owner_condition) {
            true => step.owners.iter().find_map(|candidate| match candidate {
                OwnerCandidate::Created(index) => {
                    created.get(usize::from(*index)).copied().flatten()
                }
                OwnerCandidate::InRequest(slot) => {
                    let handle = u64::from(*context.owner_handles.get(usize::from(*slot))?);
                    let process = step_context.process?;
                    self.objects
                        .find(HandleKey::in_process(process, handle))
                        .filter(|_| handle != 0)
                }
            }),
            false => None,
        };
        let all_captured =
            for_each_handle(step_context.body, step, |handle, bytes, offset, index| {
                if handle == 0 {
                    return;
                }
                let mut entity =
                    LiveObject::new(Some(kind), handle, step_context.at, self.objects.epoch);
                if !kind.is_vm_wide() {
                    if step_context.process.is_none() {
                        return;
                    }
                    entity.process = step_context.process;
                }
                entity.owner = owner;
                entity.adapter = step_context
                    .adapter
                    .or_else(|| self.objects.get(owner?).and_then(|owner| owner.adapter));
                entity.may_outlive_owner = step.owner.may_outlive;
                entity.destroyed_before = step.owner.destroyed_before;
                entity.bytes = bytes;
                if let Some(before) = self.live_predecessor(&entity).filter(|_| !quiet) {
                    let kind = FindingKind::ObjectInUse {
                        field: step.name,
                        handle: HandleValue(handle),
                        created: PacketNumber(before),
                    };
                    found(Finding::new(kind).at(offset).at_element(index));
                }
                let Some(id) = self.objects.add(entity, step_context.at) else {
                    room = false;
                    return;
                };
                first.get_or_insert(id);
                if kind == ObjectKind::Adapter
                    && let Some(adapter) = step_context
                        .adapter
                        .and_then(|at| self.adapters.get_mut(at))
                {
                    adapter.object = Some(id);
                }
            });
        (all_captured && room).then_some(first)
    }

    /// Number of the packet that created the object that certainly still has
    /// the handle of `new`.
    pub(super) fn live_predecessor(&self, new: &LiveObject) -> Option<u64> {
        let old = self.objects.get(self.objects.find(Objects::key_of(new))?)?;
        // An object on another adapter may have ended with it unseen.
        let apart = old.adapter.is_some() && new.adapter.is_some() && old.adapter != new.adapter;
        let sure = old.epoch == self.objects.epoch
            && !old.predates_capture()
            && !self.objects.may_have_ended(old)
            && !apart;
        sure.then_some(old.created.packet)
    }

    /// Adds the event `number` that a request announces and the host will
    /// signal.
    pub(super) fn announce_event(
        &mut self,
        step_context: &StepContext<'_, '_>,
        step: &HandleStep,
        number: u64,
    ) -> Option<ObjectId> {
        let kind = step.kinds.single()?;
        let mut entity = LiveObject::new(Some(kind), number, step_context.at, self.objects.epoch);
        entity.owner = step_context.process;
        entity.process_handle = step_context
            .process
            .and_then(|process| self.objects.get(process))
            .map_or(0, |process| process.handle);
        entity.adapter = step_context.adapter;
        entity.repeats = step.owner.signalled_repeatedly;
        let id = self.objects.add(entity, step_context.at);
        if id.is_none() {
            self.on_packet_loss();
        }
        id
    }
}
