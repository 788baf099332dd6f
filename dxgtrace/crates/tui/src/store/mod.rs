//! A capture as a list that can be looked at while it grows.
//!
//! The packets stay in their file. In memory there is a [`PacketRow`] of 44 bytes for
//! each, which says where it stands and what lists show of it, and a [`StoredFinding`]
//! of 32 bytes for each finding. Live captures are written to a file first, and
//! that file is followed: there is one code for both, and memory is bounded by
//! the rows.
//!
//! * [`Indexing`] is a thread that reads the file, follows the sessions in it
//!   and hands out [`IndexChunk`]s of rows.
//! * [`CaptureStore`] takes them over and keeps them.
//! * [`PacketFetch`] reads packets again by row.
//! * [`Scan`] goes through them in threads, to filter and to search.
//! * [`SceneThread`] tells which objects there were at any row.
//! * [`FileGrowth`] and [`GrowingFile`] let a file be read while another thread writes it.

mod fetch;
mod index;
mod memory;
mod past;
mod row;
mod rows;
mod scan;
mod stats;
mod stored_finding;
mod tail;

pub use fetch::{FetchedPacket, PacketFetch, findings};
pub use index::{IndexChunk, Indexing};
pub use memory::ProcessMemory;
pub use past::{ObjectLine, ObjectScene, SceneRequest, SceneThread};
pub use row::{NONE, PacketRow, RowParts};
pub use rows::Rows;
pub use scan::{Scan, ScanBatch, ScanDomain, ScanJob, ScanQuestion, SearchText};
pub use stats::{GroupCounts, Stats, StatsGroup};
pub use stored_finding::StoredFinding;
pub use tail::{FileGrowth, GrowingFile};

use std::sync::Arc;

use dxgtrace_file::{FileLayout, ReadError};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::packet::Channel;

/// A process that sent something: each name of a process counts for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedProcess {
    /// Thread group id.
    pub pid: u32,
    /// Task name as the kernel has it.
    pub comm: [u8; 16],
}

impl NamedProcess {
    /// Name and number, safe to show.
    pub fn label(&self) -> String {
        format!("{}[{}]", escaped(&self.comm), self.pid)
    }
}

/// Everything that is kept of a capture.
#[derive(Debug, Default)]
pub struct CaptureStore {
    rows: Rows,
    processes: Vec<NamedProcess>,
    /// Their labels, made once.
    labels: Vec<String>,
    layout: Option<Arc<FileLayout>>,
    stats: Stats,
    findings: [u64; 4],
    lost: u64,
    /// Time of the first packet.
    start: Option<u64>,
    position: u64,
    end: Option<Result<(), ReadError>>,
}

impl CaptureStore {
    /// Takes over a chunk, and says from which row on there are new ones.
    pub fn take(&mut self, chunk: IndexChunk) -> u32 {
        let first = self.rows.len() as u32;
        self.start = self.start.or(chunk.rows.first().map(PacketRow::time));
        self.rows.append(&chunk.rows);
        self.labels
            .extend(chunk.processes.iter().map(NamedProcess::label));
        self.processes.extend(chunk.processes);
        for (request, reply) in chunk.answers {
            self.rows.answer(request, reply);
        }
        for finding in chunk.findings {
            if let Some(count) = self.findings.get_mut(finding.code.severity() as usize) {
                *count += 1;
            }
            self.rows.add_finding(finding);
        }
        for row in &chunk.rows {
            let request = row.peer().filter(|_| row.is_joined_reply());
            let asked = request.and_then(|request| self.rows.get(request));
            self.stats.count(row, asked);
        }
        if let Some(layout) = chunk.layout {
            self.layout = Some(Arc::new(layout));
        }
        self.lost = self.lost.saturating_add(chunk.lost);
        self.position = chunk.position.max(self.position);
        if chunk.end.is_some() {
            self.end = chunk.end;
        }
        first
    }

    /// The rows.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Forgets the rows whose records stand before this place of the file. True
    /// if there were any.
    pub fn forget(&mut self, offset: u64) -> bool {
        let before = self.rows.first();
        let first = self.rows.at_offset(offset);
        self.rows.forget(first.unwrap_or(self.rows.len() as u32));
        self.rows.first() > before
    }

    /// The row at an index.
    pub fn row(&self, index: u32) -> Option<&PacketRow> {
        self.rows.get(index)
    }

    /// The processes, by [`PacketRow::process`].
    pub fn processes(&self) -> &[NamedProcess] {
        &self.processes
    }

    /// A row's process as it is shown.
    pub fn process_label(&self, row: &PacketRow) -> &str {
        self.labels
            .get(row.process as usize)
            .map_or("-", String::as_str)
    }

    /// The channels, by [`PacketRow::channel`].
    pub fn channels(&self) -> &[Channel] {
        self.layout.as_ref().map_or(&[], |layout| layout.channels())
    }

    /// A row's channel as it is shown.
    pub fn channel_name(&self, row: &PacketRow) -> &str {
        self.channels()
            .get(usize::from(row.channel()))
            .map_or("?", |channel| channel.name.as_str())
    }

    /// The file's layout, as far as it has been read.
    pub fn layout(&self) -> Option<&Arc<FileLayout>> {
        self.layout.as_ref()
    }

    /// Counts per process and channel.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Findings of each severity, mildest first.
    pub fn finding_counts(&self) -> [u64; 4] {
        self.findings
    }

    /// Packets that are known to be missing.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes of the file that have been read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How the file ended, once it has.
    pub fn end(&self) -> Option<&Result<(), ReadError>> {
        self.end.as_ref()
    }

    /// Time of the first packet.
    pub fn start(&self) -> u64 {
        self.start.unwrap_or(0)
    }

    /// Time from the request of an exchange to its reply, seen from either end.
    pub fn latency(&self, row: &PacketRow) -> Option<u64> {
        let peer = self.rows.get(row.peer()?)?;
        Some(row.time().abs_diff(peer.time()))
    }

    /// The row that carries the outcome of an exchange, seen from either end.
    pub fn reply_of<'a>(&'a self, row: &'a PacketRow) -> Option<&'a PacketRow> {
        if row.is_joined_reply() {
            Some(row)
        } else {
            self.rows.get(row.peer()?)
        }
    }
}
