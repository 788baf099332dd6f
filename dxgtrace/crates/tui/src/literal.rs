//! Between what the screen shows and what is typed: fields as filters, bytes
//! as text, completions.

use crate::store::PacketRow;
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_query::filter::{self, Filter};

use super::app::{App, Pane, View};
use super::prompt::Completion;
use super::table::LineKey;

/// Completions that are offered at most.
const OFFERED: usize = 200;

/// A filter that the packet under the cursor passes because of the field under
/// the cursor.
pub fn condition(app: &App) -> Option<String> {
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
            of_text(field, &line.text, bytes)
        }
        _ => match app.table.selected()? {
            LineKey::Finding(row, nth) => {
                let note = app.store.rows().findings(row).get(usize::from(nth))?;
                valid(format!("dxg.finding == {}", note.code.word()))
            }
            LineKey::Row(row) => process(app, app.store.row(row)?),
            LineKey::Object(at) => {
                let entity = app.scene.objects.get(at as usize)?.entity?;
                of_object(&[entity.kind?], entity.handle)
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

fn process(app: &App, row: &PacketRow) -> Option<String> {
    let process = app.store.processes().get(row.process as usize)?;
    valid(format!("dxg.pid == {}", process.pid))
}

/// The field with its value as the tree shows it, or else as its bytes say.
fn of_text(field: &str, text: &str, bytes: Option<&[u8]>) -> Option<String> {
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
pub fn of_object(kinds: &[ObjectKind], handle: u64) -> Option<String> {
    let named = kinds
        .iter()
        .filter_map(|kind| valid(format!("dxg.{} == {handle:#x}", kind.name())));
    let named: Vec<_> = named.collect();
    (!named.is_empty()).then(|| named.join(" or "))
}

fn valid(text: String) -> Option<String> {
    Filter::parse(&text).ok().map(|_| text)
}

/// Bytes as they are searched for: `0d 00 00 c0`, `0d0000c0`, or `"text"`.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
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

/// What could be typed next in a filter.
pub fn completions(text: &str, cursor: usize) -> Vec<Completion> {
    filter::complete(text, cursor)
        .into_iter()
        .take(OFFERED)
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
        assert_eq!(bytes("0d 00 00 c0"), Some(vec![0x0d, 0, 0, 0xc0]));
        assert_eq!(bytes("0d:00"), Some(vec![0x0d, 0]));
        assert_eq!(bytes("\"ab\""), Some(b"ab".to_vec()));
        assert_eq!(bytes("0d0"), None);
        assert_eq!(bytes("xy"), None);
        assert_eq!(bytes(""), None);
    }

    #[test]
    fn values_become_conditions_that_parse() {
        let status = of_text("dxg.status", "STATUS_NO_MEMORY (0xc0000017)", None);
        assert_eq!(status.as_deref(), Some("dxg.status == STATUS_NO_MEMORY"));
        let name = of_text("dxg.comm", "\"dxgex\"", None);
        assert_eq!(name.as_deref(), Some("dxg.comm == \"dxgex\""));
    }
}
