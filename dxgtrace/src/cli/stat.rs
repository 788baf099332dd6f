//! `dxgtrace stat`: its arguments.

use clap::Args;

use super::{AnswerArgs, InputArgs};

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub answer: AnswerArgs,
}
