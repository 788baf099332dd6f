//! `dxgtrace tui`: its arguments.

use std::path::{Path, PathBuf};

use clap::Args;

use super::LiveArgs;

/// `dxgtrace tui`
#[derive(Debug, Args)]
pub struct TuiArgs {
    /// The capture file; without one: capture live
    #[arg(value_name = "FILE", conflicts_with = "input")]
    pub file: Option<PathBuf>,

    /// The capture file, as tshark has it
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Show only packets that pass this filter
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub filter: Option<String>,

    /// Capture into this file instead of a temporary one
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,
}

impl TuiArgs {
    /// The capture file, if one is named.
    pub fn capture(&self) -> Option<&Path> {
        self.file.as_deref().or(self.input.as_deref())
    }
}
