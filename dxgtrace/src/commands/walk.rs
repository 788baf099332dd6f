//! A capture file from its first packet to its last, with what the session
//! makes of each.

use std::io::{self, Read};
use std::path::Path;

use super::Failure;
use dxgtrace_file::{ReadError, Reader};
use dxgtrace_session::Session;
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::Entry;

/// What stopped the walk before the end, if anything did: to be reported after
/// all that could be read was used.
pub type WalkStop = Option<Failure>;

/// Hands every record to `visit`, with the session after it, and gives the
/// session back. `-` is standard input.
///
/// # Errors
/// The file cannot be opened, or `visit` fails. Damage within it is given back.
pub fn walk(
    path: &Path,
    visit: &mut dyn FnMut(&Entry<'_>, &Session, &RecordComments<'_>) -> Result<(), Failure>,
) -> Result<(Session, WalkStop), Failure> {
    let failed = |error: ReadError| Failure::Input(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        records(
            Reader::new(io::stdin().lock()).map_err(failed)?,
            path,
            visit,
        )
    } else {
        records(dxgtrace_file::open(path).map_err(failed)?, path, visit)
    }
}

/// The comments on a record, made when asked for.
pub type RecordComments<'a> = dyn Fn() -> Vec<String> + 'a;

fn records<R: Read>(
    mut reader: Reader<R>,
    path: &Path,
    visit: &mut dyn FnMut(&Entry<'_>, &Session, &RecordComments<'_>) -> Result<(), Failure>,
) -> Result<(Session, WalkStop), Failure> {
    let mut session = Session::new();
    let mut findings: Vec<Finding> = Vec::new();
    let (mut first, mut previous) = (None, None);
    loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok((session, None)),
            Err(error) => {
                let damage = Failure::Input(format!("{}: {error}", path.display()));
                return Ok((session, Some(damage)));
            }
        };
        findings.clear();
        let packet = record.packet;
        let seen = session.see(&packet, &mut |finding| findings.push(finding));
        let first = *first.get_or_insert(packet.time);
        let entry = Entry {
            packet: &packet,
            channels: record.channels,
            seen: &seen,
            request: session.answered(),
            findings: &findings,
            changes: session.changes(),
            reply_in: None,
            first,
            captured_before: previous.unwrap_or(first),
            previous: previous.unwrap_or(first),
        };
        let comments = || record.comments().map(|text| text.into_owned()).collect();
        visit(&entry, &session, &comments)?;
        previous = Some(packet.time);
    }
}

/// The result of a command that used all that could be read.
///
/// # Errors
/// There was damage.
pub fn ended(damages: impl IntoIterator<Item = WalkStop>) -> Result<super::Exit, Failure> {
    match damages.into_iter().flatten().next() {
        Some(damage) => Err(damage),
        None => Ok(super::Exit::Fine),
    }
}
