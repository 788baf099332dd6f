//! The tables of `docs/capture-format.md`, from the description of records. The
//! page's text is written by hand; each table stands between two markers.

use std::fmt::{self, Write};

use super::reference::cell;
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_protocol::record::{IOCTL_END, LOST, RECORD};
use dxgtrace_protocol::schema::{Field, FieldType, Layout};
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

/// Numbers and bits that are listed in a field's own row at most.
const LISTED: usize = 4;

/// The page with its tables written anew.
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

/// The tables, by the names in their markers.
fn tables() -> Result<[(&'static str, String); 5], fmt::Error> {
    Ok([
        ("interface types", interface_types()?),
        ("pseudo-header", fields(&RECORD)?),
        ("known bits", known_bits()?),
        ("payload of an ioctl", fields(&IOCTL_END)?),
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
        let (at, size) = place(field);
        let name = field.name;
        let meaning = cell(&meaning(field));
        writeln!(out, "| {at} | {size} | `{name}` | {meaning} |")?;
    }
    Ok(out)
}

/// Offset and length of a field's own bytes, of which the description may say that
/// they are bits of a longer word.
fn place(field: &Field) -> (u16, u16) {
    match field.bits {
        Some((shift, width)) => (field.at + u16::from(shift / 8), u16::from(width / 8)),
        None => (field.at, field.size()),
    }
}

/// The field's sentence, the few names that its values have, and which bit says
/// whether it is known.
fn meaning(field: &Field) -> String {
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
    if (1..=LISTED).contains(&names.len()) {
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
