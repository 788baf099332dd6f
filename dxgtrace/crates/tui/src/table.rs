//! The lines of the views other than the packet list: findings, pending
//! requests, counts, objects, ladders. A line is kept as a key; its text is made
//! when it is shown.

use std::ops::Range;

use crate::store::{CaptureStore, PacketRow, StatsGroup};
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_session::check::Severity;

use super::cursor::Cursor;

/// The key of a line: what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKey {
    /// The packet of a row.
    Row(u32),
    /// A finding: its row, and its index among the findings on that row.
    Finding(u32, u16),
    /// The counts of a group of packets.
    Group(StatsGroup),
    /// A heading, by its index in [`GROUPS`].
    Heading(u32),
    /// An object, by its index in the scene.
    Object(u32),
    /// A line about a wait for fences, by its index in the scene.
    Wait(u32),
}

/// The inputs that lines are made from. When they change, the lines are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableBasis {
    /// The view.
    pub view: super::View,
    /// Number of rows of which lines were made.
    pub rows: usize,
    /// The row that the view refers to.
    pub row: Option<u32>,
    /// Mildest severity of the findings shown.
    pub severity: Severity,
    /// Index of the column that the top view is sorted by.
    pub sorted_by: usize,
    /// Whether the file was read to its end, which adds findings.
    pub ended: bool,
}

impl TableBasis {
    /// Whether lines made from `old` only need to be extended.
    pub fn extends(&self, old: &Self) -> bool {
        let same = Self {
            rows: self.rows,
            ..*old
        };
        let only_grows = matches!(self.view, super::View::Findings | super::View::Ladder);
        only_grows && *self == same && old.rows <= self.rows
    }
}

/// The lines of a view.
#[derive(Debug, Default)]
pub struct Table {
    /// One key per line.
    pub keys: Vec<LineKey>,
    /// The selected line.
    pub cursor: Cursor,
    /// What the keys were made from.
    pub basis: Option<TableBasis>,
    /// The row to select as soon as it has a key.
    wanted: Option<u32>,
}

impl Table {
    /// The key of the selected line.
    pub fn selected(&self) -> Option<LineKey> {
        self.keys.get(self.cursor.at).copied()
    }

    /// Appends keys.
    pub fn extend(&mut self, keys: Vec<LineKey>, basis: TableBasis) {
        let before = self.keys.len();
        self.keys.extend(keys);
        self.basis = Some(basis);
        self.select_wanted(before);
    }

    /// Replaces the keys. In the same view, the selected key stays selected; in
    /// another one, the row that the view refers to is selected if it has a key.
    pub fn set(&mut self, keys: Vec<LineKey>, basis: TableBasis) {
        let same_view = self.basis.is_some_and(|old| old.view == basis.view);
        let selected = self.selected().filter(|_| same_view);
        if !same_view {
            self.cursor = Cursor::default();
        }
        self.keys = keys;
        self.basis = Some(basis);
        // Most lists only grow, so look where the key was first.
        if selected.is_some() && self.selected() == selected {
            return;
        }
        let found = self.keys.iter().position(|key| Some(*key) == selected);
        self.wanted = match selected {
            Some(key) => key.row(),
            None => basis.row,
        };
        match found {
            Some(found) => self.cursor.at = found,
            None => self.select_wanted(0),
        }
    }

    /// Selects the wanted row if it is among the keys from `first` on.
    fn select_wanted(&mut self, first: usize) {
        let Some(wanted) = self.wanted else {
            return;
        };
        let mut new = self.keys.iter().skip(first);
        if let Some(at) = new.position(|key| key.row() >= Some(wanted)) {
            self.cursor.at = first + at;
            self.wanted = None;
        }
    }
}

impl LineKey {
    /// The row of the packet that the line is about.
    fn row(self) -> Option<u32> {
        match self {
            Self::Row(row) | Self::Finding(row, _) => Some(row),
            Self::Group(_) | Self::Heading(_) | Self::Object(_) | Self::Wait(_) => None,
        }
    }
}

/// Keys of the findings on `rows` with severity `mildest` or worse.
pub fn findings(store: &CaptureStore, mildest: Severity, rows: Range<u32>) -> Vec<LineKey> {
    let mut keys = Vec::new();
    let (mut row, mut nth) = (u32::MAX, 0);
    for note in store.rows().findings_in(rows) {
        nth = if note.row == row { nth + 1 } else { 0 };
        row = note.row;
        if note.code.severity() >= mildest {
            keys.push(LineKey::Finding(row, nth));
        }
    }
    keys
}

/// Keys of the requests without a reply up to row `at`, oldest first.
pub fn pending(store: &CaptureStore, at: u32) -> Vec<LineKey> {
    let rows = store.rows().waiting_at(at);
    rows.into_iter().map(LineKey::Row).collect()
}

/// Headings of [`groups`].
pub const GROUPS: [&str; 3] = ["everything", "channels", "processes"];

/// Keys of the top view: all packets, channels, and processes, those with the
/// highest `rank` first.
pub fn groups(store: &CaptureStore, rank: impl Fn(StatsGroup) -> Option<u64>) -> Vec<LineKey> {
    let stats = store.stats();
    let mut keys = vec![
        LineKey::Heading(0),
        LineKey::Group(StatsGroup::All),
        LineKey::Heading(1),
    ];
    keys.extend(stats.channels().map(|(group, _)| LineKey::Group(group)));
    keys.push(LineKey::Heading(2));
    let mut processes: Vec<_> = stats.processes().collect();
    processes.sort_by_key(|(group, _)| std::cmp::Reverse(rank(*group)));
    keys.extend(
        processes
            .into_iter()
            .map(|(group, _)| LineKey::Group(group)),
    );
    keys
}

/// Keys of the packets in `rows` whose process id is that of `row`'s process,
/// under any name.
pub fn ladder(store: &CaptureStore, row: u32, rows: Range<u32>) -> Vec<LineKey> {
    let process = |row: &PacketRow| {
        let process = store.processes().get(row.process as usize);
        process.map(|process| process.pid)
    };
    let Some(wanted) = store.row(row).map(process) else {
        return Vec::new();
    };
    let same: Vec<bool> = store
        .processes()
        .iter()
        .map(|process| Some(process.pid) == wanted)
        .collect();
    let all = store.rows().iter_from(rows.start);
    all.take_while(|(index, _)| *index < rows.end)
        .filter(|(_, row)| match same.get(row.process as usize) {
            Some(same) => *same,
            None => wanted.is_none() || row.kind() == RecordKind::Lost,
        })
        .map(|(index, _)| LineKey::Row(index))
        .collect()
}
