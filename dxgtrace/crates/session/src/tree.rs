//! Views of a session's objects for those who show them.

use super::names::ProcessName;
use super::objects::{EndedObject, HandleKey, LiveObject, ObjectId};
use super::{Adapter, Session};
use dxgtrace_protocol::schema::ObjectKind;

/// Where a node stands in the tree.
#[derive(Debug, Clone, Copy)]
pub enum NodePlace<'a> {
    /// A heading: the virtual GPU, with its number, on which the nodes below
    /// live; of those that live on none, `None`.
    Adapter(Option<(u8, &'a Adapter)>),
    /// An object.
    Object(ObjectId, &'a LiveObject),
}

/// A line of the tree of objects.
#[derive(Debug, Clone, Copy)]
pub struct ObjectNode<'a> {
    /// How deep it stands, from 0.
    pub depth: u16,
    /// What it is.
    pub place: NodePlace<'a>,
    /// Of a process: what is known of it.
    pub name: Option<&'a ProcessName>,
}

/// An object with a handle: the one that has it now, or the last that had it.
#[derive(Debug, Clone, Copy)]
pub enum HandleHistory<'a> {
    /// It exists.
    Living(&'a LiveObject),
    /// It is gone.
    Gone(&'a EndedObject),
}

impl Session {
    /// All objects as they are now, as lines of a tree: process, virtual GPU,
    /// device, what belongs to it. What belongs to no process follows. The
    /// order is that of the handles, so that equal states give equal trees.
    pub fn objects(&self) -> Vec<ObjectNode<'_>> {
        let objects = &self.lifetimes.objects;
        let mut children: Vec<(Option<ObjectId>, ObjectId, &LiveObject)> = objects
            .iter()
            .map(|(id, entity)| (entity.owner, id, entity))
            .collect();
        let order = |entity: &LiveObject| (entity.kind, entity.handle);
        children.sort_by_key(|(_, _, entity)| order(entity));
        let mut by_owner: rustc_hash::FxHashMap<Option<ObjectId>, Vec<(ObjectId, &LiveObject)>> =
            rustc_hash::FxHashMap::default();
        for (owner, id, entity) in children {
            by_owner.entry(owner).or_default().push((id, entity));
        }
        let mut nodes = Vec::new();
        let mut stack: Vec<(u16, ObjectId, &LiveObject)> = Vec::new();
        let empty = Vec::new();
        let roots = by_owner.get(&None).unwrap_or(&empty);
        for (root, entity) in roots {
            nodes.push(self.node(0, *root, entity));
            let own = by_owner.get(&Some(*root)).unwrap_or(&empty);
            let mut own: Vec<_> = own.clone();
            own.sort_by_key(|(_, entity)| (entity.adapter, entity.kind, entity.handle));
            let mut heading = None;
            for (id, entity) in own {
                let process =
                    entity.kind != Some(ObjectKind::GuestEvent) || entity.adapter.is_some();
                if process && heading != Some(entity.adapter) {
                    heading = Some(entity.adapter);
                    let adapter = entity
                        .adapter
                        .and_then(|number| Some((number, self.lifetimes.adapters.get(number)?)));
                    nodes.push(ObjectNode {
                        depth: 1,
                        place: NodePlace::Adapter(adapter),
                        name: None,
                    });
                }
                stack.push((2, id, entity));
                while let Some((depth, id, entity)) = stack.pop() {
                    nodes.push(self.node(depth, id, entity));
                    let below = by_owner.get(&Some(id)).unwrap_or(&empty);
                    let below = below.iter().rev();
                    stack.extend(below.map(|(id, entity)| (depth.saturating_add(1), *id, *entity)));
                }
            }
        }
        nodes
    }

    fn node<'a>(&'a self, depth: u16, id: ObjectId, entity: &'a LiveObject) -> ObjectNode<'a> {
        ObjectNode {
            depth,
            place: NodePlace::Object(id, entity),
            name: self.lifetimes.names.of(id),
        }
    }

    /// The object that an id means, while it exists.
    pub fn object(&self, id: ObjectId) -> Option<&LiveObject> {
        self.lifetimes.objects.get(id)
    }

    /// What is known of the process with that handle.
    pub fn process(&self, handle: u32) -> Option<(&LiveObject, Option<&ProcessName>)> {
        let key = HandleKey::vm(ObjectKind::Process, u64::from(handle));
        let id = self.lifetimes.objects.find(key)?;
        let entity = self.lifetimes.objects.get(id)?;
        Some((entity, self.lifetimes.names.of(id)))
    }

    /// What became of a handle of a process: first the object that has it now,
    /// if any, then the last before it that is still remembered. A number of
    /// the whole virtual machine is asked for by its kind.
    pub fn history(
        &self,
        process: u32,
        kind: Option<ObjectKind>,
        handle: u64,
    ) -> Vec<HandleHistory<'_>> {
        let objects = &self.lifetimes.objects;
        let key = match kind {
            Some(kind) if kind.is_vm_wide() => Some(HandleKey::vm(kind, handle)),
            _ => {
                let process = HandleKey::vm(ObjectKind::Process, u64::from(process));
                objects.find(process).map(|id| HandleKey::of(id, handle))
            }
        };
        let Some(key) = key else {
            // The process is gone, but what it had may be remembered.
            return objects
                .past()
                .filter(|gone| {
                    gone.entity.handle == handle && gone.entity.process_handle == u64::from(process)
                })
                .map(HandleHistory::Gone)
                .collect();
        };
        let living = objects.find(key).and_then(|id| objects.get(id));
        let gone = objects.gone(key);
        let living = living.map(HandleHistory::Living).into_iter();
        living.chain(gone.map(HandleHistory::Gone)).collect()
    }

    /// How many objects exist.
    pub fn object_count(&self) -> usize {
        self.lifetimes.objects.len()
    }
}
