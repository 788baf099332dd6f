//! `dxgtrace read`: its arguments.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::ShowArgs;

/// `dxgtrace read`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace read gpu.pcapng                            a line a packet
  dxgtrace read -V -x gpu.pcapng -Y 'frame.number == 20'
  dxgtrace read gpu.pcapng -Y 'status >= 0xc0000000 && dxg.comm == \"python3\"'
  dxgtrace read gpu.pcapng -T csv -e frame.number -e message -e status -e time
  dxgtrace read -T jsonl gpu.pcapng | jq 'select(.type == \"finding\")'
  dxgtrace read gpu.pcapng -i vgpu0 -w vgpu0.pcapng   only what this channel carried
  dxgtrace read -q -z expert gpu.pcapng               what is wrong, as check says it

`dxgtrace tui` completes names of fields while they are typed; docs/filters.md lists them.")]
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

    /// A summary behind the packets, or with -q only it: expert (as check), or io,stat, srt,
    /// pending, handles (as stat); may be repeated
    #[arg(short = 'z', long = "summary", value_name = "SUMMARY")]
    pub summaries: Vec<SummaryTable>,

    #[command(flatten)]
    pub show: ShowArgs,
}

/// A summary of a capture, by the command that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryTable {
    /// `dxgtrace check`
    Check,
    /// `dxgtrace stat`
    Stat,
}

impl SummaryTable {
    /// The command's name.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Stat => "stat",
        }
    }
}

impl FromStr for SummaryTable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "expert" => Ok(Self::Check),
            "io,stat" | "srt" | "pending" | "handles" => Ok(Self::Stat),
            _ => Err("say expert, io,stat, srt, pending or handles".to_owned()),
        }
    }
}
