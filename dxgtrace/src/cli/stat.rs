//! `dxgtrace stat`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::AnswerArgs;

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub answer: AnswerArgs,
}
