//! `dxgtrace report`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::RulesArgs;

/// `dxgtrace report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The capture file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The archive to write: .tar, or .tar.gz to compress it
    #[arg(short = 'o', long = "output", value_name = "OUT")]
    pub write: PathBuf,

    /// Keep process names, texts, opaque data and addresses
    #[arg(long)]
    pub no_redact: bool,

    /// Describe the machine whose file tree is below this folder
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    #[command(flatten)]
    pub rules: RulesArgs,
}
