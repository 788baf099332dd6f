//! The rows and findings of a capture, in segments that threads share.

use std::ops::Range;
use std::sync::Arc;

use super::row::{NONE, PacketRow};
use super::stored_finding::StoredFinding;

/// Rows per segment. Small enough to copy a segment within a frame.
pub(super) const SEGMENT: usize = 1 << 14;

/// The rows of a capture, in segments. A clone shares the segments and is a
/// snapshot for other threads: a shared segment is copied before it changes.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    segments: Vec<Arc<Segment>>,
    length: usize,
    /// Rows before this one have been dropped.
    first: u32,
}

/// Up to [`SEGMENT`] rows.
#[derive(Debug, Clone, Default)]
struct Segment {
    rows: Vec<PacketRow>,
    /// Requests of this segment without a reply in it; set when it is full.
    open: Vec<u32>,
    /// Findings on rows of this segment, in order of rows.
    findings: Vec<StoredFinding>,
}

impl Rows {
    /// Number of rows, including those that were dropped.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there has been no row.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Index of the first row that was not dropped.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// Drops all rows before `first`, whose packets are no longer in the file.
    pub fn drop_before(&mut self, first: u32) {
        self.first = first.max(self.first).min(self.length as u32);
        let whole = self.first as usize / SEGMENT;
        for segment in self.segments.iter_mut().take(whole).rev() {
            if segment.rows.is_empty() {
                // All segments before it were dropped, too.
                break;
            }
            *segment = Arc::default();
        }
    }

    /// The row with index `index`, unless it was dropped.
    pub fn get(&self, index: u32) -> Option<&PacketRow> {
        if index < self.first {
            return None;
        }
        let index = index as usize;
        self.segments
            .get(index / SEGMENT)?
            .rows
            .get(index % SEGMENT)
    }

    /// The rows from `first` on, with their indexes.
    pub fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &PacketRow)> {
        let first = first.max(self.first) as usize;
        self.segments
            .iter()
            .enumerate()
            .skip(first / SEGMENT)
            .flat_map(move |(number, segment)| {
                let base = number * SEGMENT;
                let skip = first.saturating_sub(base);
                let rows = segment.rows.iter().enumerate().skip(skip);
                rows.map(move |(at, row)| ((base + at) as u32, row))
            })
    }

    /// Index of the first row with a packet number of at least `number`.
    pub fn at_number(&self, number: u64) -> Option<u32> {
        self.first_not(|row| row.number() < number)
    }

    /// Index of the first row at or after `time`. Times are taken to be sorted.
    pub fn at_time(&self, time: u64) -> Option<u32> {
        self.first_not(|row| row.time() < time)
    }

    /// Index of the first row whose record begins at or after `offset`.
    pub fn at_offset(&self, offset: u64) -> Option<u32> {
        self.first_not(|row| row.at().offset < offset)
    }

    fn first_not(&self, before: impl Fn(&PacketRow) -> bool) -> Option<u32> {
        let (mut low, mut high) = (self.first as usize, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle as u32) {
                Some(row) if before(row) => low = middle + 1,
                _ => high = middle,
            }
        }
        (low < self.length).then_some(low as u32)
    }

    /// The findings on a row.
    pub fn findings(&self, row: u32) -> &[StoredFinding] {
        let Some(segment) = self.segments.get(row as usize / SEGMENT) else {
            return &[];
        };
        let first = segment
            .findings
            .partition_point(|finding| finding.row < row);
        let end = segment
            .findings
            .partition_point(|finding| finding.row <= row);
        segment.findings.get(first..end).unwrap_or(&[])
    }

    /// The findings on a range of rows, in order of rows.
    pub fn findings_in(&self, rows: Range<u32>) -> impl Iterator<Item = &StoredFinding> {
        let start = rows.start.max(self.first);
        self.segments
            .iter()
            .skip(start as usize / SEGMENT)
            .flat_map(|segment| &segment.findings)
            .skip_while(move |finding| finding.row < start)
            .take_while(move |finding| finding.row < rows.end)
    }

    /// The requests up to row `until` without a reply up to that row.
    pub fn waiting_at(&self, until: u32) -> Vec<u32> {
        let mut waiting = Vec::new();
        let last = until as usize / SEGMENT;
        let is_open = |row: &PacketRow| row.asks() && (row.peer == NONE || row.peer > until);
        for segment in self.segments.iter().take(last) {
            let open = segment.open.iter().copied();
            waiting.extend(open.filter(|row| self.get(*row).is_some_and(is_open)));
        }
        if let Some(segment) = self.segments.get(last) {
            let base = last * SEGMENT;
            let rows = segment.rows.iter().take(until as usize - base + 1);
            for (at, row) in rows.enumerate() {
                let index = (base + at) as u32;
                if index >= self.first && is_open(row) {
                    waiting.push(index);
                }
            }
        }
        waiting
    }

    /// Appends rows.
    pub fn append(&mut self, rows: &[PacketRow]) {
        for row in rows {
            if self.length.is_multiple_of(SEGMENT) {
                self.finish_segment();
                self.segments.push(Arc::new(Segment {
                    rows: Vec::with_capacity(SEGMENT),
                    ..Segment::default()
                }));
            }
            if let Some(segment) = self.segments.last_mut() {
                Arc::make_mut(segment).rows.push(*row);
                self.length += 1;
            }
        }
    }

    /// Sets the peer of row `request` to row `reply`.
    pub fn set_reply(&mut self, request: u32, reply: u32) {
        if let Some(segment) = self.segments.get_mut(request as usize / SEGMENT)
            && let Some(row) = Arc::make_mut(segment)
                .rows
                .get_mut(request as usize % SEGMENT)
        {
            row.peer = reply;
        }
    }

    /// Adds a finding to the row that it names.
    pub fn add_finding(&mut self, finding: StoredFinding) {
        if let Some(segment) = self.segments.get_mut(finding.row as usize / SEGMENT) {
            let segment = Arc::make_mut(segment);
            if let Some(row) = segment.rows.get_mut(finding.row as usize % SEGMENT) {
                row.raise_severity(finding.code.severity());
            }
            let at = segment
                .findings
                .partition_point(|old| old.row <= finding.row);
            segment.findings.insert(at, finding);
        }
    }

    /// Memory of rows and findings, in bytes.
    pub fn memory(&self) -> usize {
        let of = |segment: &Arc<Segment>| {
            segment.rows.capacity() * size_of::<PacketRow>()
                + segment.open.capacity() * size_of::<u32>()
                + segment.findings.capacity() * size_of::<StoredFinding>()
        };
        self.segments.iter().map(of).sum()
    }

    /// Completes the last segment: lists its open requests.
    fn finish_segment(&mut self) {
        let base = self.segments.len().saturating_sub(1) * SEGMENT;
        if let Some(segment) = self.segments.last_mut() {
            let segment = Arc::make_mut(segment);
            let end = (base + SEGMENT) as u32;
            segment.open = segment
                .rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.asks() && (row.peer == NONE || row.peer >= end))
                .map(|(at, _)| (base + at) as u32)
                .collect();
            segment.findings.shrink_to_fit();
        }
    }
}
