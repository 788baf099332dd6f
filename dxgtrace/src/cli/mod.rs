//! What can be said on the command line. Definitions only, one module a command.

mod capture;
mod check;
mod cut;
mod demo;
mod diff;
mod doctor;
mod explain;
mod export;
mod live;
mod read;
mod replay;
mod report;
mod shared;
mod stat;
mod tui;

pub use capture::{CaptureArgs, Limit, When};
pub use check::{CheckArgs, Level};
pub use cut::CutArgs;
pub use demo::DemoArgs;
pub use diff::DiffArgs;
pub use doctor::DoctorArgs;
pub use explain::ExplainArgs;
pub use export::{Export, ExportArgs};
pub use live::{Backend, LiveArgs, StandIn};
pub use read::ReadArgs;
pub use replay::ReplayArgs;
pub use report::ReportArgs;
pub use shared::{AnswerArgs, AnswerForm, Form, RulesArgs, ShowArgs, Time};
pub use stat::StatArgs;
pub use tui::TuiArgs;

use clap::{Parser, Subcommand, ValueEnum};

/// Traces and explains what the Linux GPU driver dxgkrnl and its Windows host
/// say to each other.
#[derive(Debug, Parser)]
#[command(name = "dxgtrace", version, max_term_width = 100)]
pub struct Cli {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// What to do; without a command: capture
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at packets on the terminal, live or from a file
    Tui(TuiArgs),
    /// Capture what driver and host say, live
    Capture(CaptureArgs),
    /// Play the packets of a capture through a stand-in for the driver
    Replay(ReplayArgs),
    /// Play a sample and capture it: shows everything without a GPU
    Demo(DemoArgs),
    /// Read a capture file and show what it holds
    Read(ReadArgs),
    /// Say what a status, errno, line of the kernel log, message or finding means
    Explain(ExplainArgs),
    /// Examine this machine: driver, virtual GPUs, kernel, rights; each line with the fix
    Doctor(DoctorArgs),
    /// Compare two captures, or one with itself at another interface version
    Diff(DiffArgs),
    /// Write a part of a capture that can be understood by itself
    Cut(CutArgs),
    /// Pack a capture, a summary and the environment into one archive, redacted
    Report(ReportArgs),
    /// Say what is wrong in capture files, who is to blame, and what to do next
    Check(CheckArgs),
    /// Count what capture files hold: by message, process and virtual GPU
    Stat(StatArgs),
    /// Write generated files: the Wireshark dissector, the reference, schemas
    Export(ExportArgs),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    Man,
}
