//! Errors in rules.

use std::io;
use std::path::PathBuf;

/// Errors in rules.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The rule's text is invalid.
    #[error("rule {rule}: {reason}")]
    Invalid {
        /// The rule's name.
        rule: String,
        /// The error.
        reason: String,
    },
}
