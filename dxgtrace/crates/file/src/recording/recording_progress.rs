//! State shared by the capture loop and the file sink.

use std::cell::{Cell, RefCell};

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
}

impl RecordingProgress {
    /// Requests a file from the flight recorder. While a request is pending,
    /// further reasons are ignored.
    pub fn request_write(&self, reason: impl FnOnce() -> String) {
        self.write_reason.borrow_mut().get_or_insert_with(reason);
    }
}
