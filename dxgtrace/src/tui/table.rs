//! The lists beside the packet list: findings, waiting requests, counts,
//! objects, ladders. A line is a key until it is shown.

use crate::check::Severity;
use crate::store::{Group, Store};

use super::cursor::Cursor;

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A packet.
    Row(u32),
    /// One of a packet's findings.
    Finding(u32, u16),
    /// A group of packets.
    Group(Group),
    /// A heading, by its number.
    Heading(u32),
    /// An object, by its place in the list of those alive.
    Object(u32),
}

/// What the lines are made of: they are made again when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// The view.
    pub view: super::View,
    /// Rows taken in.
    pub rows: usize,
    /// The row that the view is about.
    pub row: Option<u32>,
    /// The mildest findings shown.
    pub severity: Severity,
}

/// The lines of a view.
#[derive(Debug, Default)]
pub struct Table {
    /// One key a line.
    pub keys: Vec<Key>,
    /// The selected line.
    pub cursor: Cursor,
    /// What the keys were made of.
    pub basis: Option<Basis>,
}

impl Table {
    /// The key of the selected line.
    pub fn selected(&self) -> Option<Key> {
        self.keys.get(self.cursor.at).copied()
    }

    /// Takes other keys; what was selected stays so if it is still there.
    pub fn set(&mut self, keys: Vec<Key>, basis: Basis) {
        let same_view = self.basis.is_some_and(|old| old.view == basis.view);
        let selected = self.selected().filter(|_| same_view);
        if !same_view {
            self.cursor = Cursor::default();
        }
        // The key is looked for where it was first: most lists only grow.
        let found = selected.and_then(|selected| {
            if keys.get(self.cursor.at) == Some(&selected) {
                return Some(self.cursor.at);
            }
            keys.iter().position(|key| *key == selected)
        });
        // A view opens where one comes from, if it shows that packet.
        let home = basis.row.filter(|_| !same_view).and_then(|row| {
            let is_home =
                |key: &Key| matches!(key, Key::Row(at) | Key::Finding(at, _) if *at >= row);
            keys.iter().position(is_home)
        });
        if let Some(found) = found.or(home) {
            self.cursor.at = found;
        }
        self.keys = keys;
        self.basis = Some(basis);
    }
}

/// The findings of at least a severity.
pub fn findings(store: &Store, mildest: Severity) -> Vec<Key> {
    let mut keys = Vec::new();
    let (mut row, mut nth) = (u32::MAX, 0);
    for note in store.rows().all_notes() {
        nth = if note.row == row { nth + 1 } else { 0 };
        row = note.row;
        if note.code.severity() >= mildest {
            keys.push(Key::Finding(row, nth));
        }
    }
    keys
}

/// The requests that have no reply at a row, oldest first.
pub fn pending(store: &Store, at: u32) -> Vec<Key> {
    let rows = store.rows().waiting_at(at);
    rows.into_iter().map(Key::Row).collect()
}

/// Headings of [`groups`].
pub const GROUPS: [&str; 3] = ["everything", "channels", "processes"];

/// Everybody, the channels, and the processes, most packets first.
pub fn groups(store: &Store) -> Vec<Key> {
    let stats = store.stats();
    let mut keys = vec![Key::Heading(0), Key::Group(Group::All), Key::Heading(1)];
    keys.extend(stats.channels().map(|(group, _)| Key::Group(group)));
    keys.push(Key::Heading(2));
    let mut processes: Vec<_> = stats.processes().collect();
    processes.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.packets));
    keys.extend(processes.into_iter().map(|(group, _)| Key::Group(group)));
    keys
}

/// The packets of a row's process: those of its number, whatever its name was.
pub fn ladder(store: &Store, row: u32) -> Vec<Key> {
    let process = |row: &crate::store::Row| {
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
    let rows = store.rows().iter_from(0);
    rows.filter(|(_, row)| match same.get(row.process as usize) {
        Some(same) => *same,
        None => wanted.is_none() || row.kind() == crate::capture::header::Kind::Lost,
    })
    .map(|(index, _)| Key::Row(index))
    .collect()
}
