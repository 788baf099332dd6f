//! Keeps the memory accounts of processes up to date as objects change.

use super::{LiveObject, ObjectId, Objects};
use crate::ledger::MemoryAccount;
use dxgtrace_protocol::schema::ObjectKind;

impl Objects {
    /// The account of a process on a virtual GPU.
    pub fn account(
        &mut self,
        process: ObjectId,
        adapter: Option<u8>,
    ) -> Option<&mut MemoryAccount> {
        let entity = self
            .slots
            .get(process.index as usize)?
            .as_ref()
            .filter(|entity| entity.serial == process.serial)?;
        self.ledger.account(process, adapter, entity)
    }

    /// Adds a new object to the account of its process.
    pub(super) fn add_to_account(&mut self, entity: &LiveObject) {
        let Some(process) = entity.process else {
            return;
        };
        match entity.kind {
            Some(ObjectKind::Device) => {
                if let Some(account) = self.account(process, entity.adapter) {
                    account.devices += 1;
                }
            }
            Some(ObjectKind::Allocation) => {
                if let Some(account) = self.account(process, entity.adapter) {
                    account.add_allocation(entity.bytes);
                }
                if let Some(process) = self.get_mut(process) {
                    process.bytes = process.bytes.saturating_add(entity.bytes);
                }
            }
            _ => {}
        }
    }

    /// Removes an ended object from the account of its process.
    pub(super) fn remove_from_account(&mut self, id: ObjectId, entity: &LiveObject) {
        if entity.kind == Some(ObjectKind::Process) {
            self.ledger.close_process(id);
        }
        let Some(process) = entity.process else {
            return;
        };
        let account = match entity.kind {
            Some(ObjectKind::Device | ObjectKind::Allocation) => {
                self.account(process, entity.adapter)
            }
            _ => None,
        };
        let Some(account) = account else { return };
        if entity.kind == Some(ObjectKind::Device) {
            account.devices = account.devices.saturating_sub(1);
            return;
        }
        account.remove_allocation(entity.bytes, entity.resident > 0, entity.offered);
        if let Some(process) = self.get_mut(process) {
            process.bytes = process.bytes.saturating_sub(entity.bytes);
            if entity.resident > 0 {
                process.resident = process.resident.saturating_sub(entity.bytes);
            }
        }
    }

    /// Increments (`added`) or decrements the residency count of an allocation.
    pub fn change_residency(&mut self, id: ObjectId, added: bool) {
        let Some(entity) = self.get_mut(id) else {
            return;
        };
        let before = entity.resident;
        entity.resident = match added {
            true => before.saturating_add(1),
            false => before.saturating_sub(1),
        };
        let (bytes, owner, adapter) = (entity.bytes, entity.process, entity.adapter);
        // Memory moves only when the count becomes 1 or 0.
        if before != u64::from(!added) {
            return;
        }
        let Some(owner) = owner else { return };
        if let Some(account) = self.account(owner, adapter) {
            account.change_resident(bytes, added);
        }
        if let Some(process) = self.get_mut(owner) {
            process.resident = match added {
                true => process.resident.saturating_add(bytes),
                false => process.resident.saturating_sub(bytes),
            };
        }
    }

    /// Marks the memory of an allocation, or of all allocations of a resource,
    /// as offered or reclaimed.
    pub fn set_offered(&mut self, id: ObjectId, offered: bool) {
        let Some(entity) = self.get_mut(id) else {
            return;
        };
        if entity.kind == Some(ObjectKind::Resource) {
            let mut child = entity.first_child;
            while let Some(Some(next)) = self.slots.get(child as usize) {
                let (index, serial) = (child, next.serial);
                child = next.next_sibling;
                self.set_offered(ObjectId { index, serial }, offered);
            }
            return;
        }
        if entity.kind != Some(ObjectKind::Allocation) || entity.offered == offered {
            return;
        }
        entity.offered = offered;
        let (bytes, owner, adapter) = (entity.bytes, entity.process, entity.adapter);
        if let Some(account) = owner.and_then(|owner| self.account(owner, adapter)) {
            account.change_offered(bytes, offered);
        }
    }
}
