//! `dxgtrace read`: what a capture file holds.

use std::io::{self, Read};
use std::path::Path;

use super::output::stream;
use super::pipeline::Pipeline;
use super::{Exit, Failure};
use crate::capture::file::{self, About, Flush, ReadError, Reader, Writer};
use crate::cli::{Color, Form, ReadArgs, ShowArgs, Time};
use crate::output::{Capture, Detail, Json, Sink, Text, TimeFormat};

/// Bytes collected before a rewritten capture goes out.
const COLLECT: usize = 1 << 16;

/// Reads the file and shows it.
pub fn run(args: &ReadArgs, color: Color) -> Result<Exit, Failure> {
    let path = match (&args.file, &args.input) {
        (Some(path), _) | (None, Some(path)) => path.as_path(),
        (None, None) => Path::new("-"),
    };
    let name = path.display().to_string();
    let failed = |error: ReadError| Failure::Input(format!("{name}: {error}"));
    if path == Path::new("-") {
        let reader = Reader::new(io::stdin().lock()).map_err(failed)?;
        show(reader, args, color, "standard input")
    } else {
        show(file::open(path).map_err(failed)?, args, color, &name)
    }
}

fn show<R: Read>(
    reader: Reader<R>,
    args: &ReadArgs,
    color: Color,
    name: &str,
) -> Result<Exit, Failure> {
    let mut pipeline = Pipeline::new(sinks(&args.show, args.write.as_deref(), color, name)?);
    let result = all(reader, &mut pipeline, args.count.unwrap_or(u64::MAX), name);
    // What could be read is shown before the failure is.
    pipeline.end().map_err(Failure::output)?;
    result.map(|()| Exit::Fine)
}

/// Reads at most `count` packets into the pipeline.
pub(super) fn all<R: Read>(
    mut reader: Reader<R>,
    pipeline: &mut Pipeline<'_>,
    count: u64,
    name: &str,
) -> Result<(), Failure> {
    for _ in 0..count {
        match reader.next_record() {
            Ok(Some(record)) => pipeline
                .packet(&record.packet, record.channels)
                .map_err(Failure::output)?,
            Ok(None) => break,
            Err(error) => return Err(Failure::Input(format!("{name}: {error}"))),
        }
    }
    Ok(())
}

/// Where packets go, as the command line says.
pub(super) fn sinks(
    show: &ShowArgs,
    write: Option<&Path>,
    color: Color,
    source: &str,
) -> Result<Vec<Box<dyn Sink>>, Failure> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = write {
        let refused = |error: io::Error| {
            Failure::Input(format!("{}: cannot create: {error}", path.display()))
        };
        if path == Path::new("-") {
            let writer = Writer::new(io::stdout().lock(), &About::default(), Flush::EveryRecord);
            sinks.push(Box::new(Capture::new(writer.map_err(write_failed)?)));
        } else {
            let file = file::create(path).map_err(refused)?;
            let writer = Writer::new(file, &About::default(), Flush::Collect(COLLECT));
            sinks.push(Box::new(Capture::new(writer.map_err(write_failed)?)));
        }
        return Ok(sinks);
    }
    if show.quiet {
        return Ok(sinks);
    }
    let time = match show.time {
        Time::R => TimeFormat::Relative,
        Time::D => TimeFormat::Delta,
        Time::E => TimeFormat::Epoch,
        Time::U => TimeFormat::Clock,
        Time::Ud => TimeFormat::Date,
    };
    match show.form {
        Form::Text => {
            let detail = Detail {
                tree: show.tree,
                hex: show.hex,
            };
            sinks.push(Box::new(Text::new(stream(color), time, detail, show.each)));
        }
        Form::Jsonl => {
            let json = Json::new(stream(Color::Never), source, show.each);
            sinks.push(Box::new(json.map_err(Failure::output)?));
        }
    }
    Ok(sinks)
}

fn write_failed(error: file::WriteError) -> Failure {
    Failure::output(error.into())
}
