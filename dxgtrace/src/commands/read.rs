//! `dxgtrace read`: what a capture file holds.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;

use clap::Parser;

use super::pipeline::Pipeline;
use super::show::ShowOutput;
use super::{Exit, Failure, input};
use crate::cli::{Cli, ColorArg, ReadArgs, SummaryTable};
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_session::Session;

/// Reads the file and shows it, its packets and what is asked of them as a whole.
pub fn run(args: &ReadArgs, color: ColorArg) -> Result<Exit, Failure> {
    let path = match (&args.file, &args.input) {
        (Some(path), _) | (None, Some(path)) => path.as_path(),
        (None, None) => Path::new("-"),
    };
    if args.summaries.is_empty() {
        return packets(args, path, color);
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
        packets(args, path, color)
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

/// The same as the command of that name.
fn summarize(summary: SummaryTable, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let words = ["dxgtrace", summary.command(), "--read"].map(OsStr::new);
    let mut cli = Cli::try_parse_from(words.into_iter().chain([path.as_os_str()]))
        .map_err(|error| Failure::Usage(error.to_string()))?;
    cli.color = color;
    super::run(cli)
}

fn packets(args: &ReadArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let name = input::name(path);
    let failed = |error: ReadError| Failure::Input(format!("{name}: {error}"));
    let shown = ShowOutput::new(&args.show)?;
    if path == Path::new("-") {
        if shown.needs_replies() {
            return Err(Failure::Usage(
                "dxg.reply_in needs a file: a pipe can be read only once".to_owned(),
            ));
        }
        let reader = Reader::new(io::stdin().lock()).map_err(failed)?;
        return show(reader, None, shown, args, color, "standard input");
    }
    let replies = if shown.needs_replies() {
        Some(replies(dxgtrace_file::open(path).map_err(failed)?))
    } else {
        None
    };
    show(
        dxgtrace_file::open(path).map_err(failed)?,
        replies,
        shown,
        args,
        color,
        &name,
    )
}

fn show<R: Read>(
    reader: Reader<R>,
    replies: Option<HashMap<u64, u64>>,
    shown: ShowOutput,
    args: &ReadArgs,
    color: ColorArg,
    name: &str,
) -> Result<Exit, Failure> {
    let channels = shown.channels();
    let (filter, sinks) = shown.into_parts(args.write.as_deref(), color, name)?;
    let mut pipeline = Pipeline::new(filter, sinks).on(channels).knowing(replies);
    let result = all(reader, &mut pipeline, args.count.unwrap_or(u64::MAX), name);
    // What could be read is shown before the failure is.
    pipeline.end().map_err(Failure::output)?;
    result.map(|()| Exit::Fine)
}

/// Reads into the pipeline until `count` packets have passed its filter.
pub(super) fn all<R: Read>(
    mut reader: Reader<R>,
    pipeline: &mut Pipeline<'_>,
    count: u64,
    name: &str,
) -> Result<(), Failure> {
    while pipeline.shown() < count {
        match reader.next_record() {
            Ok(Some(record)) => {
                pipeline
                    .packet(&record.packet, record.channels)
                    .map_err(Failure::output)?;
            }
            Ok(None) => break,
            Err(error) => return Err(Failure::Input(format!("{name}: {error}"))),
        }
    }
    Ok(())
}

/// The reply of each request. What cannot be read has none; the second reading
/// of the file says so.
fn replies<R: Read>(mut reader: Reader<R>) -> HashMap<u64, u64> {
    let mut session = Session::new();
    let mut replies = HashMap::new();
    while let Ok(Some(record)) = reader.next_record() {
        session.see(&record.packet, &mut |_| {});
        if let Some(request) = session.answered() {
            replies.insert(request.number, record.packet.number);
        }
    }
    replies
}
