//! The rows of a capture, and its findings.

use std::ops::Range;
use std::sync::Arc;

use super::row::{NONE, PacketRow};
use super::stored_finding::StoredFinding;

/// Rows of a segment: few enough that copying one is not felt.
pub(super) const SEGMENT: usize = 1 << 14;

/// Rows in segments that are only ever appended to. A clone shares them: other
/// threads look at what was there when it was made, and if a shared segment has
/// to change after all, it is copied first.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    segments: Vec<Arc<Segment>>,
    length: usize,
    /// Rows before this one have been forgotten.
    first: u32,
}

/// Up to [`SEGMENT`] rows.
#[derive(Debug, Clone, Default)]
struct Segment {
    rows: Vec<PacketRow>,
    /// Requests of this segment that were not answered within it.
    open: Vec<u32>,
    /// Findings on rows of this segment, by row.
    findings: Vec<StoredFinding>,
}

impl Rows {
    /// How many rows there have been, with those forgotten.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The first row that has not been forgotten.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// Forgets all rows before `first`: their packets are no longer there.
    pub fn forget(&mut self, first: u32) {
        self.first = first.max(self.first).min(self.length as u32);
        let whole = self.first as usize / SEGMENT;
        for segment in self.segments.iter_mut().take(whole).rev() {
            if segment.rows.is_empty() {
                // So are all before it.
                break;
            }
            *segment = Arc::default();
        }
    }

    /// The row at `index`, unless it has been forgotten.
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

    /// Rows from `first` on, in order.
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

    /// The row of the packet with this number, or the next one after it.
    pub fn at_number(&self, number: u64) -> Option<u32> {
        self.partition(|row| row.number() < number)
    }

    /// The first row at or after a time. Times go up, as far as clocks do.
    pub fn at_time(&self, time: u64) -> Option<u32> {
        self.partition(|row| row.time() < time)
    }

    /// The first row whose record stands at this place of the file, or behind it.
    pub fn at_offset(&self, offset: u64) -> Option<u32> {
        self.partition(|row| row.at().offset < offset)
    }

    fn partition(&self, before: impl Fn(&PacketRow) -> bool) -> Option<u32> {
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

    /// The findings on a range of rows, by row.
    pub fn findings_in(&self, rows: Range<u32>) -> impl Iterator<Item = &StoredFinding> {
        let start = rows.start.max(self.first);
        self.segments
            .iter()
            .skip(start as usize / SEGMENT)
            .flat_map(|segment| &segment.findings)
            .skip_while(move |finding| finding.row < start)
            .take_while(move |finding| finding.row < rows.end)
    }

    /// The requests before or at row `until` whose reply had not come by then.
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

    /// Adds rows at the end.
    pub fn append(&mut self, rows: &[PacketRow]) {
        for row in rows {
            if self.length.is_multiple_of(SEGMENT) {
                self.seal();
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

    /// Joins a reply to its request.
    pub fn answer(&mut self, request: u32, reply: u32) {
        if let Some(segment) = self.segments.get_mut(request as usize / SEGMENT)
            && let Some(row) = Arc::make_mut(segment)
                .rows
                .get_mut(request as usize % SEGMENT)
        {
            row.peer = reply;
        }
    }

    /// Adds a finding.
    pub fn add_finding(&mut self, finding: StoredFinding) {
        if let Some(segment) = self.segments.get_mut(finding.row as usize / SEGMENT) {
            let segment = Arc::make_mut(segment);
            if let Some(row) = segment.rows.get_mut(finding.row as usize % SEGMENT) {
                row.found(finding.code.severity());
            }
            let at = segment
                .findings
                .partition_point(|old| old.row <= finding.row);
            segment.findings.insert(at, finding);
        }
    }

    /// Bytes of memory that the rows and findings take.
    pub fn memory(&self) -> usize {
        let of = |segment: &Arc<Segment>| {
            segment.rows.capacity() * size_of::<PacketRow>()
                + segment.open.capacity() * size_of::<u32>()
                + segment.findings.capacity() * size_of::<StoredFinding>()
        };
        self.segments.iter().map(of).sum()
    }

    /// Notes what a full segment leaves open.
    fn seal(&mut self) {
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
