//! `dxgtrace explain`: its arguments.

use clap::Args;

use super::{AnswerArgs, RulesArgs};

/// `dxgtrace explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// What to explain: 0xc0000022, -75, EOVERFLOW, "dxgkio_make_resident: Ioctl failed: -12",
    /// size.reply_short, make_resident, "vgpu 11", 0xC030470B, a handle, a GUID;
    /// a file with a kernel log, strace output or stack traces (`-` is standard input)
    #[arg(value_name = "THING", required = true, allow_negative_numbers = true)]
    pub things: Vec<String>,

    #[command(flatten)]
    pub answer: AnswerArgs,

    #[command(flatten)]
    pub rules: RulesArgs,
}
