//! Types of the fields of [`App`](super::App).

use std::sync::mpsc::Receiver;

use crate::store::{Scan, ScanQuestion};
use dxgtrace_query::filter::Filter;

/// The view that the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Packet list, tree and bytes.
    #[default]
    Packets,
    /// Findings, one line each.
    Findings,
    /// Processes and their objects at a point in time.
    Objects,
    /// Requests without a reply, and waits for fences, at a point in time.
    Pending,
    /// Counts per adapter and process.
    Top,
    /// The exchanges of a process or object as arrows.
    Ladder,
}

impl View {
    /// Whether it shows the objects and waits at a point in time.
    pub fn shows_scene(self) -> bool {
        matches!(self, Self::Objects | Self::Pending)
    }
}

/// A pane of the packets view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// The packet list.
    #[default]
    List,
    /// The fields of the selected packet.
    Tree,
    /// The payload of the selected packet.
    Bytes,
}

/// Arrangement of tree and bytes below the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// Side by side.
    #[default]
    Beside,
    /// The bytes below the tree.
    Stacked,
    /// Both hidden.
    Hidden,
}

/// A request to the event loop, which owns the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEffect {
    /// Copy the text to the clipboard.
    Copy(String),
    /// Redraw the whole screen.
    Redraw,
    /// Stop until the shell continues the program.
    Suspend,
    /// Turn mouse events on or off.
    Mouse(bool),
    /// Quit, and print the text after the terminal is restored.
    Quit(Option<String>),
}

/// The current filter and the state of applying it.
#[derive(Debug, Default)]
pub struct Filtering {
    /// The filter as it was typed.
    pub text: String,
    /// The parsed filter; `None` if all packets are shown.
    pub filter: Option<Filter>,
    pub(crate) scan: Option<Scan>,
    /// Rows before this one have been scanned or are being scanned.
    pub(crate) scanned: u32,
    /// First row of the current scan.
    pub(crate) from: u32,
}

/// The latest search, which `n` and `N` repeat.
#[derive(Debug)]
pub struct Searching {
    pub(crate) text: String,
    pub(crate) question: ScanQuestion,
    pub(crate) scan: Option<Scan>,
    /// Packets scanned so far.
    pub(crate) done: u32,
}

/// The ladder of an object: the packets that name it.
#[derive(Debug)]
pub struct ObjectLadder {
    /// Name of the object, for the heading.
    pub title: String,
    /// The process in which the handle is valid; `None` if in all.
    pub(crate) pid: Option<u32>,
    pub(crate) rows: Vec<u32>,
    pub(crate) scan: Option<Scan>,
}

/// Kind of a message to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageTone {
    /// Something was done.
    Fine,
    /// Something failed.
    Wrong,
}

/// A `:save` in progress.
#[derive(Debug)]
pub struct SavingPackets {
    /// Path of the file, safe to show.
    pub name: String,
    /// Whether all packets are saved.
    pub all: bool,
    /// Receives the number of packets written when the thread ends.
    pub result: Receiver<Result<u64, String>>,
}
