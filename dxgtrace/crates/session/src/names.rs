//! Which processes are behind the host's numbers.

use rustc_hash::FxHashMap;

use super::objects::ObjectId;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};

/// Names kept until the host answers with a number.
const EXPECTED_MAX: usize = 1 << 10;

/// What is known of a guest process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessName {
    /// Thread group id, or of old captures the opener's thread id.
    pub pid: u32,
    /// Task name as the kernel has it, padded with NUL.
    pub comm: [u8; 16],
}

impl ProcessName {
    /// The task that a packet belongs to.
    pub(super) fn of(header: &RecordHeader) -> Option<Self> {
        header.known.has(KnownFields::TASK).then_some(Self {
            pid: header.pid,
            comm: header.comm,
        })
    }

    /// Takes a name as the driver sends it: each byte widened to 16 bits.
    pub(super) fn set_wide(&mut self, text: &[u8]) {
        for (place, unit) in self.comm.iter_mut().zip(text.chunks_exact(2)) {
            match unit {
                [0, 0] => break,
                [low, _] => *place = *low,
                _ => {}
            }
        }
    }
}

/// The names of the processes that exist.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcessNames {
    known: FxHashMap<ObjectId, ProcessName>,
    expected: FxHashMap<u64, ProcessName>,
}

impl ProcessNames {
    /// The name of a process.
    pub fn of(&self, process: ObjectId) -> Option<&ProcessName> {
        self.known.get(&process)
    }

    /// A process has this name.
    pub fn set(&mut self, process: ObjectId, name: ProcessName) {
        self.known.insert(process, name);
    }

    /// The process is gone.
    pub fn forget(&mut self, process: ObjectId) {
        self.known.remove(&process);
    }

    /// The process that the request with that number announces has this name.
    pub fn expect(&mut self, request: u64, name: ProcessName) {
        if self.expected.len() >= EXPECTED_MAX {
            self.expected.clear();
        }
        self.expected.insert(request, name);
    }

    /// The name that was announced.
    pub fn expected(&mut self, request: u64) -> Option<ProcessName> {
        if self.expected.is_empty() {
            return None;
        }
        self.expected.remove(&request)
    }
}
