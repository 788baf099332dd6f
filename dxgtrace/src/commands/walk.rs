//! Reads a capture file and passes each analyzed record to a visitor.

use std::io::{self, Read};
use std::path::Path;

use super::Failure;
use dxgtrace::Analyzer;
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_session::Session;
use dxgtrace_session::entry::Entry;

/// The failure that ended a walk early, to be reported once the records read so far
/// were used.
pub type WalkStop = Option<Failure>;

/// Passes each record to `visit`, with the session after it, and returns the final
/// session. `-` is standard input.
///
/// # Errors
/// The file cannot be opened, or `visit` fails. Damage in the file is no error but
/// returned as a [`WalkStop`].
pub fn walk(
    path: &Path,
    visit: &mut dyn FnMut(&Entry<'_>, &Session, &RecordComments<'_>) -> Result<(), Failure>,
) -> Result<(Session, WalkStop), Failure> {
    let failed = |error: ReadError| Failure::Input(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        walk_records(
            Reader::new(io::stdin().lock()).map_err(failed)?,
            path,
            visit,
        )
    } else {
        walk_records(dxgtrace_file::open(path).map_err(failed)?, path, visit)
    }
}

/// Returns the comments of a record.
pub type RecordComments<'a> = dyn Fn() -> Vec<String> + 'a;

fn walk_records<R: Read>(
    reader: Reader<R>,
    path: &Path,
    visit: &mut dyn FnMut(&Entry<'_>, &Session, &RecordComments<'_>) -> Result<(), Failure>,
) -> Result<(Session, WalkStop), Failure> {
    let mut analyzer = Analyzer::new(reader);
    let (mut first, mut previous) = (None, None);
    loop {
        let (record, session) = match analyzer.next_with_session() {
            Ok(Some(next)) => next,
            Ok(None) => return Ok((analyzer.into_session(), None)),
            Err(error) => {
                let damage = Failure::Input(format!("{}: {error}", path.display()));
                return Ok((analyzer.into_session(), Some(damage)));
            }
        };
        let first = *first.get_or_insert(record.packet.time);
        let entry = Entry {
            packet: &record.packet,
            channels: record.channels,
            analysis: &record.analysis,
            request: record.request,
            findings: record.findings,
            changes: record.changes,
            reply_in: None,
            capture_start: first,
            previous_captured: previous.unwrap_or(first),
            previous_shown: previous.unwrap_or(first),
        };
        let comments = || {
            record
                .record
                .comments()
                .map(|text| text.into_owned())
                .collect()
        };
        visit(&entry, session, &comments)?;
        previous = Some(record.packet.time);
    }
}

/// The result of a command after its walks.
///
/// # Errors
/// One of the files was damaged.
pub fn exit_after(damages: impl IntoIterator<Item = WalkStop>) -> Result<super::Exit, Failure> {
    match damages.into_iter().flatten().next() {
        Some(damage) => Err(damage),
        None => Ok(super::Exit::Fine),
    }
}
