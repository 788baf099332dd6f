//! Why a rule cannot be used.

use std::io;
use std::path::PathBuf;

/// Why a rule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's text makes no sense.
    #[error("rule {rule}: {what}")]
    Wrong {
        /// The rule's name.
        rule: String,
        /// What is wrong with it.
        what: String,
    },
}
