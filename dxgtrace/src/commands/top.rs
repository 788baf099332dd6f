//! `dxgtrace top`: shows the activity of processes and channels.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg};
use super::live_arguments::LiveArgs;
use super::output::stdout_stream;
use super::pipeline::Pipeline;
use super::{Exit, Failure, input};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::{SharedTop, TopCounts};
use dxgtrace_session::Session;

/// `dxgtrace top`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace top                      live, a table every 2 seconds
  dxgtrace top -d 1 -n 60 > log     a table every second for a minute, into a file
  dxgtrace top gpu.pcapng           one table of a capture

Rates, failures, bytes and latencies cover the time since the previous table;
resident is the memory of the process that is resident now.")]
pub struct TopArgs {
    /// The capture file, `-` is standard input; without one: live
    #[arg(value_name = "FILE", conflicts_with = "input")]
    pub file: Option<PathBuf>,

    /// The capture file, with tshark's flag
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

    /// Live: stop after this number of tables
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

/// Shows the table of a file.
pub fn run(args: &TopArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let shared = SharedTop::default();
    let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(shared.clone())]);
    let result = input::feed_file(path, &mut pipeline);
    let top = shared.0.borrow();
    // All that could be read is shown before the failure.
    write_table(
        &top,
        &mut stdout_stream(color),
        args,
        pipeline.session(),
        top.span(),
        usize::MAX,
    )?;
    result.map(|()| Exit::Fine)
}

pub(super) fn write_table(
    top: &TopCounts,
    out: &mut impl Write,
    args: &TopArgs,
    session: &Session,
    span: u64,
    rows_max: usize,
) -> Result<(), Failure> {
    match args.answer.form {
        AnswerForm::Text => top.write(out, span, session, rows_max),
        AnswerForm::Jsonl => top.write_json(out, span, session, top.last_time()),
    }
    .map_err(Failure::output)
}
