//! Capture files as input: all that can be read of them, with progress.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use super::pipeline::Pipeline;
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_protocol::decode::escaped;

/// Files from this size on show a progress bar, in bytes.
const LARGE: u64 = 1 << 25;
/// Records between two moves of the bar.
const STEP: u64 = 1 << 13;

/// How a file is called in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        escaped(path.display().to_string().as_bytes()).to_string()
    }
}

/// Keeps the first failure to end with; later ones are told at once.
pub fn first(kept: &mut Option<Failure>, failure: Failure) {
    match kept {
        None => *kept = Some(failure),
        Some(_) => {
            // A closed error output is no reason to stop.
            let _ = writeln!(io::stderr(), "dxgtrace: {failure}");
        }
    }
}

/// Feeds a file to the pipeline, up to its end or to where it is damaged.
///
/// # Errors
/// The file cannot be read, or not further.
pub fn feed(path: &Path, pipeline: &mut Pipeline<'_>) -> Result<(), Failure> {
    let failed = |error: ReadError| Failure::Input(format!("{}: {error}", name(path)));
    if path == Path::new("-") {
        let reader = Reader::new(io::stdin().lock()).map_err(failed)?;
        return all(reader, pipeline, None, &failed);
    }
    let reader = dxgtrace_file::open(path).map_err(failed)?;
    let size = std::fs::metadata(path).map_or(0, |about| about.len());
    let bar = (size >= LARGE && io::stderr().is_terminal()).then(|| progress(size));
    let result = all(reader, pipeline, bar.as_ref(), &failed);
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

fn all<R: Read>(
    mut reader: Reader<R>,
    pipeline: &mut Pipeline<'_>,
    bar: Option<&ProgressBar>,
    failed: &impl Fn(ReadError) -> Failure,
) -> Result<(), Failure> {
    loop {
        // Matched in place: a record is large.
        let next = reader.next_record();
        let record = match &next {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(()),
            Err(_) => return next.map(drop).map_err(failed),
        };
        pipeline
            .packet(&record.packet, record.channels)
            .map_err(Failure::output)?;
        if let Some(bar) = bar
            && record.packet.number.is_multiple_of(STEP)
        {
            bar.set_position(record.at.offset);
        }
    }
}

fn progress(size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}
