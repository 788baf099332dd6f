//! Who has how much memory.

use dxgtrace_session::MemoryAccount;

use super::{CaptureStore, StatsGroup};

/// What a process has on a virtual GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    pid: u32,
    adapter: Option<u8>,
    /// Bytes of its allocations.
    pub allocated: u64,
    /// Bytes of those that are resident.
    pub resident: u64,
    /// Most bytes that ever were.
    pub peak: u64,
}

impl ProcessMemory {
    /// What an account says.
    pub(super) fn of(account: &MemoryAccount) -> Self {
        let living = |bytes| if account.ended { 0 } else { bytes };
        Self {
            pid: account.pid,
            adapter: account.adapter,
            allocated: living(account.bytes),
            resident: living(account.resident),
            peak: account.most_resident,
        }
    }

    /// Whether it belongs to a group.
    pub fn is_of(&self, group: StatsGroup, store: &CaptureStore) -> bool {
        match group {
            StatsGroup::All => true,
            StatsGroup::Nobody => false,
            StatsGroup::Process(index) => {
                let process = store.processes().get(index as usize);
                process.is_some_and(|process| process.pid == self.pid)
            }
            StatsGroup::Channel(index) => {
                let channel = store.channels().get(usize::from(index));
                let adapter = self.adapter.map(|adapter| format!("vgpu{adapter}"));
                adapter.is_some() && channel.map(|channel| channel.name.clone()) == adapter
            }
        }
    }
}
