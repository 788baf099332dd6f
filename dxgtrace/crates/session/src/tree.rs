//! Views of a session's objects for display.

use super::names::ProcessName;
use super::objects::{EndedObject, HandleKey, LiveObject, ObjectId};
use super::{Adapter, Session};
use dxgtrace_protocol::schema::ObjectKind;

/// What a node of the tree stands for.
#[derive(Debug, Clone, Copy)]
pub enum NodePlace<'a> {
    /// A heading: number and virtual GPU of the nodes below; `None` for nodes
    /// that are on no virtual GPU.
    Adapter(Option<(u8, &'a Adapter)>),
    /// An object.
    Object(ObjectId, &'a LiveObject),
}

/// A line of the tree of objects.
#[derive(Debug, Clone, Copy)]
pub struct ObjectNode<'a> {
    /// Its depth; roots have depth 0.
    pub depth: u16,
    /// What the node stands for.
    pub place: NodePlace<'a>,
    /// Its name, if it is a process and the name is known.
    pub name: Option<&'a ProcessName>,
}

/// An object that has or had a handle.
#[derive(Debug, Clone, Copy)]
pub enum HandleHistory<'a> {
    /// The object that has the handle now.
    Live(&'a LiveObject),
    /// The last object that had the handle and ended.
    Ended(&'a EndedObject),
}

impl Session {
    /// The live objects as the lines of a tree: process, virtual GPU, device,
    /// and what the device owns. Objects without a process follow. Siblings are
    /// ordered by handle, so equal states give equal trees.
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
            nodes.push(self.object_node(0, *root, entity));
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
                    nodes.push(self.object_node(depth, id, entity));
                    let below = by_owner.get(&Some(id)).unwrap_or(&empty);
                    let below = below.iter().rev();
                    stack.extend(below.map(|(id, entity)| (depth.saturating_add(1), *id, *entity)));
                }
            }
        }
        nodes
    }

    fn object_node<'a>(
        &'a self,
        depth: u16,
        id: ObjectId,
        entity: &'a LiveObject,
    ) -> ObjectNode<'a> {
        ObjectNode {
            depth,
            place: NodePlace::Object(id, entity),
            name: self.lifetimes.names.get(id),
        }
    }

    /// The object with `id`, while it exists.
    pub fn object(&self, id: ObjectId) -> Option<&LiveObject> {
        self.lifetimes.objects.get(id)
    }

    /// The process with `handle`, and its name if known.
    pub fn process(&self, handle: u32) -> Option<(&LiveObject, Option<&ProcessName>)> {
        let key = HandleKey::vm_wide(ObjectKind::Process, u64::from(handle));
        let id = self.lifetimes.objects.find(key)?;
        let entity = self.lifetimes.objects.get(id)?;
        Some((entity, self.lifetimes.names.get(id)))
    }

    /// The objects that have or had `handle` in `process`: the live one, then
    /// the last ended one that is kept. For a VM-wide handle, pass its `kind`.
    pub fn history(
        &self,
        process: u32,
        kind: Option<ObjectKind>,
        handle: u64,
    ) -> Vec<HandleHistory<'_>> {
        let objects = &self.lifetimes.objects;
        let key = match kind {
            Some(kind) if kind.is_vm_wide() => Some(HandleKey::vm_wide(kind, handle)),
            _ => {
                let process = HandleKey::vm_wide(ObjectKind::Process, u64::from(process));
                objects
                    .find(process)
                    .map(|id| HandleKey::in_process(id, handle))
            }
        };
        let Some(key) = key else {
            // The process has ended, but its objects may still be kept.
            return objects
                .ended()
                .filter(|gone| {
                    gone.entity.handle == handle && gone.entity.process_handle == u64::from(process)
                })
                .map(HandleHistory::Ended)
                .collect();
        };
        let live = objects.find(key).and_then(|id| objects.get(id));
        let gone = objects.last_ended(key);
        let live = live.map(HandleHistory::Live).into_iter();
        live.chain(gone.map(HandleHistory::Ended)).collect()
    }

    /// The number of live objects.
    pub fn object_count(&self) -> usize {
        self.lifetimes.objects.len()
    }
}
