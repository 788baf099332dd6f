//! The terminal UI.
//!
//! ```text
//! key -> Keymap -> Action -> App::apply (changes the state)
//! file -> Indexing -> Chunk -> App::tick (takes over what threads found)
//! App::prepare (fetches what the screen needs) -> views::draw (only reads)
//! ```
//!
//! * [`keys`] and [`command`] hold the two tables from which input, help and
//!   documentation come.
//! * [`App`] is all state; it knows no terminal, so tests drive it with keys
//!   and look at the cells that [`views::draw`] makes.
//! * [`terminal`] takes the terminal and gives it back, whatever happens.

mod action;
mod app;
mod bits;
mod colours;
pub mod command;
mod config;
mod cursor;
mod detail;
mod input;
pub mod keys;
mod list;
mod literal;
mod prompt;
mod record;
mod save;
mod source;
mod spill;
pub mod store;
mod table;
pub mod terminal;
pub mod theme;
mod update;
pub mod views;

pub use action::{Action, KeyRequest};
pub use app::{App, Pane, TerminalEffect, View};
pub use config::{Config, directory};
pub use record::{LivePacket, PacketSource, Recorder};
pub use source::{CaptureSource, Recording, RecordingStatus};
pub use spill::prune;
