//! `dxgtrace demo`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::ShowArgs;

/// `dxgtrace demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Show it on the terminal UI
    #[arg(long, hide = !cfg!(feature = "tui"))]
    pub tui: bool,

    /// The capture file to play; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Write the packets to a capture file as well
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Keep the recorded pace, this many times faster
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1")]
    pub speed: Option<f64>,

    #[command(flatten)]
    pub show: ShowArgs,
}
