//! `dxgtrace read`: shows the packets of a capture file.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::arguments::{ColorArg, ShowArgs, parse};
use super::pipeline::Pipeline;
use super::show_output::ShowOutput;
use super::{Exit, Failure, check, input, stat};
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_session::Session;

/// `dxgtrace read`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace read gpu.pcapng                            one line for each packet
  dxgtrace read -V -x gpu.pcapng -Y 'frame.number == 20'
  dxgtrace read gpu.pcapng -Y 'status >= 0xc0000000 && dxg.comm == \"python3\"'
  dxgtrace read gpu.pcapng -T csv -e frame.number -e message -e status -e time
  dxgtrace read -T jsonl gpu.pcapng | jq 'select(.type == \"finding\")'
  dxgtrace read gpu.pcapng -i vgpu0 -w vgpu0.pcapng   only packets of this channel
  dxgtrace read -q -z expert gpu.pcapng               only the findings, as check shows them

`dxgtrace tui` completes field names while typing; docs/filters.md lists them.")]
pub struct ReadArgs {
    /// The capture file; `-` is standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "input",
        conflicts_with = "input"
    )]
    pub file: Option<PathBuf>,

    /// The capture file, with tshark's flag
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Write the packets to a capture file instead; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this number of packets
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    /// Show a summary after the packets, or with -q alone: expert (as check), or io,stat, srt,
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

/// Shows the packets of the file, then the summaries.
pub fn run(args: &ReadArgs, color: ColorArg) -> Result<Exit, Failure> {
    let path = match (&args.file, &args.input) {
        (Some(path), _) | (None, Some(path)) => path.as_path(),
        (None, None) => Path::new("-"),
    };
    if args.summaries.is_empty() {
        return show_packets(args, path, color);
    }
    if path == Path::new("-") {
        return Err(Failure::Usage(
            "-z needs a file: a pipe can be read only once".to_owned(),
        ));
    }
    let only = args.show.quiet && args.write.is_none();
    let shown = if only {
        Ok(Exit::Fine)
    } else {
        show_packets(args, path, color)
    };
    let mut done = Vec::new();
    for summary in &args.summaries {
        if !done.contains(summary) {
            done.push(*summary);
            summarize(*summary, path, color)?;
        }
    }
    shown
}

/// Runs the command that shows this summary.
fn summarize(summary: SummaryTable, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let words = [OsStr::new("--read"), path.as_os_str()];
    match summary {
        SummaryTable::Check => check::run(&parse("check", words)?, color),
        SummaryTable::Stat => stat::run(&parse("stat", words)?, color),
    }
}

fn show_packets(args: &ReadArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let name = input::display_name(path);
    let failed = |error: ReadError| Failure::Input(format!("{name}: {error}"));
    let shown = ShowOutput::new(&args.show)?;
    if path == Path::new("-") {
        if shown.needs_replies() {
            return Err(Failure::Usage(
                "dxg.reply_in needs a file: a pipe can be read only once".to_owned(),
            ));
        }
        let reader = Reader::new(io::stdin().lock()).map_err(failed)?;
        return show_reader(reader, None, shown, args, color, "standard input");
    }
    let replies = if shown.needs_replies() {
        Some(replies_by_request(
            dxgtrace_file::open(path).map_err(failed)?,
        ))
    } else {
        None
    };
    show_reader(
        dxgtrace_file::open(path).map_err(failed)?,
        replies,
        shown,
        args,
        color,
        &name,
    )
}

fn show_reader<R: Read>(
    reader: Reader<R>,
    replies: Option<HashMap<u64, u64>>,
    shown: ShowOutput,
    args: &ReadArgs,
    color: ColorArg,
    name: &str,
) -> Result<Exit, Failure> {
    let channels = shown.channels();
    let (filter, sinks) = shown.into_parts(args.write.as_deref(), color, name)?;
    let mut pipeline = Pipeline::new(filter, sinks)
        .with_channels(channels)
        .with_replies(replies);
    let result = feed_until(reader, &mut pipeline, args.count.unwrap_or(u64::MAX), name);
    // All that could be read is shown before the failure.
    pipeline.finish().map_err(Failure::output)?;
    result.map(|()| Exit::Fine)
}

/// Feeds records to the pipeline until `count` packets have matched its filter.
pub(super) fn feed_until<R: Read>(
    mut reader: Reader<R>,
    pipeline: &mut Pipeline<'_>,
    count: u64,
    name: &str,
) -> Result<(), Failure> {
    while pipeline.shown() < count {
        match reader.next_record() {
            Ok(Some(record)) => {
                pipeline
                    .on_packet(&record.packet, record.channels)
                    .map_err(Failure::output)?;
            }
            Ok(None) => break,
            Err(error) => return Err(Failure::Input(format!("{name}: {error}"))),
        }
    }
    Ok(())
}

/// The packet number of each request's reply. Damage in the file ends the map, and is
/// reported when the file is read again.
fn replies_by_request<R: Read>(mut reader: Reader<R>) -> HashMap<u64, u64> {
    let mut session = Session::new();
    let mut replies = HashMap::new();
    while let Ok(Some(record)) = reader.next_record() {
        session.analyze(&record.packet, &mut |_| {});
        if let Some(request) = session.answered_request() {
            replies.insert(request.number, record.packet.number);
        }
    }
    replies
}
