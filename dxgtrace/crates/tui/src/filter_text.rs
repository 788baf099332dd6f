//! Converts between the screen and typed text: the field under the cursor to a
//! filter, typed text to bytes, and completions of filters.

use crate::store::PacketRow;
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_query::filter::{self, Filter};

use super::app::{App, Pane, View};
use super::prompt::Completion;
use super::table::LineKey;

/// Most completions.
const MAX_COMPLETIONS: usize = 200;

/// A filter for packets that have the same value in the field under the cursor.
pub fn filter_under_cursor(app: &App) -> Option<String> {
    match (app.view, app.focus) {
        (View::Packets, Pane::List) => {
            let row = app.store.row(app.list.selected()?)?;
            row.message()
                .map(|message| format!("dxg.message == {}", message.name))
        }
        (View::Packets, _) => {
            let line = app.detail.selected()?;
            let field = line.field.as_deref()?;
            if field == "dxg.message" {
                let name = line.label.split(' ').next()?;
                return valid(format!("{field} == {name}"));
            }
            if field == "dxg.finding" {
                let word = line.label.split(' ').nth(1)?;
                return valid(format!("{field} == {word}"));
            }
            let bytes = line.range.clone().and_then(|range| {
                let half = app.detail.halves.get(line.half)?;
                half.bytes.get(range)
            });
            field_filter(field, &line.text, bytes)
        }
        _ => match app.table.selected()? {
            LineKey::Finding(row, nth) => {
                let note = app.store.rows().findings(row).get(usize::from(nth))?;
                valid(format!("dxg.finding == {}", note.code.word()))
            }
            LineKey::Row(row) => process_filter(app, app.store.row(row)?),
            LineKey::Object(at) => {
                let entity = app.scene.objects.get(at as usize)?.entity?;
                object_filter(&[entity.kind?], entity.handle)
            }
            LineKey::Group(crate::store::StatsGroup::Process(process)) => {
                let process = app.store.processes().get(process as usize)?;
                valid(format!("dxg.pid == {}", process.pid))
            }
            LineKey::Group(crate::store::StatsGroup::Channel(channel)) => {
                let channel = app.store.channels().get(usize::from(channel))?;
                valid(format!("frame.interface_name == \"{}\"", channel.name))
            }
            _ => None,
        },
    }
}

/// A filter for the packets of a row's process.
fn process_filter(app: &App, row: &PacketRow) -> Option<String> {
    let process = app.store.processes().get(row.process as usize)?;
    valid(format!("dxg.pid == {}", process.pid))
}

/// A filter for a field with the value that the tree shows. If that is not valid
/// in a filter, tries its first word, then the number and the bytes in the packet,
/// then only that the field is present.
fn field_filter(field: &str, text: &str, bytes: Option<&[u8]>) -> Option<String> {
    let first = text.split(' ').next().unwrap_or(text);
    let number = bytes.filter(|bytes| bytes.len() <= 8).map(|bytes| {
        let all = bytes.iter().rev();
        let value = all.fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        format!("{value:#x}")
    });
    let hex = bytes.map(|bytes| {
        let all: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        all.join(":")
    });
    [Some(text.to_owned()), Some(first.to_owned()), number, hex]
        .into_iter()
        .flatten()
        .filter(|value| !value.is_empty())
        .find_map(|value| valid(format!("{field} == {value}")))
        .or_else(|| valid(field.to_owned()))
}

/// A filter for the packets that name an object of one of these kinds.
pub fn object_filter(kinds: &[ObjectKind], handle: u64) -> Option<String> {
    let named = kinds
        .iter()
        .filter_map(|kind| valid(format!("dxg.{} == {handle:#x}", kind.name())));
    let named: Vec<_> = named.collect();
    (!named.is_empty()).then(|| named.join(" or "))
}

/// `text` if it is a valid filter.
fn valid(text: String) -> Option<String> {
    Filter::parse(&text).ok().map(|_| text)
}

/// Parses bytes to search for: `0d 00 00 c0`, `0d0000c0`, or `"text"`.
pub fn parse_bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix('"') {
        let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
        return (!quoted.is_empty()).then(|| quoted.as_bytes().to_vec());
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != ':')
        .map(|letter| letter.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    let pairs = digits.as_chunks::<2>().0.iter();
    Some(pairs.map(|[high, low]| high << 4 | low).collect())
}

/// Completions of a filter at `cursor`, a byte offset.
pub fn completions(text: &str, cursor: usize) -> Vec<Completion> {
    filter::complete(text, cursor)
        .into_iter()
        .take(MAX_COMPLETIONS)
        .map(|candidate| Completion {
            span: candidate.span,
            text: candidate.text,
            doc: candidate.doc.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_people_write_them() {
        assert_eq!(parse_bytes("0d 00 00 c0"), Some(vec![0x0d, 0, 0, 0xc0]));
        assert_eq!(parse_bytes("0d:00"), Some(vec![0x0d, 0]));
        assert_eq!(parse_bytes("\"ab\""), Some(b"ab".to_vec()));
        assert_eq!(parse_bytes("0d0"), None);
        assert_eq!(parse_bytes("xy"), None);
        assert_eq!(parse_bytes(""), None);
    }

    #[test]
    fn values_become_conditions_that_parse() {
        let status = field_filter("dxg.status", "STATUS_NO_MEMORY (0xc0000017)", None);
        assert_eq!(status.as_deref(), Some("dxg.status == STATUS_NO_MEMORY"));
        let name = field_filter("dxg.comm", "\"dxgex\"", None);
        assert_eq!(name.as_deref(), Some("dxg.comm == \"dxgex\""));
    }
}
