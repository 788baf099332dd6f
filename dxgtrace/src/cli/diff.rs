//! `dxgtrace diff`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::AnswerArgs;

/// `dxgtrace diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The first capture; `-` is standard input
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The second capture
    #[arg(
        value_name = "B",
        required_unless_present = "as_version",
        conflicts_with = "as_version"
    )]
    pub b: Option<PathBuf>,

    /// Say what would be different in A at this interface version
    #[arg(long, value_name = "VERSION")]
    pub as_version: Option<u32>,

    #[command(flatten)]
    pub answer: AnswerArgs,
}
