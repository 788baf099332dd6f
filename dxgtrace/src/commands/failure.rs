//! Exit codes and failures of the program.

use std::io;

use dxgtrace_protocol::decode::is_unsafe;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded.
    Fine,
    /// There are findings of the severity of `--fail-on` or higher, `doctor` found
    /// a fault, or `pending` a hang.
    Findings,
    /// Packets were lost, and `--fail-on-loss` was given.
    Loss,
    /// A traced command ended with this exit code.
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

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line is invalid.
    #[error("{}", terminal_safe(.0))]
    Usage(String),
    /// The input is damaged or missing. All that could be read has been shown.
    #[error("{}", terminal_safe(.0))]
    Input(String),
    /// The probe cannot be attached.
    #[error("{}", terminal_safe(.0))]
    Attach(String),
    /// The reader has closed the output.
    #[error("the output was closed")]
    Closed,
}

/// Escapes `text`, which may contain file names, for a terminal.
fn terminal_safe(text: &str) -> String {
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

    /// The exit code, the same as tshark's where tshark has one.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) => 1,
            Self::Input(_) => 2,
            Self::Attach(_) => 3,
        }
    }

    /// Whether to print no message.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Closed)
    }
}
