//! `dxgtrace replay`: its arguments.

use std::path::PathBuf;

use clap::Args;

/// `dxgtrace replay`
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The capture file; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Say `ready PID`, and play only when a line comes in
    #[arg(long)]
    pub wait: bool,

    /// Keep the recorded pace, this many times faster
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1")]
    pub speed: Option<f64>,

    /// Let another device send and receive in between
    #[arg(long)]
    pub noise: bool,

    /// Write what was played, as a capture must show it, to a capture file
    #[arg(long, value_name = "FILE")]
    pub played: Option<PathBuf>,
}
