//! The objects of a session: live ones with their owners, and the latest ended
//! ones.
//!
//! A handle that is reused denotes a new object. Memory is bounded: the latest
//! [`ENDED_MAX`] ended objects are kept, and beyond [`LIVE_MAX`] live ones no
//! object is added, which the caller treats as a loss of packets.

mod accounts;
mod entity;

pub(crate) use entity::HandleKey;
pub use entity::{ChangeOrigin, EndedObject, LiveObject, ObjectChange, ObjectEnd, ObjectId};

use rustc_hash::FxHashMap;

use super::ledger::Ledger;
use dxgtrace_protocol::schema::ObjectKind;

/// Maximum number of live objects. A guest's handle table has 24-bit indices,
/// but even games stay below 100,000 objects.
const LIVE_MAX: usize = 1 << 18;
/// Number of ended objects that are kept.
const ENDED_MAX: usize = 1 << 12;
/// Maximum length of an owner chain, such as process, device, context, queue,
/// fence.
const DEPTH_MAX: usize = 8;
/// Index that denotes no object.
const NONE: u32 = u32::MAX;

/// An object that is about to end.
#[derive(Debug, Clone, Copy)]
struct EndingObject {
    id: ObjectId,
    end: ObjectEnd,
    certain: bool,
    /// The owner that it ends with: its kind and how it ended.
    owner: Option<(Option<ObjectKind>, ObjectEnd)>,
}

/// The objects of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    slots: Vec<Option<LiveObject>>,
    free_slots: Vec<u32>,
    serial: u32,
    by_handle: FxHashMap<HandleKey, u32>,
    /// Ended objects, as a ring in which the latest replaces the oldest.
    ended: Vec<EndedObject>,
    oldest_ended: usize,
    /// Index in `ended` of the last ended object with each handle.
    last_ended: FxHashMap<HandleKey, u32>,
    /// Changes since the last [`clear_changes`](Self::clear_changes).
    changes: Vec<ObjectChange>,
    /// Work list of [`end_each`](Self::end_each), kept to reuse its allocation.
    ending: Vec<EndingObject>,
    /// Counts losses of packets.
    pub epoch: u32,
    /// The memory accounts.
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

    /// The object for modification, if it still exists.
    pub fn get_mut(&mut self, id: ObjectId) -> Option<&mut LiveObject> {
        self.slots
            .get_mut(id.index as usize)?
            .as_mut()
            .filter(|entity| entity.serial == id.serial)
    }

    /// Whether `entity` or one of its owners may have ended already: a request
    /// that destroys it is outstanding, or has failed.
    pub fn may_have_ended(&self, entity: &LiveObject) -> bool {
        let mut one = Some(entity);
        // The owner chain is bounded.
        for _ in 0..DEPTH_MAX {
            match one {
                Some(entity) if entity.dying || entity.may_have_ended => return true,
                Some(entity) => one = entity.owner.and_then(|owner| self.get(owner)),
                None => return false,
            }
        }
        false
    }

    /// The live object with the handle `key`.
    pub fn find(&self, key: HandleKey) -> Option<ObjectId> {
        let index = *self.by_handle.get(&key)?;
        let serial = self.slots.get(index as usize)?.as_ref()?.serial;
        Some(ObjectId { index, serial })
    }

    /// The last ended object that had the handle `key`.
    pub fn last_ended(&self, key: HandleKey) -> Option<&EndedObject> {
        self.ended.get(*self.last_ended.get(&key)? as usize)
    }

    /// The first object of `kind` that `owner` owns.
    pub fn child_of_kind(&self, owner: ObjectId, kind: ObjectKind) -> Option<ObjectId> {
        let mut child = self.get(owner)?.first_child;
        while let Some(Some(entity)) = self.slots.get(child as usize) {
            if entity.kind == Some(kind) {
                let serial = entity.serial;
                return Some(ObjectId {
                    index: child,
                    serial,
                });
            }
            child = entity.next_sibling;
        }
        None
    }

    /// Every live object.
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

    /// The ended objects that are kept, one for each handle.
    pub fn ended(&self) -> impl Iterator<Item = &EndedObject> {
        self.last_ended
            .values()
            .filter_map(|place| self.ended.get(*place as usize))
    }

    /// The number of live objects.
    pub fn len(&self) -> usize {
        self.by_handle.len()
    }

    /// The key of an object in the handle tables.
    pub fn key_of(entity: &LiveObject) -> HandleKey {
        match (entity.kind, entity.process) {
            (Some(kind), _) if kind.is_vm_wide() => HandleKey::vm_wide(kind, entity.handle),
            (_, Some(process)) => HandleKey::in_process(process, entity.handle),
            (kind, None) => HandleKey::vm_wide(kind.unwrap_or(ObjectKind::Gpadl), entity.handle),
        }
    }

    /// Adds an object. A live object with the same handle ends as
    /// [`ObjectEnd::Replaced`]. Returns `None` if there are too many objects.
    pub fn add(&mut self, mut entity: LiveObject, at: ChangeOrigin) -> Option<ObjectId> {
        let key = Self::key_of(&entity);
        if let Some(old) = self.find(key) {
            self.end(old, at, ObjectEnd::Replaced);
        }
        if self.by_handle.len() >= LIVE_MAX {
            return None;
        }
        if let Some(past) = self.last_ended(key) {
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
        let index = match self.free_slots.pop() {
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
        self.by_handle.insert(key, index);
        let id = ObjectId {
            index,
            serial: entity.serial,
        };
        if let Some(owner) = owner {
            self.link(id, owner);
        }
        self.add_to_account(&entity);
        self.record_change(&entity, None);
        Some(id)
    }

    /// Makes `owner` the owner of `id`.
    pub fn set_owner(&mut self, id: ObjectId, owner: ObjectId) {
        if id == owner || self.get(owner).is_none() {
            return;
        }
        self.unlink(id);
        if let Some(entity) = self.get_mut(id) {
            entity.owner = Some(owner);
        }
        self.link(id, owner);
    }

    /// Ends an object and all that it owns. Calls `ended` for each of them,
    /// owners first; for an owned object, with its owner's kind and how the
    /// owner ended.
    pub fn end_each(
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
        // Depth first without recursion: an object's children are queued before
        // the object is dropped.
        while let Some(one) = ending.pop() {
            let Some(entity) = self.remove(one.id) else {
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
                    certain: one.certain && !next.may_outlive_owner,
                    owner: Some((entity.kind, one.end)),
                });
                child = next.next_sibling;
            }
            let gone = EndedObject {
                entity,
                at,
                end: one.end,
                certain: one.certain
                    && matches!(one.end, ObjectEnd::Destroyed | ObjectEnd::WithOwner),
                epoch: self.epoch,
            };
            self.remove_from_account(one.id, &entity);
            ended(&gone, one.owner);
            self.record_change(&entity, Some(one.end));
            self.record_ended(gone);
        }
        self.ending = ending;
    }

    /// Ends an object and all that it owns.
    pub fn end(&mut self, id: ObjectId, at: ChangeOrigin, end: ObjectEnd) {
        self.end_each(id, at, end, &mut |_, _| {});
    }

    /// Ends all objects because the driver was restarted.
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

    /// Sets the kind of an object whose kind was not known.
    pub fn set_kind(&mut self, id: ObjectId, kind: ObjectKind) {
        if let Some(entity) = self.get_mut(id)
            && entity.kind.is_none()
        {
            entity.kind = Some(kind);
        }
    }

    /// The changes since the last [`clear_changes`](Self::clear_changes).
    pub fn changes(&self) -> &[ObjectChange] {
        &self.changes
    }

    /// Clears the list of changes.
    pub fn clear_changes(&mut self) {
        self.changes.clear();
    }

    fn record_change(&mut self, entity: &LiveObject, end: Option<ObjectEnd>) {
        let owner = entity.owner.and_then(|id| self.get(id));
        let change = ObjectChange {
            entity: *entity,
            owner: owner.map(|owner| (owner.kind, owner.handle)),
            end,
        };
        self.changes.push(change);
    }

    fn remove(&mut self, id: ObjectId) -> Option<LiveObject> {
        let entity = *self.get(id)?;
        if let Some(slot) = self.slots.get_mut(id.index as usize) {
            *slot = None;
        }
        self.free_slots.push(id.index);
        let key = Self::key_of(&entity);
        if self.by_handle.get(&key) == Some(&id.index) {
            self.by_handle.remove(&key);
        }
        Some(entity)
    }

    fn record_ended(&mut self, gone: EndedObject) {
        let key = Self::key_of(&gone.entity);
        let place = self.oldest_ended;
        match self.ended.get_mut(place) {
            Some(slot) => {
                let forgotten = Self::key_of(&slot.entity);
                *slot = gone;
                // The handle may denote a later ended object by now.
                if self.last_ended.get(&forgotten) == Some(&(place as u32)) {
                    self.last_ended.remove(&forgotten);
                }
            }
            None => self.ended.push(gone),
        }
        self.oldest_ended = (place + 1) % ENDED_MAX;
        self.last_ended.insert(key, place as u32);
    }

    fn link(&mut self, id: ObjectId, owner: ObjectId) {
        let Some(first) = self.get(owner).map(|owner| owner.first_child) else {
            return;
        };
        if let Some(entity) = self.get_mut(id) {
            entity.next_sibling = first;
            entity.previous_sibling = NONE;
        }
        if let Some(Some(first)) = self.slots.get_mut(first as usize) {
            first.previous_sibling = id.index;
        }
        if let Some(owner) = self.get_mut(owner) {
            owner.first_child = id.index;
        }
    }

    fn unlink(&mut self, id: ObjectId) {
        let Some(entity) = self.get(id) else { return };
        let (owner, next, previous) = (entity.owner, entity.next_sibling, entity.previous_sibling);
        if let Some(Some(next)) = self.slots.get_mut(next as usize) {
            next.previous_sibling = previous;
        }
        match self.slots.get_mut(previous as usize) {
            Some(Some(previous)) => previous.next_sibling = next,
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
        let gone = objects
            .last_ended(HandleKey::in_process(process, 192))
            .unwrap();
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
            objects.clear_changes();
        }
        assert!(objects.last_ended.len() <= ENDED_MAX);
        assert!(objects.ended.len() <= ENDED_MAX);
        assert!(objects.slots.len() < 4);
    }
}
