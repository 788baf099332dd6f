//! Formats a value as the text of a column, as `tshark -T fields` does: numbers
//! stay numbers, so that other programs can parse them.

use std::fmt::Write as _;

use super::eval::{text_of, up_to_nul};
use super::field_path::ValuePlace;
use super::fields::FieldInfo;
use super::types::{ValueNames, ValueType};
use dxgtrace_protocol::decode::is_unsafe;

/// Appends a value. Text from the traced system is escaped, so a column holds
/// only printable characters and no line ends.
pub(super) fn write_item(field: &FieldInfo, item: ValuePlace<'_>, text: &mut String) {
    match item {
        ValuePlace::Number(value) => number(field, value, text),
        ValuePlace::Bytes(bytes) if matches!(field.ty, ValueType::Text) => {
            for chunk in bytes.utf8_chunks() {
                letters(chunk.valid(), text);
                for byte in chunk.invalid() {
                    // Writing to a string cannot fail, here and below.
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
        }
        ValuePlace::Bytes(bytes) => {
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
        }
        ValuePlace::Wide(units) => letters(&text_of(up_to_nul(units)), text),
    }
}

fn number(field: &FieldInfo, value: i128, text: &mut String) {
    let written = match field.ty {
        ValueType::Handle(_) | ValueType::Pointer | ValueType::Address | ValueType::Flags(_) => {
            hex(field, value, text)
        }
        ValueType::Named(ValueNames::Status) => hex(field, value, text),
        ValueType::Named(names) if !names.is_open() => match names.name_of(value) {
            Some(name) => text.write_str(name),
            None => write!(text, "{value}"),
        },
        ValueType::Luid => write!(text, "{:08x}-{:08x}", value as u64 >> 32, value as u32),
        ValueType::Time | ValueType::Duration => {
            let sign = if value < 0 { "-" } else { "" };
            let value = value.unsigned_abs();
            let (whole, rest) = (value / 1_000_000_000, value % 1_000_000_000);
            write!(text, "{sign}{whole}.{rest:09}")
        }
        _ => write!(text, "{value}"),
    };
    // Writing to a string cannot fail.
    let _ = written;
}

fn hex(field: &FieldInfo, value: i128, text: &mut String) -> std::fmt::Result {
    let digits = field.width.div_ceil(4).max(1) as usize;
    write!(text, "0x{value:0digits$x}")
}

fn letters(letters: &str, text: &mut String) {
    for letter in letters.chars() {
        match letter {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\\' => text.push_str("\\\\"),
            _ if is_unsafe(letter) => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => text.push(letter),
        }
    }
}
