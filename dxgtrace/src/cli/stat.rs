//! `dxgtrace stat`: its arguments.

use clap::Args;

use super::{AnswerArgs, InputArgs};

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub input: InputArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub answer: AnswerArgs,
}
