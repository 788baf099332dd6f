//! The tables of `docs/capture-format.md`, generated from the description of records. Each
//! table is between two markers in the page; the rest is written by hand.

use std::fmt::{self, Write};

use super::reference::cell;
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_protocol::record::{CHANNEL_LIFE, IOCTL_END, LOST, RECORD};
use dxgtrace_protocol::schema::{Field, FieldType, Layout};
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

/// Maximum number of named values listed in the row of a field.
const LISTED_MAX: usize = 5;

/// Replaces the tables in `page`.
///
/// # Errors
/// A marker of a table is missing.
pub fn capture_format(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    for (name, table) in tables().map_err(|error| error.to_string())? {
        let begin = format!("<!-- {name}: written by `make generate` -->\n");
        let end = format!("<!-- end of {name} -->\n");
        let (before, rest) = page
            .split_once(&begin)
            .ok_or_else(|| format!("{} is missing", begin.trim_end()))?;
        let (_, after) = rest
            .split_once(&end)
            .ok_or_else(|| format!("{} is missing", end.trim_end()))?;
        page = format!("{before}{begin}{table}{end}{after}");
    }
    Ok(page)
}

/// The tables, with the names in their markers.
fn tables() -> Result<[(&'static str, String); 6], fmt::Error> {
    Ok([
        ("interface types", interface_types()?),
        ("pseudo-header", fields(&RECORD)?),
        ("known bits", known_bits()?),
        ("payload of an ioctl", fields(&IOCTL_END)?),
        ("payload of a channel record", fields(&CHANNEL_LIFE)?),
        ("payload of a loss", fields(&LOST)?),
    ])
}

fn interface_types() -> Result<String, fmt::Error> {
    let mut out = "| type | channel |\n|---|---|\n".to_owned();
    for (guid, channel) in [
        (GLOBAL_CHANNEL, "the global channel"),
        (VGPU_CHANNEL, "the channel of a virtual GPU"),
    ] {
        writeln!(out, "| `{}` | {channel} |", guid::text(&guid))?;
    }
    Ok(out)
}

fn fields(layout: &Layout) -> Result<String, fmt::Error> {
    let mut out = "| off | size | field | meaning |\n|--:|--:|---|---|\n".to_owned();
    for field in layout.fields {
        let (at, size) = byte_range(field);
        let name = field.name;
        let meaning = cell(&description(field));
        writeln!(out, "| {at} | {size} | `{name}` | {meaning} |")?;
    }
    Ok(out)
}

/// Offset and length of a field in bytes, also if it is described as bits of a word.
fn byte_range(field: &Field) -> (u16, u16) {
    match field.bits {
        Some((shift, width)) => (field.at + u16::from(shift / 8), u16::from(width / 8)),
        None => (field.at, field.size()),
    }
}

/// The description of a field, the names of its values, and the bit that tells whether it
/// is known.
fn description(field: &Field) -> String {
    let mut text = field.doc.trim_end_matches('.').to_owned();
    let names: Vec<String> = match field.ty {
        FieldType::Enum(names) => names
            .values
            .iter()
            .map(|value| format!("{} `{}`", value.number, value.name))
            .collect(),
        FieldType::Flags16(set) => set
            .bits
            .iter()
            .map(|bit| format!("bit {} `{}`", bit.shift, bit.name))
            .collect(),
        _ => Vec::new(),
    };
    if (1..=LISTED_MAX).contains(&names.len()) {
        text = format!("{text}: {}", names.join(", "));
    }
    text.push('.');
    if matches!(field.ty, FieldType::I32) {
        text.push_str(" Signed.");
    }
    if let Some(when) = field.when {
        let bit = KnownFields::NAMES
            .bits
            .iter()
            .find(|bit| bit.mask() == when.mask);
        if let Some(bit) = bit {
            text = format!("{text} Known by `{}`.", bit.name);
        }
    }
    text
}

fn known_bits() -> Result<String, fmt::Error> {
    let mut out = "| bit | name | meaning |\n|--:|---|---|\n".to_owned();
    for (bit, doc) in KnownFields::NAMES.bits.iter().zip(KnownFields::DOCS) {
        writeln!(out, "| {} | `{}` | {} |", bit.shift, bit.name, cell(doc))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::capture_format;

    #[test]
    fn a_page_without_a_marker_is_refused() {
        assert_eq!(
            capture_format("# Capture format\n"),
            Err("<!-- interface types: written by `make generate` --> is missing".to_owned())
        );
    }
}
