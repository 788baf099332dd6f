//! `dxgtrace check`: its arguments.

use clap::{Args, ValueEnum};

use super::{AnswerArgs, InputArgs, RulesArgs};

/// `dxgtrace check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace check gpu.pcapng
  dxgtrace check -s warn -n 10 gpu.pcapng       warnings and errors, ten packets of each
  dxgtrace check -q --fail-on warn *.pcapng     a gate: exits with 4 if there are any
  dxgtrace explain size.reply_short             what a finding means")]
pub struct CheckArgs {
    #[command(flatten)]
    pub input: InputArgs,

    /// Exit with 4 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<SeverityArg>,

    /// Exit with 5 if packets are missing
    #[arg(long)]
    pub fail_on_loss: bool,

    /// Show findings from this severity on
    #[arg(short = 's', long, value_name = "SEVERITY", default_value = "note")]
    pub severity: SeverityArg,

    /// Show this many packets of each kind of finding
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    pub examples: usize,

    /// How long the host may take for an answer without being called slow, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub slow: u64,

    /// How long a request must have waited at the end to be called unanswered, in seconds
    #[arg(long, value_name = "S", default_value_t = 5)]
    pub missing: u64,

    /// Show only the closing line of each file
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,

    #[command(flatten)]
    pub answer: AnswerArgs,

    #[command(flatten)]
    pub rules: RulesArgs,
}

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    /// The normal course of things.
    Chat,
    /// Unusual, and harmless as far as is known.
    Note,
    /// Possibly the cause of trouble.
    Warn,
    /// Against the protocol, or the driver cannot work.
    Error,
}
