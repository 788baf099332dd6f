//! Which packets the list shows, and which of them is selected.

use std::sync::Arc;

use crate::store::{Rows, ScanDomain};

use super::bits::RowSet;
use super::cursor::Cursor;

/// Rows that lines are made for at once.
const STEP: u32 = 1 << 17;

/// The packet list.
#[derive(Debug, Default)]
pub struct PacketList {
    /// The rows shown, in order; `None` if all from `first` on are.
    shown: Option<Vec<u32>>,
    /// Rows before this one have been forgotten.
    first: u32,
    /// The rows that passed the filter; `None` without one.
    passed: Option<RowSet>,
    /// Rows of the store that have been taken in.
    taken: u32,
    /// Those of them that the lines have been made for.
    lined: u32,
    /// The selected line.
    pub cursor: Cursor,
    /// Whether replies stand on the line of their request.
    pub joined: bool,
    /// Whether the newest packet stays selected.
    pub follow: bool,
    /// Whether the list does not take in new packets.
    pub paused: bool,
    /// The row that should be selected once it is there.
    wanted: Option<u32>,
}

impl PacketList {
    /// A list that shows exchanges.
    pub fn new() -> Self {
        Self {
            shown: Some(Vec::new()),
            joined: true,
            ..Self::default()
        }
    }

    /// How many lines there are.
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

    /// The row that is selected, or will be as soon as it is there.
    pub fn here(&self) -> Option<u32> {
        self.wanted.or_else(|| self.selected())
    }

    /// Rows taken in so far.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// Bytes of memory that the list takes.
    pub fn memory(&self) -> usize {
        let shown = self.shown.as_ref().map_or(0, Vec::capacity) * size_of::<u32>();
        shown + self.passed.as_ref().map_or(0, RowSet::memory)
    }

    /// Takes in all rows up to `end`, without a filter.
    pub fn extend(&mut self, rows: &Rows, end: u32) {
        self.taken = end;
        self.advance(rows);
    }

    /// Takes in rows up to `end`, of which these passed the filter.
    pub fn extend_passed(&mut self, rows: &Rows, passed: &[u32], end: u32) {
        let bits = self.passed.get_or_insert_default();
        passed.iter().for_each(|row| bits.insert(*row));
        self.taken = self.taken.max(end);
        self.advance(rows);
    }

    /// Whether lines are still to be made.
    pub fn is_behind(&self) -> bool {
        self.lined < self.taken
    }

    /// Makes lines for rows that have been taken in: of a long capture not for
    /// all at once, so that keys are answered.
    pub fn advance(&mut self, rows: &Rows) {
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
                new.for_each(|row| show(shown, rows, row, joined));
            }
            (None, _) => {}
        }
        self.lined = end;
        self.settle();
    }

    /// Begins anew, with a filter or without. What was selected is selected
    /// again as soon as it is there.
    pub fn restart(&mut self, filtered: bool) {
        self.wanted = self.wanted.or_else(|| self.selected());
        self.passed = filtered.then(RowSet::default);
        self.shown = (filtered || self.joined).then(Vec::new);
        self.taken = 0;
        self.lined = 0;
        self.cursor.at = 0;
    }

    /// Joins replies with their requests, or no longer.
    pub fn set_joined(&mut self, rows: &Rows, joined: bool) {
        self.wanted = self.wanted.or_else(|| self.selected());
        self.joined = joined;
        self.shown = (joined || self.passed.is_some()).then(Vec::new);
        self.lined = 0;
        self.advance(rows);
    }

    /// Selects the line of a row, or the next one after it. False if there is
    /// none.
    pub fn select(&mut self, rows: &Rows, row: u32) -> bool {
        let row = match rows.get(row) {
            Some(found) if self.joined && found.is_joined_reply() => found.peer,
            _ => row,
        };
        self.wanted = None;
        self.follow = false;
        self.go_to(row);
        self.selected() == Some(row)
    }

    /// Moves the selection; the newest packet is then no longer followed.
    pub fn step(&mut self, by: isize) {
        self.wanted = None;
        self.follow = false;
        self.cursor.step(by, self.len());
    }

    /// Selects the last line and stays there.
    pub fn follow(&mut self) {
        self.wanted = None;
        self.follow = true;
        self.cursor.at = self.len().saturating_sub(1);
    }

    /// The rows to be searched: those after the selected one, or before it.
    pub fn domain(&self, rows: &Rows, forward: bool) -> ScanDomain {
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

    /// Rows that passed the filter, or all.
    pub fn passed(&self) -> ScanDomain {
        match &self.passed {
            Some(passed) => ScanDomain::List(passed.iter_from(0).collect()),
            None => ScanDomain::All(0..self.taken),
        }
    }

    /// Drops the lines of rows before `first`. What is selected stays so, or is the
    /// first that is left.
    pub fn forget(&mut self, first: u32) {
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

    fn go_to(&mut self, row: u32) {
        self.cursor.at = match &self.shown {
            Some(shown) => shown.partition_point(|shown| *shown < row),
            None => row.saturating_sub(self.first) as usize,
        };
        self.cursor.at = self.cursor.at.min(self.len().saturating_sub(1));
    }

    fn settle(&mut self) {
        if self.follow {
            self.cursor.at = self.len().saturating_sub(1);
        } else if let Some(wanted) = self.wanted {
            self.go_to(wanted);
            if self.lined > wanted {
                self.wanted = None;
            }
        }
    }
}

/// Adds a row where it belongs: a reply as its request, mostly near the end.
fn show(shown: &mut Vec<u32>, rows: &Rows, row: u32, joined: bool) {
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
