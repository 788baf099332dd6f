//! `dxgtrace stat`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::AnswerForm;

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: AnswerForm,
}
