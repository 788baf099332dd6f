//! The packet list: its lines and the selected one.
//!
//! Rows are taken in when they pass the filter, then turned into lines: one per
//! row, or one per exchange if replies are joined with their requests.

use std::sync::Arc;

use crate::store::{Rows, ScanDomain};

use super::cursor::Cursor;
use super::row_set::RowSet;

/// Most rows that one call turns into lines.
const STEP: u32 = 1 << 17;

/// The packet list.
#[derive(Debug, Default)]
pub struct PacketList {
    /// The row of each line; `None` if every row from `first` on is a line.
    shown: Option<Vec<u32>>,
    /// Rows before this one have been dropped.
    first: u32,
    /// The rows that passed the filter; `None` without one.
    passed: Option<RowSet>,
    /// Rows before this one have been taken in.
    taken: u32,
    /// Rows before this one have been turned into lines.
    lined: u32,
    /// The selected line.
    pub cursor: Cursor,
    /// Whether a reply is shown on the line of its request.
    pub joined: bool,
    /// Whether the newest packet is selected whenever one arrives.
    pub follow: bool,
    /// Whether new packets are not added.
    pub paused: bool,
    /// The row to select as soon as it has a line.
    wanted: Option<u32>,
}

impl PacketList {
    /// An empty list that shows one line per exchange.
    pub fn new() -> Self {
        Self {
            shown: Some(Vec::new()),
            joined: true,
            ..Self::default()
        }
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        let all = self.lined.saturating_sub(self.first) as usize;
        self.shown.as_ref().map_or(all, Vec::len)
    }

    /// The row of a line.
    pub fn row(&self, line: usize) -> Option<u32> {
        match &self.shown {
            Some(shown) => shown.get(line).copied(),
            None => u32::try_from(line)
                .ok()
                .and_then(|line| self.first.checked_add(line))
                .filter(|row| *row < self.lined),
        }
    }

    /// The selected row.
    pub fn selected(&self) -> Option<u32> {
        self.row(self.cursor.at)
    }

    /// The row that is selected, or will be as soon as it has a line.
    pub fn selected_or_wanted(&self) -> Option<u32> {
        self.wanted.or_else(|| self.selected())
    }

    /// Number of rows taken in.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// Memory of the list, in bytes.
    pub fn memory(&self) -> usize {
        let shown = self.shown.as_ref().map_or(0, Vec::capacity) * size_of::<u32>();
        shown + self.passed.as_ref().map_or(0, RowSet::memory)
    }

    /// Takes in all rows up to `end`, without a filter.
    pub fn extend(&mut self, rows: &Rows, end: u32) {
        self.taken = end;
        self.make_lines(rows);
    }

    /// Takes in the rows up to `end`, of which only `passed` match the filter.
    pub fn extend_passed(&mut self, rows: &Rows, passed: &[u32], end: u32) {
        let bits = self.passed.get_or_insert_default();
        passed.iter().for_each(|row| bits.insert(*row));
        self.taken = self.taken.max(end);
        self.make_lines(rows);
    }

    /// Whether rows that were taken in have no lines yet.
    pub fn is_behind(&self) -> bool {
        self.lined < self.taken
    }

    /// Turns rows that were taken in into lines, at most [`STEP`] per call, so
    /// that keys are answered while a long capture is processed.
    pub fn make_lines(&mut self, rows: &Rows) {
        let first = self.lined;
        let end = self.taken.min(first.saturating_add(STEP));
        let joined = self.joined;
        match (&mut self.shown, &self.passed) {
            (Some(shown), None) => {
                let new = rows.iter_from(first).take_while(|(index, _)| *index < end);
                shown.extend(
                    new.filter(|(_, row)| !row.is_joined_reply())
                        .map(|(index, _)| index),
                );
            }
            (Some(shown), Some(passed)) => {
                let new = passed.iter_from(first).take_while(|row| *row < end);
                new.for_each(|row| insert_row(shown, rows, row, joined));
            }
            (None, _) => {}
        }
        self.lined = end;
        self.update_selection();
    }

    /// Empties the list, for rows with or without a filter. The selected row is
    /// selected again as soon as it has a line.
    pub fn restart(&mut self, filtered: bool) {
        self.wanted = self.wanted.or_else(|| self.selected());
        self.passed = filtered.then(RowSet::default);
        self.shown = (filtered || self.joined).then(Vec::new);
        self.taken = 0;
        self.lined = 0;
        self.cursor.at = 0;
    }

    /// Sets whether a reply is shown on the line of its request.
    pub fn set_joined(&mut self, rows: &Rows, joined: bool) {
        self.wanted = self.wanted.or_else(|| self.selected());
        self.joined = joined;
        self.shown = (joined || self.passed.is_some()).then(Vec::new);
        self.lined = 0;
        self.make_lines(rows);
    }

    /// Selects the line of a row; if the row has none, selects the next line and
    /// returns false.
    pub fn select(&mut self, rows: &Rows, row: u32) -> bool {
        let row = match rows.get(row) {
            Some(found) if self.joined && found.is_joined_reply() => found.peer,
            _ => row,
        };
        self.wanted = None;
        self.follow = false;
        self.select_nearest(row);
        self.selected() == Some(row)
    }

    /// Moves the selection by `by` lines and stops following the newest packet.
    pub fn step(&mut self, by: isize) {
        self.wanted = None;
        self.follow = false;
        self.cursor.step(by, self.len());
    }

    /// Selects the newest packet, now and whenever one arrives.
    pub fn follow(&mut self) {
        self.wanted = None;
        self.follow = true;
        self.cursor.at = self.len().saturating_sub(1);
    }

    /// The rows to search, in order: those after the selected one, or those
    /// before it, nearest first.
    pub fn search_domain(&self, rows: &Rows, forward: bool) -> ScanDomain {
        let Some(selected) = self.selected() else {
            return ScanDomain::All(0..0);
        };
        let last = match rows.get(selected) {
            Some(row) if self.joined => row.peer().unwrap_or(selected).max(selected),
            _ => selected,
        };
        let all: Vec<u32> = match &self.passed {
            None if forward => return ScanDomain::All(selected.saturating_add(1)..self.taken),
            None => (0..selected).rev().collect(),
            Some(passed) if forward => passed.iter_from(last.saturating_add(1)).collect(),
            Some(passed) => {
                let before = passed.iter_from(0).take_while(|row| *row < selected);
                let mut before: Vec<u32> = before.collect();
                before.reverse();
                before
            }
        };
        ScanDomain::List(Arc::from(all))
    }

    /// The rows that passed the filter; without one, all.
    pub fn passed_domain(&self) -> ScanDomain {
        match &self.passed {
            Some(passed) => ScanDomain::List(passed.iter_from(0).collect()),
            None => ScanDomain::All(0..self.taken),
        }
    }

    /// Removes the lines of rows before `first`. If the selected line is among
    /// them, the first remaining one is selected.
    pub fn drop_before(&mut self, first: u32) {
        let gone = match &mut self.shown {
            Some(shown) => {
                let gone = shown.partition_point(|row| *row < first);
                shown.drain(..gone).count()
            }
            None => first.saturating_sub(self.first) as usize,
        };
        self.first = first;
        self.cursor.at = self.cursor.at.saturating_sub(gone);
        self.cursor.top = self.cursor.top.saturating_sub(gone);
    }

    /// Selects the line of `row`, or the next one after it.
    fn select_nearest(&mut self, row: u32) {
        self.cursor.at = match &self.shown {
            Some(shown) => shown.partition_point(|shown| *shown < row),
            None => row.saturating_sub(self.first) as usize,
        };
        self.cursor.at = self.cursor.at.min(self.len().saturating_sub(1));
    }

    /// Selects the newest row if it is followed, or the wanted row once it has a
    /// line.
    fn update_selection(&mut self) {
        if self.follow {
            self.cursor.at = self.len().saturating_sub(1);
        } else if let Some(wanted) = self.wanted {
            self.select_nearest(wanted);
            if self.lined > wanted {
                self.wanted = None;
            }
        }
    }
}

/// Inserts a row in order. A joined reply becomes the row of its request, which
/// is usually near the end.
fn insert_row(shown: &mut Vec<u32>, rows: &Rows, row: u32, joined: bool) {
    let row = match rows.get(row) {
        Some(found) if joined && found.is_joined_reply() => found.peer,
        _ => row,
    };
    match shown.last() {
        Some(last) if *last >= row => {
            let at = shown.partition_point(|other| *other < row);
            if shown.get(at) != Some(&row) {
                shown.insert(at, row);
            }
        }
        _ => shown.push(row),
    }
}
