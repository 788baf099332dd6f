//! An open file, pipe or terminal, and its name.

use std::fs::File;
use std::io::{self, Write};

/// An open file, pipe or terminal to write to.
pub struct OutputTarget {
    /// The open file.
    pub file: File,
    /// Name of the file, for messages.
    pub name: String,
    /// Whether this program created the file. Such a file is truncated to its
    /// last complete block when a write fails; an inherited one never is.
    pub created: bool,
}

impl OutputTarget {
    /// Writes all of `bytes`. On failure, returns the number of bytes written
    /// and the error.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match self.file.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let named = io::Error::new(error.kind(), format!("{}: {error}", self.name));
            return Err((written, named));
        }
        Ok(())
    }
}
