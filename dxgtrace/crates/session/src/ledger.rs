//! Who has how much memory: an account for each process on each virtual GPU.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::objects::{LiveObject, ObjectId};
use dxgtrace_protocol::schema::FieldRole;

/// Accounts of living processes followed at most.
const OPEN_MAX: usize = 1 << 12;
/// Accounts of ended processes that are remembered.
const CLOSED_MAX: usize = 256;
/// Ranges of GPU addresses told apart in each account; what is beyond is not
/// counted.
const RANGES_MAX: usize = 1 << 14;
/// Groups of memory: that of the GPU, and the system's.
const GROUPS: usize = 2;

/// What the host said about a process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// The packet in which it said so.
    pub packet: u64,
    /// Bytes that the process should stay within.
    pub budget: u64,
    /// Bytes that it uses by the host's count.
    pub in_use: u64,
}

/// What a process has on a virtual GPU.
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
    /// Devices that it has there.
    pub devices: u64,
    /// Allocations.
    pub allocations: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Most bytes that it ever had.
    pub most: u64,
    /// Bytes of the allocations that are resident.
    pub resident: u64,
    /// Most of those.
    pub most_resident: u64,
    /// Bytes of the allocations whose memory is offered to others.
    pub offered: u64,
    /// Bytes over its budget, when the host last spoke of it.
    pub over_budget: u64,
    /// What the host last said: of the GPU's own memory, of the system's.
    pub budgets: [Option<MemoryBudget>; GROUPS],
    reserved: AddressRanges,
    mapped: AddressRanges,
}

impl MemoryAccount {
    /// Bytes of GPU addresses that are kept for the process.
    pub fn reserved(&self) -> u64 {
        self.reserved.bytes
    }

    /// Bytes of GPU addresses that lead to memory.
    pub fn mapped(&self) -> u64 {
        self.mapped.bytes
    }

    pub(super) fn allocated(&mut self, bytes: u64) {
        self.allocations += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.most = self.most.max(self.bytes);
    }

    pub(super) fn freed(&mut self, bytes: u64, resident: bool, offered: bool) {
        self.allocations = self.allocations.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if resident {
            self.resides(bytes, false);
        }
        if offered {
            self.offers(bytes, false);
        }
    }

    pub(super) fn resides(&mut self, bytes: u64, more: bool) {
        shift(&mut self.resident, bytes, more);
        self.most_resident = self.most_resident.max(self.resident);
    }

    pub(super) fn offers(&mut self, bytes: u64, more: bool) {
        shift(&mut self.offered, bytes, more);
    }

    /// Something happens to a range of GPU addresses.
    pub(super) fn range(&mut self, change: FieldRole, first: u64, bytes: u64) {
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

    /// The host tells a group's budget, or how much of it is in use.
    pub(super) fn told(&mut self, group: u64, packet: u64, role: FieldRole, bytes: u64) {
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

fn shift(sum: &mut u64, bytes: u64, more: bool) {
    *sum = match more {
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
    /// The account of a process, opened if it has none. `None` if there are
    /// too many.
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

    /// A process has ended.
    pub fn close(&mut self, process: ObjectId) {
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

    /// What was on a virtual GPU is gone with it.
    pub fn leave(&mut self, adapter: u8) {
        for ((_, of), account) in &mut self.open {
            if *of == Some(adapter) {
                account.reserved = AddressRanges::default();
                account.mapped = AddressRanges::default();
            }
        }
    }

    /// Every account: those of ended processes in the order of their ends,
    /// then those of living ones in the order of their handles.
    pub fn all(&self) -> Vec<&MemoryAccount> {
        let mut open: Vec<_> = self.open.values().collect();
        open.sort_by_key(|account| (account.process, account.adapter));
        self.closed.iter().chain(open).collect()
    }
}

/// A set of addresses, as ranges that do not touch.
#[derive(Debug, Clone, Default)]
struct AddressRanges {
    /// By its first address: the one behind its last.
    ends: BTreeMap<u64, u64>,
    bytes: u64,
}

impl AddressRanges {
    fn add(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        let (mut first, mut end) = (first, end);
        while let Some((before, behind)) = self.last_until(end)
            && behind >= first
        {
            self.take(before, behind);
            first = first.min(before);
            end = end.max(behind);
        }
        self.put(first, end);
    }

    fn remove(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        while let Some((before, behind)) = end.checked_sub(1).and_then(|at| self.last_until(at))
            && behind > first
        {
            self.take(before, behind);
            self.put(before, first);
            self.put(end, behind);
        }
    }

    /// The last range that begins at `at` or before.
    fn last_until(&self, at: u64) -> Option<(u64, u64)> {
        let (first, end) = self.ends.range(..=at).next_back()?;
        Some((*first, *end))
    }

    fn take(&mut self, first: u64, end: u64) {
        self.ends.remove(&first);
        self.bytes = self.bytes.saturating_sub(end - first);
    }

    fn put(&mut self, first: u64, end: u64) {
        if first < end && self.ends.len() < RANGES_MAX {
            self.ends.insert(first, end);
            self.bytes = self.bytes.saturating_add(end - first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step against a set of single addresses.
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
