//! How the program ends.

use std::io;

use dxgtrace_protocol::decode::is_unsafe;

/// A regular end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Fine,
    /// There are findings as severe as `--fail-on` says, or the doctor found a
    /// fault.
    Findings,
    /// Packets were lost, and `--fail-on-loss` was given.
    Loss,
    /// A command that was traced ended with this.
    Command(u8),
}

impl Exit {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 4,
            Self::Loss => 5,
            Self::Command(code) => code,
        }
    }
}

/// Why the program could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line makes no sense.
    #[error("{}", plain(.0))]
    Usage(String),
    /// The input is bad or not there. What could be read has been shown.
    #[error("{}", plain(.0))]
    Input(String),
    /// The probe cannot be attached.
    #[error("{}", plain(.0))]
    Attach(String),
    /// The reader of the output has gone away.
    #[error("the output was closed")]
    Closed,
}

/// Text with names of files in it, safe on a terminal.
fn plain(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' => letter.to_string(),
        _ if is_unsafe(letter) => letter.escape_unicode().to_string(),
        _ => letter.to_string(),
    };
    text.chars().map(shown).collect()
}

impl Failure {
    /// A failure to write the output.
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Input(format!("cannot write the output: {error}"))
        }
    }

    /// The exit code, as tshark's where tshark has one.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) => 1,
            Self::Input(_) => 2,
            Self::Attach(_) => 3,
        }
    }

    /// Whether to end without a word: whoever would read it has gone.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Closed)
    }
}
