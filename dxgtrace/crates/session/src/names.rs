//! The names of guest processes, by the host's process object.

use rustc_hash::FxHashMap;

use super::objects::ObjectId;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};

/// Maximum number of names that wait for the host's reply.
const ANNOUNCED_MAX: usize = 1 << 10;

/// The thread group id and name of a guest process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessName {
    /// Thread group id; in old captures, the id of the thread that opened the
    /// device.
    pub pid: u32,
    /// The kernel's task name, padded with NUL.
    pub comm: [u8; 16],
}

impl ProcessName {
    /// The task in a record header; `None` if it was not recorded.
    pub(super) fn from_header(header: &RecordHeader) -> Option<Self> {
        header.known.has(KnownFields::TASK).then_some(Self {
            pid: header.pid,
            comm: header.comm,
        })
    }

    /// Sets the name from `text`, in which the driver widens each byte to 16
    /// bits.
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

/// The names of the live processes.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcessNames {
    known: FxHashMap<ObjectId, ProcessName>,
    announced: FxHashMap<u64, ProcessName>,
}

impl ProcessNames {
    /// The name of a process.
    pub fn get(&self, process: ObjectId) -> Option<&ProcessName> {
        self.known.get(&process)
    }

    /// Sets the name of a process.
    pub fn set(&mut self, process: ObjectId, name: ProcessName) {
        self.known.insert(process, name);
    }

    /// Removes the name of a process that ended.
    pub fn remove(&mut self, process: ObjectId) {
        self.known.remove(&process);
    }

    /// Keeps `name` for the process that the request in packet `request`
    /// creates.
    pub fn announce(&mut self, request: u64, name: ProcessName) {
        if self.announced.len() >= ANNOUNCED_MAX {
            self.announced.clear();
        }
        self.announced.insert(request, name);
    }

    /// Takes the name that was announced by the request in packet `request`.
    pub fn take_announced(&mut self, request: u64) -> Option<ProcessName> {
        if self.announced.is_empty() {
            return None;
        }
        self.announced.remove(&request)
    }
}
