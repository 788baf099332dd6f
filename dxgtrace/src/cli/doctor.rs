//! `dxgtrace doctor`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::AnswerArgs;

/// `dxgtrace doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Examine the file tree below this folder instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Examine only this PCI configuration space: its bytes, or what lspci -xxxx printed;
    /// `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    pub config_space: Option<PathBuf>,

    #[command(flatten)]
    pub answer: AnswerArgs,
}
