//! An open file or stream and its name.

use std::fs::File;
use std::io::{self, Write};

/// Where bytes go.
pub struct OutputTarget {
    /// What they are written to.
    pub file: File,
    /// Its name, for messages.
    pub name: String,
    /// Whether it is a capture file of our own, to be cut back to its last whole
    /// block if the disk is full. What others have opened is left as it is.
    pub own: bool,
}

impl OutputTarget {
    /// Writes all, or says how much it was and why not more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let error = match self.file.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    done += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let named = io::Error::new(error.kind(), format!("{}: {error}", self.name));
            return Err((done, named));
        }
        Ok(())
    }
}
