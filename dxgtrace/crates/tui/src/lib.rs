//! The terminal UI.
//!
//! ```text
//! key -> Keymap -> Action -> App::apply (changes the state)
//! file -> Indexing -> IndexChunk -> App::tick (adds what the threads found)
//! App::prepare (reads what the screen needs) -> views::draw (only reads the state)
//! ```
//!
//! * [`App`] is the whole state. It does not know the terminal, so tests drive
//!   it with keys and compare the cells that [`views::draw`] fills.
//! * [`keys`] and [`command`] each hold a table, from which input, help and
//!   documentation are made.
//! * `update` has one file per group of actions; `views` one per part of the
//!   screen.
//! * [`store`] is the capture: rows in memory, packets in the file, threads that
//!   index, filter and search.
//! * [`terminal`] runs the event loop and restores the terminal at the end.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod action;
mod app;
mod capture_source;
pub mod command;
mod config;
mod cursor;
mod detail;
mod filter_text;
pub mod keys;
mod packet_list;
mod prompt;
mod recorder;
mod row_set;
mod save;
mod sixteen_colours;
mod spill_file;
pub mod store;
mod table;
pub mod terminal;
mod terminal_input;
pub mod theme;
mod update;
pub mod views;

pub use action::{Action, KeyRequest};
pub use app::{App, Pane, TerminalEffect, View};
pub use capture_source::{CaptureSource, Recording, RecordingStatus};
pub use config::{Config, directory};
pub use recorder::{LivePacket, PacketSource, Recorder};
pub use spill_file::prune;
