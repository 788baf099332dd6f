//! Memory accounts: one for each process on each virtual GPU.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::objects::{LiveObject, ObjectId};
use dxgtrace_protocol::schema::FieldRole;

/// Maximum number of accounts of live processes.
const OPEN_MAX: usize = 1 << 12;
/// Maximum number of accounts of ended processes that are kept.
const CLOSED_MAX: usize = 256;
/// Maximum number of GPU address ranges in a set; further ranges are not
/// counted.
const RANGES_MAX: usize = 1 << 14;
/// Number of memory groups: GPU memory and system memory.
const MEMORY_GROUPS: usize = 2;

/// The budget of a process in one memory group, as the host reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Number of the packet that reported it.
    pub packet: u64,
    /// Bytes that the process should stay within.
    pub budget: u64,
    /// Bytes that it uses, by the host's count.
    pub in_use: u64,
}

/// The memory of a process on a virtual GPU.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccount {
    /// The process's handle.
    pub process: u64,
    /// Its thread group id, 0 if not known.
    pub pid: u32,
    /// Number of the virtual GPU.
    pub adapter: Option<u8>,
    /// Whether the process has ended.
    pub ended: bool,
    /// Number of its devices.
    pub devices: u64,
    /// Number of its allocations.
    pub allocations: u64,
    /// Bytes of its allocations.
    pub bytes: u64,
    /// Highest value of `bytes`.
    pub peak_bytes: u64,
    /// Bytes of its resident allocations.
    pub resident: u64,
    /// Highest value of `resident`.
    pub peak_resident: u64,
    /// Bytes of its allocations whose memory is offered for reuse.
    pub offered: u64,
    /// Bytes over its budget, as the host last reported.
    pub over_budget: u64,
    /// The latest budget of GPU memory and of system memory.
    pub budgets: [Option<MemoryBudget>; MEMORY_GROUPS],
    reserved: AddressRanges,
    mapped: AddressRanges,
}

impl MemoryAccount {
    /// Bytes of GPU addresses that are reserved.
    pub fn reserved(&self) -> u64 {
        self.reserved.bytes
    }

    /// Bytes of GPU addresses that are mapped to memory.
    pub fn mapped(&self) -> u64 {
        self.mapped.bytes
    }

    pub(super) fn add_allocation(&mut self, bytes: u64) {
        self.allocations += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.peak_bytes = self.peak_bytes.max(self.bytes);
    }

    pub(super) fn remove_allocation(&mut self, bytes: u64, resident: bool, offered: bool) {
        self.allocations = self.allocations.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if resident {
            self.change_resident(bytes, false);
        }
        if offered {
            self.change_offered(bytes, false);
        }
    }

    pub(super) fn change_resident(&mut self, bytes: u64, added: bool) {
        add_or_subtract(&mut self.resident, bytes, added);
        self.peak_resident = self.peak_resident.max(self.resident);
    }

    pub(super) fn change_offered(&mut self, bytes: u64, added: bool) {
        add_or_subtract(&mut self.offered, bytes, added);
    }

    /// Applies `change` to the GPU addresses from `first` on.
    pub(super) fn change_range(&mut self, change: FieldRole, first: u64, bytes: u64) {
        let end = first.saturating_add(bytes);
        match change {
            FieldRole::Reserves => self.reserved.add(first, end),
            FieldRole::Maps => {
                self.reserved.add(first, end);
                self.mapped.add(first, end);
            }
            FieldRole::Unmaps => self.mapped.remove(first, end),
            FieldRole::Frees => {
                self.reserved.remove(first, end);
                self.mapped.remove(first, end);
            }
            _ => {}
        }
    }

    /// Records the budget of a memory group, or the bytes in use, as `role`
    /// says.
    pub(super) fn set_budget(&mut self, group: u64, packet: u64, role: FieldRole, bytes: u64) {
        let group = usize::try_from(group).unwrap_or(usize::MAX);
        let Some(place) = self.budgets.get_mut(group) else {
            return;
        };
        let budget = place.get_or_insert(MemoryBudget {
            packet,
            budget: 0,
            in_use: 0,
        });
        budget.packet = packet;
        match role {
            FieldRole::Budget => budget.budget = bytes,
            _ => budget.in_use = bytes,
        }
    }
}

fn add_or_subtract(sum: &mut u64, bytes: u64, added: bool) {
    *sum = match added {
        true => sum.saturating_add(bytes),
        false => sum.saturating_sub(bytes),
    };
}

/// The accounts of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    open: FxHashMap<(ObjectId, Option<u8>), MemoryAccount>,
    closed: VecDeque<MemoryAccount>,
}

impl Ledger {
    /// The account of process `id` on `adapter`, created if there is none.
    /// `None` if there are too many accounts.
    pub fn account(
        &mut self,
        id: ObjectId,
        adapter: Option<u8>,
        process: &LiveObject,
    ) -> Option<&mut MemoryAccount> {
        let key = (id, adapter);
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&key) {
            return None;
        }
        Some(self.open.entry(key).or_insert_with(|| MemoryAccount {
            process: process.handle,
            pid: process.created.pid,
            adapter,
            ..MemoryAccount::default()
        }))
    }

    /// Closes the accounts of a process that ended.
    pub fn close_process(&mut self, process: ObjectId) {
        let mut ended: Vec<MemoryAccount> = Vec::new();
        self.open.retain(|(id, _), account| {
            if *id == process {
                ended.push(std::mem::take(account));
            }
            *id != process
        });
        ended.sort_by_key(|account| account.adapter);
        for mut account in ended {
            if self.closed.len() >= CLOSED_MAX {
                self.closed.pop_front();
            }
            account.ended = true;
            account.reserved = AddressRanges::default();
            account.mapped = AddressRanges::default();
            self.closed.push_back(account);
        }
    }

    /// Clears the address ranges on a virtual GPU that was removed.
    pub fn clear_ranges_on(&mut self, adapter: u8) {
        for ((_, of), account) in &mut self.open {
            if *of == Some(adapter) {
                account.reserved = AddressRanges::default();
                account.mapped = AddressRanges::default();
            }
        }
    }

    /// Every account: first those of ended processes in the order of their
    /// ends, then those of live processes in the order of their handles.
    pub fn all(&self) -> Vec<&MemoryAccount> {
        let mut open: Vec<_> = self.open.values().collect();
        open.sort_by_key(|account| (account.process, account.adapter));
        self.closed.iter().chain(open).collect()
    }
}

/// A set of addresses, stored as disjoint ranges.
#[derive(Debug, Clone, Default)]
struct AddressRanges {
    /// The end (exclusive) of each range, by its first address.
    ends: BTreeMap<u64, u64>,
    bytes: u64,
}

impl AddressRanges {
    fn add(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        let (mut first, mut end) = (first, end);
        while let Some((before, behind)) = self.last_from_or_before(end)
            && behind >= first
        {
            self.remove_range(before, behind);
            first = first.min(before);
            end = end.max(behind);
        }
        self.insert_range(first, end);
    }

    fn remove(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        while let Some((before, behind)) = end
            .checked_sub(1)
            .and_then(|at| self.last_from_or_before(at))
            && behind > first
        {
            self.remove_range(before, behind);
            self.insert_range(before, first);
            self.insert_range(end, behind);
        }
    }

    /// The last range that begins at or before `at`.
    fn last_from_or_before(&self, at: u64) -> Option<(u64, u64)> {
        let (first, end) = self.ends.range(..=at).next_back()?;
        Some((*first, *end))
    }

    fn remove_range(&mut self, first: u64, end: u64) {
        self.ends.remove(&first);
        self.bytes = self.bytes.saturating_sub(end - first);
    }

    fn insert_range(&mut self, first: u64, end: u64) {
        if first < end && self.ends.len() < RANGES_MAX {
            self.ends.insert(first, end);
            self.bytes = self.bytes.saturating_add(end - first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares each operation with a set of single addresses.
    #[test]
    fn ranges_count_what_single_addresses_count() {
        let mut ranges = AddressRanges::default();
        let mut single = std::collections::BTreeSet::new();
        let mut state = 1_u64;
        for _ in 0..4000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (first, length) = ((state >> 33) % 200, (state >> 50) % 20);
            if state >> 62 == 0 {
                ranges.remove(first, first + length);
                single.retain(|at| !(first..first + length).contains(at));
            } else {
                ranges.add(first, first + length);
                single.extend(first..first + length);
            }
            assert_eq!(ranges.bytes, single.len() as u64);
            let mut last = None;
            for (first, end) in &ranges.ends {
                assert!(first < end && last.is_none_or(|last| last < *first));
                last = Some(*end);
            }
        }
    }

    #[test]
    fn no_number_of_ranges_grows_without_bound() {
        let mut ranges = AddressRanges::default();
        for at in 0..2 * RANGES_MAX as u64 {
            ranges.add(4 * at, 4 * at + 1);
        }
        assert_eq!(ranges.bytes, RANGES_MAX as u64);
        ranges.add(0, u64::MAX);
        assert_eq!(ranges.bytes, u64::MAX);
    }
}
