//! Objects: those that exist, who owns whom, and what became of the others.
//!
//! A number that is used again is a new object. Memory is bounded: of objects
//! that are gone the latest are remembered, and beyond [`LIVING_MAX`] nothing
//! new is followed (which the caller takes as a loss of packets).

mod accounts;
mod entity;

pub(crate) use entity::Key;
pub use entity::{Change, End, Entity, Gone, Id, Moment};

use rustc_hash::FxHashMap;

use super::ledger::Ledger;
use dxgtrace_protocol::schema::Object;

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
struct Ending {
    id: Id,
    end: End,
    certain: bool,
    /// The owner with which it ends: its kind, and how that ended.
    owner: Option<(Option<Object>, End)>,
}

/// The objects of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    slots: Vec<Option<Entity>>,
    free: Vec<u32>,
    serial: u32,
    living: FxHashMap<Key, u32>,
    /// Objects that are gone, of which the latest replaces the oldest.
    past: Vec<Gone>,
    oldest: usize,
    /// By handle: the place of the last that is gone.
    history: FxHashMap<Key, u32>,
    /// Changes since they were last taken.
    changes: Vec<Change>,
    /// What is still to end; kept for its memory.
    ending: Vec<Ending>,
    /// Counts losses of packets.
    pub epoch: u32,
    /// Who has how much memory.
    pub ledger: Ledger,
}

impl Objects {
    /// The object, if it still exists.
    pub fn get(&self, id: Id) -> Option<&Entity> {
        self.slots
            .get(id.index as usize)?
            .as_ref()
            .filter(|entity| entity.serial == id.serial)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Entity> {
        self.slots
            .get_mut(id.index as usize)?
            .as_mut()
            .filter(|entity| entity.serial == id.serial)
    }

    /// Whether an object, or what it ends with, may have ended already: a
    /// request that ends it is under way, or one was and failed.
    pub fn may_be_gone(&self, entity: &Entity) -> bool {
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
    pub fn find(&self, key: Key) -> Option<Id> {
        let index = *self.living.get(&key)?;
        let serial = self.slots.get(index as usize)?.as_ref()?.serial;
        Some(Id { index, serial })
    }

    /// The last object that had that handle and is gone.
    pub fn gone(&self, key: Key) -> Option<&Gone> {
        self.past.get(*self.history.get(&key)? as usize)
    }

    /// The first object of a kind that belongs to another.
    pub fn child(&self, owner: Id, kind: Object) -> Option<Id> {
        let mut child = self.get(owner)?.first_child;
        while let Some(Some(entity)) = self.slots.get(child as usize) {
            if entity.kind == Some(kind) {
                let serial = entity.serial;
                return Some(Id {
                    index: child,
                    serial,
                });
            }
            child = entity.next;
        }
        None
    }

    /// Every object that exists.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Entity)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let entity = slot.as_ref()?;
            let index = u32::try_from(index).ok()?;
            Some((
                Id {
                    index,
                    serial: entity.serial,
                },
                entity,
            ))
        })
    }

    /// Objects that are gone and not yet forgotten.
    pub fn past(&self) -> impl Iterator<Item = &Gone> {
        self.history
            .values()
            .filter_map(|place| self.past.get(*place as usize))
    }

    /// How many exist.
    pub fn len(&self) -> usize {
        self.living.len()
    }

    /// The key under which an object is found.
    pub fn key(entity: &Entity) -> Key {
        match (entity.kind, entity.process) {
            (Some(kind), _) if kind.is_vm_wide() => Key::vm(kind, entity.handle),
            (_, Some(process)) => Key::of(process, entity.handle),
            (kind, None) => Key::vm(kind.unwrap_or(Object::Gpadl), entity.handle),
        }
    }

    /// Adds an object; what had its handle so far is replaced. `None` if there
    /// are too many.
    pub fn add(&mut self, mut entity: Entity, at: Moment) -> Option<Id> {
        let key = Self::key(&entity);
        if let Some(old) = self.find(key) {
            self.end(old, at, End::Replaced);
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
        let id = Id {
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
    pub fn give(&mut self, id: Id, owner: Id) {
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
        id: Id,
        at: Moment,
        end: End,
        ended: &mut impl FnMut(&Gone, Option<(Option<Object>, End)>),
    ) {
        if self.get(id).is_none() {
            return;
        }
        self.unlink(id);
        let mut ending = std::mem::take(&mut self.ending);
        ending.push(Ending {
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
                End::Destroyed | End::WithOwner => End::WithOwner,
                other => other,
            };
            let mut child = entity.first_child;
            while let Some(Some(next)) = self.slots.get(child as usize) {
                ending.push(Ending {
                    id: Id {
                        index: child,
                        serial: next.serial,
                    },
                    end: how,
                    certain: one.certain && !next.loose,
                    owner: Some((entity.kind, one.end)),
                });
                child = next.next;
            }
            let gone = Gone {
                entity,
                at,
                end: one.end,
                certain: one.certain && matches!(one.end, End::Destroyed | End::WithOwner),
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
    pub fn end(&mut self, id: Id, at: Moment, end: End) {
        self.end_with(id, at, end, &mut |_, _| {});
    }

    /// Ends everything: the driver has started anew.
    pub fn end_all(&mut self, at: Moment) {
        let roots: Vec<Id> = self
            .iter()
            .filter(|(_, entity)| entity.owner.is_none())
            .map(|(id, _)| id)
            .collect();
        for id in roots {
            self.end(id, at, End::ChannelClosed);
        }
    }

    /// Gives a number whose kind was not known its kind.
    pub fn learn(&mut self, id: Id, kind: Object) {
        if let Some(entity) = self.get_mut(id)
            && entity.kind.is_none()
        {
            entity.kind = Some(kind);
        }
    }

    /// Changes since this was last called.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Forgets the changes so far.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    fn note(&mut self, entity: &Entity, end: Option<End>) {
        let owner = entity.owner.and_then(|id| self.get(id));
        let change = Change {
            entity: *entity,
            owner: owner.map(|owner| (owner.kind, owner.handle)),
            end,
        };
        self.changes.push(change);
    }

    fn take(&mut self, id: Id) -> Option<Entity> {
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

    fn remember(&mut self, gone: Gone) {
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

    fn link(&mut self, id: Id, owner: Id) {
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

    fn unlink(&mut self, id: Id) {
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

    fn at(packet: u64) -> Moment {
        Moment {
            packet,
            ..Moment::default()
        }
    }

    fn add(
        objects: &mut Objects,
        kind: Object,
        handle: u64,
        owner: Option<Id>,
        process: Option<Id>,
    ) -> Id {
        let mut entity = Entity::new(Some(kind), handle, at(1), 0);
        entity.owner = owner;
        entity.process = process;
        objects.add(entity, at(1)).unwrap()
    }

    #[test]
    fn an_owner_takes_all_it_owns_with_it_and_nothing_else() {
        let mut objects = Objects::default();
        let process = add(&mut objects, Object::Process, 64, None, None);
        let device = add(&mut objects, Object::Device, 64, None, Some(process));
        let context = add(
            &mut objects,
            Object::Context,
            128,
            Some(device),
            Some(process),
        );
        let queue = add(
            &mut objects,
            Object::HwQueue,
            192,
            Some(context),
            Some(process),
        );
        let other = add(&mut objects, Object::SyncObject, 256, None, Some(process));
        objects.end(device, at(5), End::Destroyed);
        for id in [device, context, queue] {
            assert!(objects.get(id).is_none());
        }
        assert!(objects.get(process).is_some() && objects.get(other).is_some());
        let gone = objects.gone(Key::of(process, 192)).unwrap();
        assert_eq!((gone.end, gone.at.packet), (End::WithOwner, 5));
        objects.end(process, at(6), End::Destroyed);
        assert_eq!(objects.len(), 0);
    }

    #[test]
    fn a_number_that_is_used_again_is_a_new_object() {
        let mut objects = Objects::default();
        let process = add(&mut objects, Object::Process, 64, None, None);
        let first = add(&mut objects, Object::Device, 64, None, Some(process));
        objects.end(first, at(2), End::Destroyed);
        let second = add(&mut objects, Object::Context, 64, None, Some(process));
        assert_ne!(first, second);
        assert!(objects.get(first).is_none());
        assert_eq!(objects.get(second).map(|entity| entity.generation), Some(1));
    }

    #[test]
    fn memory_stays_bounded_however_many_objects_come_and_go() {
        let mut objects = Objects::default();
        let process = add(&mut objects, Object::Process, 64, None, None);
        for handle in 0..100_000 {
            let id = add(
                &mut objects,
                Object::Allocation,
                handle,
                None,
                Some(process),
            );
            objects.end(id, at(2), End::Destroyed);
            objects.settle();
        }
        assert!(objects.history.len() <= HISTORY_MAX);
        assert!(objects.past.len() <= HISTORY_MAX);
        assert!(objects.slots.len() < 4);
    }
}
