//! Objects that begin: created by replies, announced by requests.

use super::handles::handles;
use super::{Lifetimes, RequestContext, StepContext};
use crate::check::{Finding, FindingKind, HandleValue, PacketNumber};
use crate::objects::{HandleKey, LiveObject, ObjectId, Objects};
use crate::plan::{HandleStep, OwnerCandidate};
use dxgtrace_protocol::schema::ObjectKind;

impl Lifetimes {
    /// Creates the objects of a reply's step, and gives the first. `None` if
    /// some of them were not captured or there is no room.
    pub(super) fn create(
        &mut self,
        scene: &StepContext<'_, '_>,
        step: &HandleStep,
        memo: &RequestContext,
        created: &[Option<ObjectId>; 4],
        quiet: bool,
        found: &mut impl FnMut(Finding),
    ) -> Option<Option<ObjectId>> {
        let kind = step.kinds.single()?;
        let mut first = None;
        let mut room = true;
        let owner = match memo.has(step.owner_bit) {
            true => step.owners.iter().find_map(|candidate| match candidate {
                OwnerCandidate::Created(index) => {
                    created.get(usize::from(*index)).copied().flatten()
                }
                OwnerCandidate::Asked(slot) => {
                    let handle = u64::from(*memo.asked.get(usize::from(*slot))?);
                    let process = scene.process?;
                    self.objects
                        .find(HandleKey::of(process, handle))
                        .filter(|_| handle != 0)
                }
            }),
            false => None,
        };
        let whole = handles(scene.body, step, |handle, bytes, offset, index| {
            if handle == 0 {
                return;
            }
            let mut entity = LiveObject::new(Some(kind), handle, scene.at, self.objects.epoch);
            if !kind.is_vm_wide() {
                if scene.process.is_none() {
                    return;
                }
                entity.process = scene.process;
            }
            entity.owner = owner;
            entity.adapter = scene
                .adapter
                .or_else(|| self.objects.get(owner?).and_then(|owner| owner.adapter));
            entity.loose = step.owner.may_outlive;
            entity.settled = step.owner.destroyed_before;
            entity.bytes = bytes;
            if let Some(before) = self.in_use(&entity).filter(|_| !quiet) {
                let kind = FindingKind::ObjectInUse {
                    field: step.name,
                    handle: HandleValue(handle),
                    created: PacketNumber(before),
                };
                found(Finding::new(kind).at(offset).element(index));
            }
            let Some(id) = self.objects.add(entity, scene.at) else {
                room = false;
                return;
            };
            first.get_or_insert(id);
            if kind == ObjectKind::Adapter
                && let Some(adapter) = scene.adapter.and_then(|at| self.adapters.get_mut(at))
            {
                adapter.object = Some(id);
            }
        });
        (whole && room).then_some(first)
    }

    /// The packet that created what surely still has the handle of `new`.
    pub(super) fn in_use(&self, new: &LiveObject) -> Option<u64> {
        let old = self.objects.get(self.objects.find(Objects::key(new))?)?;
        // What lives on another adapter may have gone with it unseen.
        let apart = old.adapter.is_some() && new.adapter.is_some() && old.adapter != new.adapter;
        let sure = old.epoch == self.objects.epoch
            && !old.is_from_before()
            && !self.objects.may_be_gone(old)
            && !apart;
        sure.then_some(old.created.packet)
    }

    /// A request announces an event that the host will signal.
    pub(super) fn begin_event(
        &mut self,
        scene: &StepContext<'_, '_>,
        step: &HandleStep,
        number: u64,
    ) -> Option<ObjectId> {
        let kind = step.kinds.single()?;
        let mut entity = LiveObject::new(Some(kind), number, scene.at, self.objects.epoch);
        entity.owner = scene.process;
        entity.process_handle = scene
            .process
            .and_then(|process| self.objects.get(process))
            .map_or(0, |process| process.handle);
        entity.adapter = scene.adapter;
        entity.lasting = step.owner.signalled_repeatedly;
        let id = self.objects.add(entity, scene.at);
        if id.is_none() {
            self.gap();
        }
        id
    }
}
