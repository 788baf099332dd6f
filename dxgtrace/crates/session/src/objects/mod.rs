//! Objects: those that exist, who owns whom, and what became of the others.
//!
//! A number that is used again is a new object. Memory is bounded: of objects
//! that are gone the latest are remembered, and beyond [`LIVING_MAX`] nothing
//! new is followed (which the caller takes as a loss of packets).

mod accounts;
mod entity;

pub(crate) use entity::HandleKey;
pub use entity::{ChangeOrigin, EndedObject, LiveObject, ObjectChange, ObjectEnd, ObjectId};

use rustc_hash::FxHashMap;

use super::ledger::Ledger;
use dxgtrace_protocol::schema::ObjectKind;

/// Objects followed at most at a time. Far above what happens: a guest's
/// handle table has 24 bits of index, but even games stay below 100,000.
const LIVING_MAX: usize = 1 << 18;
/// Objects remembered after their end.
const HISTORY_MAX: usize = 1 << 12;
/// Owners above an object at most: process, device, context, queue, fence.
const DEPTH_MAX: usize = 8;
/// No object.
const NONE: u32 = u32::MAX;

/// An object that is to end.
#[derive(Debug, Clone, Copy)]
struct EndingObject {
    id: ObjectId,
    end: ObjectEnd,
    certain: bool,
    /// The owner with which it ends: its kind, and how that ended.
    owner: Option<(Option<ObjectKind>, ObjectEnd)>,
}

/// The objects of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    slots: Vec<Option<LiveObject>>,
    free: Vec<u32>,
    serial: u32,
    living: FxHashMap<HandleKey, u32>,
    /// Objects that are gone, of which the latest replaces the oldest.
    past: Vec<EndedObject>,
    oldest: usize,
    /// By handle: the place of the last that is gone.
    history: FxHashMap<HandleKey, u32>,
    /// Changes since they were last taken.
    changes: Vec<ObjectChange>,
    /// What is still to end; kept for its memory.
    ending: Vec<EndingObject>,
    /// Counts losses of packets.
    pub epoch: u32,
    /// Who has how much memory.
    pub ledger: Ledger,
}

impl Objects {
    /// The object, if it still exists.
    pub fn get(&self, id: ObjectId) -> Option<&LiveObject> {
        self.slots
            .get(id.index as usize)?
            .as_ref()
            .filter(|entity| entity.serial == id.serial)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: ObjectId) -> Option<&mut LiveObject> {
        self.slots
            .get_mut(id.index as usize)?
            .as_mut()
            .filter(|entity| entity.serial == id.serial)
    }

    /// Whether an object, or what it ends with, may have ended already: a
    /// request that ends it is under way, or one was and failed.
    pub fn may_be_gone(&self, entity: &LiveObject) -> bool {
        let mut one = Some(entity);
        // Owners of owners of owners: no object stands deeper than this.
        for _ in 0..DEPTH_MAX {
            match one {
                Some(entity) if entity.dying || entity.doubtful => return true,
                Some(entity) => one = entity.owner.and_then(|owner| self.get(owner)),
                None => return false,
            }
        }
        false
    }

    /// The object that now has that handle.
    pub fn find(&self, key: HandleKey) -> Option<ObjectId> {
        let index = *self.living.get(&key)?;
        let serial = self.slots.get(index as usize)?.as_ref()?.serial;
        Some(ObjectId { index, serial })
    }

    /// The last object that had that handle and is gone.
    pub fn gone(&self, key: HandleKey) -> Option<&EndedObject> {
        self.past.get(*self.history.get(&key)? as usize)
    }

    /// The first object of a kind that belongs to another.
    pub fn child(&self, owner: ObjectId, kind: ObjectKind) -> Option<ObjectId> {
        let mut child = self.get(owner)?.first_child;
        while let Some(Some(entity)) = self.slots.get(child as usize) {
            if entity.kind == Some(kind) {
                let serial = entity.serial;
                return Some(ObjectId {
                    index: child,
                    serial,
                });
            }
            child = entity.next;
        }
        None
    }

    /// Every object that exists.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &LiveObject)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let entity = slot.as_ref()?;
            let index = u32::try_from(index).ok()?;
            Some((
                ObjectId {
                    index,
                    serial: entity.serial,
                },
                entity,
            ))
        })
    }

    /// Objects that are gone and not yet forgotten.
    pub fn past(&self) -> impl Iterator<Item = &EndedObject> {
        self.history
            .values()
            .filter_map(|place| self.past.get(*place as usize))
    }

    /// How many exist.
    pub fn len(&self) -> usize {
        self.living.len()
    }

    /// The key under which an object is found.
    pub fn key(entity: &LiveObject) -> HandleKey {
        match (entity.kind, entity.process) {
            (Some(kind), _) if kind.is_vm_wide() => HandleKey::vm(kind, entity.handle),
            (_, Some(process)) => HandleKey::of(process, entity.handle),
            (kind, None) => HandleKey::vm(kind.unwrap_or(ObjectKind::Gpadl), entity.handle),
        }
    }

    /// Adds an object; what had its handle so far is replaced. `None` if there
    /// are too many.
    pub fn add(&mut self, mut entity: LiveObject, at: ChangeOrigin) -> Option<ObjectId> {
        let key = Self::key(&entity);
        if let Some(old) = self.find(key) {
            self.end(old, at, ObjectEnd::Replaced);
        }
        if self.living.len() >= LIVING_MAX {
            return None;
        }
        if let Some(past) = self.gone(key) {
            entity.generation = past.entity.generation.saturating_add(1);
        }
        self.serial = self.serial.wrapping_add(1);
        entity.serial = self.serial;
        let owner = entity.owner.or(entity.process);
        entity.owner = owner;
        entity.process_handle = entity
            .process
            .and_then(|process| self.get(process))
            .map_or(0, |process| process.handle);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                index
            }
        };
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(entity);
        }
        self.living.insert(key, index);
        let id = ObjectId {
            index,
            serial: entity.serial,
        };
        if let Some(owner) = owner {
            self.link(id, owner);
        }
        self.open(&entity);
        self.note(&entity, None);
        Some(id)
    }

    /// Makes `owner` the one that `id` ends with.
    pub fn give(&mut self, id: ObjectId, owner: ObjectId) {
        if id == owner || self.get(owner).is_none() {
            return;
        }
        self.unlink(id);
        if let Some(entity) = self.get_mut(id) {
            entity.owner = Some(owner);
        }
        self.link(id, owner);
    }

    /// Ends an object and all that it owns. `ended` is told of each that goes,
    /// owners first, with its owner's kind and end if it goes with it.
    pub fn end_with(
        &mut self,
        id: ObjectId,
        at: ChangeOrigin,
        end: ObjectEnd,
        ended: &mut impl FnMut(&EndedObject, Option<(Option<ObjectKind>, ObjectEnd)>),
    ) {
        if self.get(id).is_none() {
            return;
        }
        self.unlink(id);
        let mut ending = std::mem::take(&mut self.ending);
        ending.push(EndingObject {
            id,
            end,
            certain: true,
            owner: None,
        });
        // Depth first without recursion: an object's children are listed
        // before the object itself is forgotten.
        while let Some(one) = ending.pop() {
            let Some(entity) = self.take(one.id) else {
                continue;
            };
            let how = match one.end {
                ObjectEnd::Destroyed | ObjectEnd::WithOwner => ObjectEnd::WithOwner,
                other => other,
            };
            let mut child = entity.first_child;
            while let Some(Some(next)) = self.slots.get(child as usize) {
                ending.push(EndingObject {
                    id: ObjectId {
                        index: child,
                        serial: next.serial,
                    },
                    end: how,
                    certain: one.certain && !next.loose,
                    owner: Some((entity.kind, one.end)),
                });
                child = next.next;
            }
            let gone = EndedObject {
                entity,
                at,
                end: one.end,
                certain: one.certain
                    && matches!(one.end, ObjectEnd::Destroyed | ObjectEnd::WithOwner),
                epoch: self.epoch,
            };
            self.close(one.id, &entity);
            ended(&gone, one.owner);
            self.note(&entity, Some(one.end));
            self.remember(gone);
        }
        self.ending = ending;
    }

    /// Ends an object and all that it owns.
    pub fn end(&mut self, id: ObjectId, at: ChangeOrigin, end: ObjectEnd) {
        self.end_with(id, at, end, &mut |_, _| {});
    }

    /// Ends everything: the driver has started anew.
    pub fn end_all(&mut self, at: ChangeOrigin) {
        let roots: Vec<ObjectId> = self
            .iter()
            .filter(|(_, entity)| entity.owner.is_none())
            .map(|(id, _)| id)
            .collect();
        for id in roots {
            self.end(id, at, ObjectEnd::ChannelClosed);
        }
    }

    /// Gives a number whose kind was not known its kind.
    pub fn learn(&mut self, id: ObjectId, kind: ObjectKind) {
        if let Some(entity) = self.get_mut(id)
            && entity.kind.is_none()
        {
            entity.kind = Some(kind);
        }
    }

    /// Changes since this was last called.
    pub fn changes(&self) -> &[ObjectChange] {
        &self.changes
    }

    /// Forgets the changes so far.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    fn note(&mut self, entity: &LiveObject, end: Option<ObjectEnd>) {
        let owner = entity.owner.and_then(|id| self.get(id));
        let change = ObjectChange {
            entity: *entity,
            owner: owner.map(|owner| (owner.kind, owner.handle)),
            end,
        };
        self.changes.push(change);
    }

    fn take(&mut self, id: ObjectId) -> Option<LiveObject> {
        let entity = *self.get(id)?;
        if let Some(slot) = self.slots.get_mut(id.index as usize) {
            *slot = None;
        }
        self.free.push(id.index);
        let key = Self::key(&entity);
        if self.living.get(&key) == Some(&id.index) {
            self.living.remove(&key);
        }
        Some(entity)
    }

    fn remember(&mut self, gone: EndedObject) {
        let key = Self::key(&gone.entity);
        let place = self.oldest;
        match self.past.get_mut(place) {
            Some(slot) => {
                let forgotten = Self::key(&slot.entity);
                *slot = gone;
                // The handle may mean a later object that is gone by now.
                if self.history.get(&forgotten) == Some(&(place as u32)) {
                    self.history.remove(&forgotten);
                }
            }
            None => self.past.push(gone),
        }
        self.oldest = (place + 1) % HISTORY_MAX;
        self.history.insert(key, place as u32);
    }

    fn link(&mut self, id: ObjectId, owner: ObjectId) {
        let Some(first) = self.get(owner).map(|owner| owner.first_child) else {
            return;
        };
        if let Some(entity) = self.get_mut(id) {
            entity.next = first;
            entity.previous = NONE;
        }
        if let Some(Some(first)) = self.slots.get_mut(first as usize) {
            first.previous = id.index;
        }
        if let Some(owner) = self.get_mut(owner) {
            owner.first_child = id.index;
        }
    }

    fn unlink(&mut self, id: ObjectId) {
        let Some(entity) = self.get(id) else { return };
        let (owner, next, previous) = (entity.owner, entity.next, entity.previous);
        if let Some(Some(next)) = self.slots.get_mut(next as usize) {
            next.previous = previous;
        }
        match self.slots.get_mut(previous as usize) {
            Some(Some(previous)) => previous.next = next,
            _ => {
                if let Some(owner) = owner.and_then(|owner| self.get_mut(owner))
                    && owner.first_child == id.index
                {
                    owner.first_child = next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(packet: u64) -> ChangeOrigin {
        ChangeOrigin {
            packet,
            ..ChangeOrigin::default()
        }
    }

    fn add(
        objects: &mut Objects,
        kind: ObjectKind,
        handle: u64,
        owner: Option<ObjectId>,
        process: Option<ObjectId>,
    ) -> ObjectId {
        let mut entity = LiveObject::new(Some(kind), handle, at(1), 0);
        entity.owner = owner;
        entity.process = process;
        objects.add(entity, at(1)).unwrap()
    }

    #[test]
    fn an_owner_takes_all_it_owns_with_it_and_nothing_else() {
        let mut objects = Objects::default();
        let process = add(&mut objects, ObjectKind::Process, 64, None, None);
        let device = add(&mut objects, ObjectKind::Device, 64, None, Some(process));
        let context = add(
            &mut objects,
            ObjectKind::Context,
            128,
            Some(device),
            Some(process),
        );
        let queue = add(
            &mut objects,
            ObjectKind::HwQueue,
            192,
            Some(context),
            Some(process),
        );
        let other = add(
            &mut objects,
            ObjectKind::SyncObject,
            256,
            None,
            Some(process),
        );
        objects.end(device, at(5), ObjectEnd::Destroyed);
        for id in [device, context, queue] {
            assert!(objects.get(id).is_none());
        }
        assert!(objects.get(process).is_some() && objects.get(other).is_some());
        let gone = objects.gone(HandleKey::of(process, 192)).unwrap();
        assert_eq!((gone.end, gone.at.packet), (ObjectEnd::WithOwner, 5));
        objects.end(process, at(6), ObjectEnd::Destroyed);
        assert_eq!(objects.len(), 0);
    }

    #[test]
    fn a_number_that_is_used_again_is_a_new_object() {
        let mut objects = Objects::default();
        let process = add(&mut objects, ObjectKind::Process, 64, None, None);
        let first = add(&mut objects, ObjectKind::Device, 64, None, Some(process));
        objects.end(first, at(2), ObjectEnd::Destroyed);
        let second = add(&mut objects, ObjectKind::Context, 64, None, Some(process));
        assert_ne!(first, second);
        assert!(objects.get(first).is_none());
        assert_eq!(objects.get(second).map(|entity| entity.generation), Some(1));
    }

    #[test]
    fn memory_stays_bounded_however_many_objects_come_and_go() {
        let mut objects = Objects::default();
        let process = add(&mut objects, ObjectKind::Process, 64, None, None);
        for handle in 0..100_000 {
            let id = add(
                &mut objects,
                ObjectKind::Allocation,
                handle,
                None,
                Some(process),
            );
            objects.end(id, at(2), ObjectEnd::Destroyed);
            objects.settle();
        }
        assert!(objects.history.len() <= HISTORY_MAX);
        assert!(objects.past.len() <= HISTORY_MAX);
        assert!(objects.slots.len() < 4);
    }
}
