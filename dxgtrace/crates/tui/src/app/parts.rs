//! What the state is made of.

use std::sync::mpsc::Receiver;

use crate::store::{Scan, ScanQuestion};
use dxgtrace_query::filter::Filter;

/// What the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The packets.
    #[default]
    Packets,
    /// The findings.
    Findings,
    /// The processes and their objects.
    Objects,
    /// The requests that wait.
    Pending,
    /// Counts.
    Top,
    /// The ladder of a process.
    Ladder,
}

/// A part of the packets' view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// The list.
    #[default]
    List,
    /// The tree.
    Tree,
    /// The bytes.
    Bytes,
}

/// How tree and bytes stand below the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// Next to each other.
    #[default]
    Beside,
    /// One below the other.
    Stacked,
    /// Not at all.
    Hidden,
}

/// Something that the terminal has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEffect {
    /// Put a text on the clipboard.
    Copy(String),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues the program.
    Suspend,
    /// Listen to the mouse, or no longer.
    Mouse(bool),
    /// End, and say this on the way out.
    Quit(Option<String>),
}

/// A filter that is in force, or being applied.
#[derive(Debug, Default)]
pub struct Filtering {
    /// As it was typed.
    pub text: String,
    /// `None` if everything passes.
    pub filter: Option<Filter>,
    pub(crate) scan: Option<Scan>,
    /// Rows that have been asked or are being asked.
    pub(crate) asked: u32,
    /// First row of what is being asked.
    pub(crate) from: u32,
}

/// A search.
#[derive(Debug)]
pub struct Searching {
    pub(crate) text: String,
    pub(crate) question: ScanQuestion,
    pub(crate) scan: Option<Scan>,
    pub(crate) done: u32,
}

/// The packets that name an object.
#[derive(Debug)]
pub struct ObjectLadder {
    /// The object.
    pub title: String,
    /// The process that has it; `None` if all have.
    pub(crate) pid: Option<u32>,
    pub(crate) rows: Vec<u32>,
    pub(crate) scan: Option<Scan>,
}

/// How a message to the person at the screen is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageTone {
    /// For information.
    Fine,
    /// Something did not work.
    Wrong,
}

/// Packets that are being saved.
#[derive(Debug)]
pub struct SavingPackets {
    /// The file, safe to show.
    pub name: String,
    /// Whether these are all that there are.
    pub all: bool,
    /// How many packets were written, once the thread has ended.
    pub result: Receiver<Result<u64, String>>,
}
