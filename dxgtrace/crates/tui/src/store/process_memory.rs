//! GPU memory per process and adapter.

use dxgtrace_session::MemoryAccount;

use super::{CaptureStore, StatsGroup};

/// GPU memory of a process on an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    pid: u32,
    adapter: Option<u8>,
    /// Size of its allocations, in bytes.
    pub allocated: u64,
    /// Size of the resident ones, in bytes.
    pub resident: u64,
    /// Largest value of `resident` so far, in bytes.
    pub peak: u64,
}

impl ProcessMemory {
    /// The memory in an account of the session.
    pub(super) fn of(account: &MemoryAccount) -> Self {
        let living = |bytes| if account.ended { 0 } else { bytes };
        Self {
            pid: account.pid,
            adapter: account.adapter,
            allocated: living(account.bytes),
            resident: living(account.resident),
            peak: account.peak_resident,
        }
    }

    /// Whether the process or adapter belongs to `group`.
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
