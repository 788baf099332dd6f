//! Reads capture files into a pipeline, with a progress bar.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use super::pipeline::Pipeline;
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_protocol::decode::escaped;

/// Size from which a file shows a progress bar, in bytes.
const PROGRESS_BYTES_MIN: u64 = 1 << 25;
/// Records between two updates of the bar.
const PROGRESS_INTERVAL: u64 = 1 << 13;

/// The name of a file in messages.
pub fn display_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        escaped(path.display().to_string().as_bytes()).to_string()
    }
}

/// Keeps the first failure in `kept`, and prints later ones.
pub fn keep_first_failure(kept: &mut Option<Failure>, failure: Failure) {
    match kept {
        None => *kept = Some(failure),
        Some(_) => {
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "dxgtrace: {failure}");
        }
    }
}

/// Feeds a file to the pipeline, up to its end or to damage in it.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn feed_file(path: &Path, pipeline: &mut Pipeline<'_>) -> Result<(), Failure> {
    let failed = |error: ReadError| Failure::Input(format!("{}: {error}", display_name(path)));
    if path == Path::new("-") {
        let reader = Reader::new(io::stdin().lock()).map_err(failed)?;
        return feed_records(reader, pipeline, None, &failed);
    }
    let reader = dxgtrace_file::open(path).map_err(failed)?;
    let size = std::fs::metadata(path).map_or(0, |about| about.len());
    let bar =
        (size >= PROGRESS_BYTES_MIN && io::stderr().is_terminal()).then(|| progress_bar(size));
    let result = feed_records(reader, pipeline, bar.as_ref(), &failed);
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

fn feed_records<R: Read>(
    mut reader: Reader<R>,
    pipeline: &mut Pipeline<'_>,
    bar: Option<&ProgressBar>,
    failed: &impl Fn(ReadError) -> Failure,
) -> Result<(), Failure> {
    loop {
        // Borrowed instead of moved: a record is large.
        let next = reader.next_record();
        let record = match &next {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(()),
            Err(_) => return next.map(drop).map_err(failed),
        };
        pipeline
            .on_packet(&record.packet, record.channels)
            .map_err(Failure::output)?;
        if let Some(bar) = bar
            && record.packet.number.is_multiple_of(PROGRESS_INTERVAL)
        {
            bar.set_position(record.at.offset);
        }
    }
}

fn progress_bar(size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}
