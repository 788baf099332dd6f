//! What whoever runs a capture and the sink that writes its files tell each
//! other.

use std::cell::{Cell, RefCell};

/// Shared between the two.
#[derive(Debug, Default)]
pub struct RecordingProgress {
    /// Files begun so far.
    pub files: Cell<u64>,
    /// Whether the latest file has reached its bounds.
    pub full: Cell<bool>,
    /// To the flight recorder: write now, for this reason.
    pub wanted: RefCell<Option<String>>,
    /// From the sink: what it has done, for the person at the terminal.
    pub notices: RefCell<Vec<String>>,
}

impl RecordingProgress {
    /// Asks the flight recorder to write. The first reason is the one that is told.
    pub fn want(&self, reason: impl FnOnce() -> String) {
        self.wanted.borrow_mut().get_or_insert_with(reason);
    }
}
