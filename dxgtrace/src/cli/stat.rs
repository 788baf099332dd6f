//! `dxgtrace stat`: its arguments.

use std::path::PathBuf;

use clap::Args;

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}
