//! State shared by the capture loop and the file sink.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

/// A file that the flight recorder has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was written.
    pub reason: String,
}

/// State shared by the capture loop and the file sink.
#[derive(Debug, Default)]
pub struct RecordingProgress {
    /// Number of files begun; set by the sink.
    pub files: Cell<u64>,
    /// Whether the latest file has reached a limit; set by the sink.
    pub full: Cell<bool>,
    /// Requests a file from the flight recorder and says why.
    pub write_reason: RefCell<Option<String>>,
    /// Messages for the user; pushed by the sink, shown by the capture loop.
    pub notices: RefCell<Vec<String>>,
    /// Files of the flight recorder; pushed by the sink, taken by the capture loop.
    pub saved: RefCell<Vec<SavedFile>>,
}

impl RecordingProgress {
    /// Requests a file from the flight recorder. While a request is pending,
    /// further reasons are ignored.
    pub fn request_write(&self, reason: impl FnOnce() -> String) {
        self.write_reason.borrow_mut().get_or_insert_with(reason);
    }
}
