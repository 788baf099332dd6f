//! Prints filters in their canonical form.

use std::fmt::{self, Display, Write as _};

use super::literal::{NumberRange, UNITS};
use super::node::FilterNode;
use super::parse::{Comparison, Slice};
use super::types::ValueType;

impl Display for FilterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(parts) => joined(f, parts, " or "),
            Self::And(parts) => joined(f, parts, " and "),
            Self::Not(inner) => match inner.as_ref() {
                Self::Test(_) | Self::Not(_) => write!(f, "not {inner}"),
                Self::Or(_) | Self::And(_) => write!(f, "not ({inner})"),
            },
            Self::Test(question) => f.write_str(&question.text),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[FilterNode], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        match part {
            FilterNode::Or(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

/// The sign of a comparison.
pub(super) const fn sign(compare: Comparison) -> &'static str {
    match compare {
        Comparison::Equal => "==",
        Comparison::Unequal => "!=",
        Comparison::AllEqual => "===",
        Comparison::AnyUnequal => "!==",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
        Comparison::Contains => "contains",
        Comparison::Matches => "matches",
    }
}

/// A part of bytes.
pub(super) fn slice(slice: &Slice) -> String {
    match slice.length {
        Some(length) => format!("[{}:{length}]", slice.start),
        None => format!("[{}:]", slice.start),
    }
}

/// A number of a type, as a filter writes it.
pub(super) fn number(ty: ValueType, (value, last): NumberRange) -> String {
    match ty {
        ValueType::Bool if value != last => "true".to_owned(),
        ValueType::Bool if value == 0 => "false".to_owned(),
        ValueType::Bool if value == 1 => "true".to_owned(),
        ValueType::Named(names) => match names.name_of(value) {
            Some(name) => name.to_owned(),
            None if ty.is_hex() => format!("{value:#x}"),
            None => value.to_string(),
        },
        ValueType::Luid => format!("{:08x}-{:08x}", value as u64 >> 32, value as u32),
        ValueType::Duration => duration(value),
        ValueType::Time => seconds(value),
        _ if ty.is_hex() => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

/// A text, or bytes, as a filter writes them.
pub(super) fn text(ty: ValueType, bytes: &[u8]) -> String {
    if !matches!(ty, ValueType::Bytes) || bytes.is_empty() {
        return quoted(bytes);
    }
    let mut text = String::with_capacity(3 * bytes.len());
    for byte in bytes {
        let colon = if text.is_empty() { "" } else { ":" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{colon}{byte:02x}");
    }
    text
}

/// Bytes as a string in quotes.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                _ if dxgtrace_protocol::decode::is_unsafe(letter) => {
                    let mut buffer = [0; 4];
                    escaped(&mut text, letter.encode_utf8(&mut buffer).as_bytes());
                }
                _ => text.push(letter),
            }
        }
        escaped(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

fn escaped(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// A time in the largest unit of which it is a multiple.
fn duration(value: i128) -> String {
    let units = UNITS.iter().rev().filter(|(name, _)| name.ends_with('s'));
    for (unit, scale) in units {
        if value % scale == 0 && (value != 0 || *unit == "s") {
            return format!("{}{unit}", value / scale);
        }
    }
    format!("{value}ns")
}

/// Nanoseconds as seconds, without trailing zeros.
fn seconds(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    let text = format!(
        "{sign}{}.{:09}",
        value / 1_000_000_000,
        value % 1_000_000_000
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
