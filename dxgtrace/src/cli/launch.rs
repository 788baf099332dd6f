//! What `dxgtrace capture -- COMMAND` runs: its arguments.

use std::ffi::OsString;

use clap::Args;

/// Not for people: stops, and when continued becomes the command.
#[derive(Debug, Clone, Args)]
pub struct LaunchArgs {
    /// The command
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub command: Vec<OsString>,
}
