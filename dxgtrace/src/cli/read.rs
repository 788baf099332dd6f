//! `dxgtrace read`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::ShowArgs;

/// `dxgtrace read`
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// The capture file; `-` is standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "input",
        conflicts_with = "input"
    )]
    pub file: Option<PathBuf>,

    /// The capture file, as tshark has it
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Write the packets to a capture file instead; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this many packets
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub show: ShowArgs,
}
