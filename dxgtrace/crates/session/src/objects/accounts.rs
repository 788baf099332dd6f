//! What objects mean for the accounts of their processes.

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

    /// Puts what begins on the account of its process.
    pub(super) fn open(&mut self, entity: &LiveObject) {
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
                    account.allocated(entity.bytes);
                }
                if let Some(process) = self.get_mut(process) {
                    process.bytes = process.bytes.saturating_add(entity.bytes);
                }
            }
            _ => {}
        }
    }

    /// Takes what ends off the account of its process.
    pub(super) fn close(&mut self, id: ObjectId, entity: &LiveObject) {
        if entity.kind == Some(ObjectKind::Process) {
            self.ledger.close(id);
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
        account.freed(entity.bytes, entity.resident > 0, entity.offered);
        if let Some(process) = self.get_mut(process) {
            process.bytes = process.bytes.saturating_sub(entity.bytes);
            if entity.resident > 0 {
                process.resident = process.resident.saturating_sub(entity.bytes);
            }
        }
    }

    /// An allocation is resident once more, or once less.
    pub fn reside(&mut self, id: ObjectId, more: bool) {
        let Some(entity) = self.get_mut(id) else {
            return;
        };
        let before = entity.resident;
        entity.resident = match more {
            true => before.saturating_add(1),
            false => before.saturating_sub(1),
        };
        let (bytes, owner, adapter) = (entity.bytes, entity.process, entity.adapter);
        // Only the first and the last time move anything.
        if before != u64::from(!more) {
            return;
        }
        let Some(owner) = owner else { return };
        if let Some(account) = self.account(owner, adapter) {
            account.resides(bytes, more);
        }
        if let Some(process) = self.get_mut(owner) {
            process.resident = match more {
                true => process.resident.saturating_add(bytes),
                false => process.resident.saturating_sub(bytes),
            };
        }
    }

    /// The memory of an allocation, or of all those of a resource, is offered
    /// or wanted back.
    pub fn offer(&mut self, id: ObjectId, offered: bool) {
        let Some(entity) = self.get_mut(id) else {
            return;
        };
        if entity.kind == Some(ObjectKind::Resource) {
            let mut child = entity.first_child;
            while let Some(Some(next)) = self.slots.get(child as usize) {
                let (index, serial) = (child, next.serial);
                child = next.next;
                self.offer(ObjectId { index, serial }, offered);
            }
            return;
        }
        if entity.kind != Some(ObjectKind::Allocation) || entity.offered == offered {
            return;
        }
        entity.offered = offered;
        let (bytes, owner, adapter) = (entity.bytes, entity.process, entity.adapter);
        if let Some(account) = owner.and_then(|owner| self.account(owner, adapter)) {
            account.offers(bytes, offered);
        }
    }
}
