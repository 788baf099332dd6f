//! The lists beside the packet list: findings, waiting requests, counts,
//! objects, ladders. A line is a key until it is shown.

use std::ops::Range;

use crate::store::{CaptureStore, PacketRow, StatsGroup};
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_session::check::Severity;

use super::cursor::Cursor;

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKey {
    /// A packet.
    Row(u32),
    /// One of a packet's findings.
    Finding(u32, u16),
    /// A group of packets.
    Group(StatsGroup),
    /// A heading, by its number.
    Heading(u32),
    /// An object, by its place in the list of those alive.
    Object(u32),
}

/// What the lines are made of: they are made again when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableBasis {
    /// The view.
    pub view: super::View,
    /// Rows taken in.
    pub rows: usize,
    /// The row that the view is about.
    pub row: Option<u32>,
    /// The mildest findings shown.
    pub severity: Severity,
    /// The column that counts are sorted by.
    pub sorted_by: usize,
    /// Whether the capture is known to its end, which adds findings.
    pub ended: bool,
}

impl TableBasis {
    /// Whether lines made from `old` are still right, as far as they go.
    pub fn goes_on_from(&self, old: &Self) -> bool {
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
    /// One key a line.
    pub keys: Vec<LineKey>,
    /// The selected line.
    pub cursor: Cursor,
    /// What the keys were made of.
    pub basis: Option<TableBasis>,
    /// The row to be selected once it is among the keys.
    home: Option<u32>,
}

impl Table {
    /// The key of the selected line.
    pub fn selected(&self) -> Option<LineKey> {
        self.keys.get(self.cursor.at).copied()
    }

    /// Adds keys at the end.
    pub fn extend(&mut self, keys: Vec<LineKey>, basis: TableBasis) {
        let before = self.keys.len();
        self.keys.extend(keys);
        self.basis = Some(basis);
        self.go_home(before);
    }

    /// Takes other keys; what was selected stays so if it is still there. A view
    /// opens where one comes from, if it shows that packet.
    pub fn set(&mut self, keys: Vec<LineKey>, basis: TableBasis) {
        let same_view = self.basis.is_some_and(|old| old.view == basis.view);
        let selected = self.selected().filter(|_| same_view);
        if !same_view {
            self.cursor = Cursor::default();
        }
        self.keys = keys;
        self.basis = Some(basis);
        // The key is looked for where it was first: most lists only grow.
        if selected.is_some() && self.selected() == selected {
            return;
        }
        let found = self.keys.iter().position(|key| Some(*key) == selected);
        self.home = match selected {
            Some(key) => key.row(),
            None => basis.row,
        };
        match found {
            Some(found) => self.cursor.at = found,
            None => self.go_home(0),
        }
    }

    /// Selects the place that one comes from, if it is among the keys from
    /// `first` on.
    fn go_home(&mut self, first: usize) {
        let Some(home) = self.home else {
            return;
        };
        let mut new = self.keys.iter().skip(first);
        if let Some(at) = new.position(|key| key.row() >= Some(home)) {
            self.cursor.at = first + at;
            self.home = None;
        }
    }
}

impl LineKey {
    /// The packet that it is about.
    fn row(self) -> Option<u32> {
        match self {
            Self::Row(row) | Self::Finding(row, _) => Some(row),
            Self::Group(_) | Self::Heading(_) | Self::Object(_) => None,
        }
    }
}

/// The findings of at least a severity on these rows.
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

/// The requests that have no reply at a row, oldest first.
pub fn pending(store: &CaptureStore, at: u32) -> Vec<LineKey> {
    let rows = store.rows().waiting_at(at);
    rows.into_iter().map(LineKey::Row).collect()
}

/// Headings of [`groups`].
pub const GROUPS: [&str; 3] = ["everything", "channels", "processes"];

/// Everybody, the channels, and the processes, those that `rank` highest first.
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

/// The packets among these rows of a row's process: those of its number, whatever
/// its name was.
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
