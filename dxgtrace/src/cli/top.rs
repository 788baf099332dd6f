//! `dxgtrace top`: its arguments.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{AnswerArgs, LiveArgs};

/// `dxgtrace top`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace top                      live, a table every 2 seconds
  dxgtrace top -d 1 -n 60 > log     a minute of tables, into a file
  dxgtrace top gpu.pcapng           one table of a capture

Rates, failures, bytes and latencies are those of the time since the table
before; resident are the bytes that the process has resident now.")]
pub struct TopArgs {
    /// The capture file, `-` is standard input; without one: live
    #[arg(value_name = "FILE", conflicts_with = "input")]
    pub file: Option<PathBuf>,

    /// The capture file, as tshark has it
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Live: seconds between two tables
    #[arg(
        short = 'd',
        long = "delay",
        value_name = "SECONDS",
        default_value = "2"
    )]
    pub delay: f64,

    /// Live: stop after this many tables
    #[arg(short = 'n', long = "iterations", value_name = "N")]
    pub tables: Option<u64>,

    #[command(flatten)]
    pub answer: AnswerArgs,

    #[command(flatten)]
    pub live: LiveArgs,
}

impl TopArgs {
    /// The capture file, if one is named.
    pub fn capture(&self) -> Option<&Path> {
        self.file.as_deref().or(self.input.as_deref())
    }
}
