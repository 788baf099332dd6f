//! A capture in memory: one row per packet, which can be shown while the capture
//! grows.
//!
//! The packets stay in their file. Memory holds a [`PacketRow`] of 44 bytes per
//! packet, with its position in the file and what lists show of it, and a
//! [`StoredFinding`] of 48 bytes per finding. A live capture is written to a file,
//! too, and read from there, so that the same code shows both.
//!
//! * [`Indexing`] is a thread that reads the file once, follows the sessions in
//!   it and makes [`IndexChunk`]s of rows.
//! * [`CaptureStore`] keeps the rows.
//! * [`PacketFetch`] reads packets again by row.
//! * [`Scan`] filters and searches packets on worker threads.
//! * [`SceneThread`] reconstructs the objects that existed at any row.
//! * [`FileGrowth`] and [`GrowingFile`] let one thread read a file while another
//!   writes it.

mod growing_file;
mod indexing;
mod object_scene;
mod packet_fetch;
mod process_memory;
mod row;
mod rows;
mod scan;
mod stats;
mod stored_finding;

pub use growing_file::{FileGrowth, GrowingFile};
pub use indexing::{IndexChunk, Indexing};
pub use object_scene::{ObjectLine, ObjectScene, SceneRequest, SceneThread, WaitLine};
pub use packet_fetch::{FetchedPacket, PacketFetch, findings};
pub use process_memory::ProcessMemory;
pub use row::{NONE, PacketRow, RowParts};
pub use rows::Rows;
pub use scan::{Scan, ScanBatch, ScanDomain, ScanJob, ScanQuestion, SearchText};
pub use stats::{GroupCounts, Stats, StatsGroup};
pub use stored_finding::StoredFinding;

use std::sync::Arc;

use dxgtrace_file::{FileLayout, ReadError};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::packet::Channel;

/// A process under one of its names. A process that renames itself has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedProcess {
    /// Process id (thread group id).
    pub pid: u32,
    /// Task name in the kernel, padded with NULs.
    pub comm: [u8; 16],
}

impl NamedProcess {
    /// `NAME[PID]`, safe to show.
    pub fn label(&self) -> String {
        format!("{}[{}]", escaped(&self.comm), self.pid)
    }
}

/// The rows of a capture and its totals.
#[derive(Debug, Default)]
pub struct CaptureStore {
    rows: Rows,
    processes: Vec<NamedProcess>,
    /// Labels of `processes`.
    labels: Vec<String>,
    layout: Option<Arc<FileLayout>>,
    stats: Stats,
    /// Number of findings by severity, mildest first.
    findings: [u64; 4],
    lost: u64,
    /// Time of the first packet, in nanoseconds since 1970.
    start: Option<u64>,
    position: u64,
    end: Option<Result<(), ReadError>>,
}

impl CaptureStore {
    /// Adds a chunk and returns the index of its first row.
    pub fn add_chunk(&mut self, chunk: IndexChunk) -> u32 {
        let first = self.rows.len() as u32;
        self.start = self.start.or(chunk.rows.first().map(PacketRow::time));
        self.rows.append(&chunk.rows);
        self.labels
            .extend(chunk.processes.iter().map(NamedProcess::label));
        self.processes.extend(chunk.processes);
        for (request, reply) in chunk.replies {
            self.rows.set_reply(request, reply);
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

    /// Drops the rows whose records begin before `offset` in the file. True if
    /// there were any.
    pub fn drop_before(&mut self, offset: u64) -> bool {
        let before = self.rows.first();
        let first = self.rows.at_offset(offset);
        self.rows
            .drop_before(first.unwrap_or(self.rows.len() as u32));
        self.rows.first() > before
    }

    /// The row with an index; `None` if it was dropped.
    pub fn row(&self, index: u32) -> Option<&PacketRow> {
        self.rows.get(index)
    }

    /// The processes; [`PacketRow::process`] is an index into them.
    pub fn processes(&self) -> &[NamedProcess] {
        &self.processes
    }

    /// Label of a row's process, safe to show.
    pub fn process_label(&self, row: &PacketRow) -> &str {
        self.labels
            .get(row.process as usize)
            .map_or("-", String::as_str)
    }

    /// The channels; [`PacketRow::channel`] is an index into them.
    pub fn channels(&self) -> &[Channel] {
        self.layout.as_ref().map_or(&[], |layout| layout.channels())
    }

    /// Name of a row's channel.
    pub fn channel_name(&self, row: &PacketRow) -> &str {
        self.channels()
            .get(usize::from(row.channel()))
            .map_or("?", |channel| channel.name.as_str())
    }

    /// Layout of the part of the file read so far.
    pub fn layout(&self) -> Option<&Arc<FileLayout>> {
        self.layout.as_ref()
    }

    /// Counts per process and channel.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Number of findings by severity, mildest first.
    pub fn finding_counts(&self) -> [u64; 4] {
        self.findings
    }

    /// Number of packets that loss records report.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes of the file read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Result of reading the file, once its end is reached.
    pub fn end(&self) -> Option<&Result<(), ReadError>> {
        self.end.as_ref()
    }

    /// Time of the first packet, in nanoseconds since 1970.
    pub fn start(&self) -> u64 {
        self.start.unwrap_or(0)
    }

    /// Time from request to reply in nanoseconds; `row` is either of the two.
    pub fn latency(&self, row: &PacketRow) -> Option<u64> {
        let peer = self.rows.get(row.peer()?)?;
        Some(row.time().abs_diff(peer.time()))
    }

    /// The reply of an exchange; `row` is its request or the reply itself.
    pub fn reply_of<'a>(&'a self, row: &'a PacketRow) -> Option<&'a PacketRow> {
        if row.is_joined_reply() {
            Some(row)
        } else {
            self.rows.get(row.peer()?)
        }
    }
}
