//! The value of a field, and its text form.

use std::fmt::{self, Display, Write as _};

use crate::schema::values::{Enum, Flags};
use crate::schema::{Field, FieldType};
use crate::table;

/// A typed value. [`Display`] gives the text form that all output uses.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A plain number.
    Number(u64),
    /// A signed number.
    Signed(i64),
    /// A truth value, as the byte in the message. Bytes other than 0 and 1 are true.
    Bool(u8),
    /// An object's handle.
    Handle(u32),
    /// A guest event number.
    Event(u64),
    /// A number with names.
    Enum(&'static Enum, u64),
    /// A set of bits with names, and its width in bytes.
    Flags(&'static Flags, u64, u16),
    /// A status of the host.
    Status(u32),
    /// An adapter's identifier: low part, high part.
    Luid(u32, i32),
    /// An address of any kind.
    Address(u64),
    /// UTF-16LE text up to the first NUL.
    Text(&'a [u8]),
    /// Opaque bytes.
    Bytes(&'a [u8]),
    /// Several values of one type in a row.
    Array(FieldType, &'a [u8]),
}

/// Maximum number of opaque bytes in the text form.
const SHOWN_BYTES: usize = 32;
/// Maximum number of array elements in the text form.
const SHOWN_ELEMENTS: usize = 16;

impl<'a> Value<'a> {
    /// The value of `field` in its captured `bytes`; `None` if the bytes are too few.
    pub fn from_field(field: &Field, bytes: &'a [u8]) -> Option<Self> {
        if field.count > 1 {
            return match field.ty {
                FieldType::Utf16 => Some(Self::Text(bytes)),
                FieldType::Byte => Some(Self::Bytes(bytes)),
                ty => Some(Self::Array(ty, bytes)),
            };
        }
        let raw = number(bytes, field.ty)?;
        match (field.bits, field.ty) {
            (None, ty) => Some(Self::from_number(ty, raw)),
            (Some((shift, _)), FieldType::Enum(names)) => {
                Some(Self::Enum(names, (raw & field.mask()) >> shift))
            }
            (Some((shift, _)), _) => Some(Self::Number((raw & field.mask()) >> shift)),
        }
    }

    /// The single value of type `ty` in `bytes`; `None` if the bytes are too few.
    pub fn from_bytes(ty: FieldType, bytes: &[u8]) -> Option<Self> {
        number(bytes, ty).map(|raw| Self::from_number(ty, raw))
    }

    /// The value of type `ty` with the number `raw`.
    pub fn from_number(ty: FieldType, raw: u64) -> Self {
        match ty {
            FieldType::U8
            | FieldType::U16
            | FieldType::U32
            | FieldType::U64
            | FieldType::Utf16
            | FieldType::Byte => Self::Number(raw),
            FieldType::I32 => Self::Signed(i64::from(raw as i32)),
            FieldType::Bool => Self::Bool(raw as u8),
            FieldType::Handle(_) => Self::Handle(raw as u32),
            FieldType::Event => Self::Event(raw),
            FieldType::Enum(names) => Self::Enum(names, raw),
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                Self::Flags(set, raw, ty.size())
            }
            FieldType::NtStatus => Self::Status(raw as u32),
            FieldType::Luid => Self::Luid(raw as u32, (raw >> 32) as i32),
            FieldType::Pointer | FieldType::Address => Self::Address(raw),
        }
    }

    /// The number of the value; `None` for text, bytes and arrays.
    pub fn as_number(&self) -> Option<u64> {
        match *self {
            Self::Number(value)
            | Self::Event(value)
            | Self::Enum(_, value)
            | Self::Flags(_, value, _)
            | Self::Address(value) => Some(value),
            Self::Signed(value) => Some(value as u64),
            Self::Bool(value) => Some(u64::from(value)),
            Self::Handle(value) | Self::Status(value) => Some(u64::from(value)),
            Self::Luid(low, high) => Some(u64::from(low) | u64::from(high as u32) << 32),
            Self::Text(_) | Self::Bytes(_) | Self::Array(..) => None,
        }
    }

    /// The elements of an array that were captured completely.
    pub fn elements(&self) -> impl Iterator<Item = Self> + use<'a> {
        let (ty, bytes) = match *self {
            Self::Array(ty, bytes) => (ty, bytes),
            _ => (FieldType::U8, Default::default()),
        };
        bytes
            .chunks_exact(usize::from(ty.size()))
            .filter_map(move |bytes| number(bytes, ty))
            .map(move |raw| Self::from_number(ty, raw))
    }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(value) | Self::Event(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Bool(0) => f.write_str("false"),
            Self::Bool(1) => f.write_str("true"),
            Self::Bool(value) => write!(f, "true ({value})"),
            Self::Handle(value) => write!(f, "{value:#x}"),
            Self::Enum(names, value) => match names.name_of(value) {
                Some(name) => f.write_str(name),
                None if names.signed => write!(f, "{}", value as i32),
                None => write!(f, "{value}"),
            },
            Self::Flags(set, value, _) => flags(f, set, value),
            Self::Status(value) => match table::status(value) {
                Some(status) => f.write_str(status.name),
                None => write!(f, "{value:#010x}"),
            },
            Self::Luid(low, high) => write!(f, "{:08x}-{low:08x}", high as u32),
            Self::Address(value) => write!(f, "{value:#x}"),
            Self::Text(bytes) => write!(f, "\"{}\"", Utf16(bytes)),
            Self::Bytes(bytes) => hex(f, bytes),
            Self::Array(..) => {
                f.write_char('[')?;
                for (index, value) in self.elements().take(SHOWN_ELEMENTS).enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                if self.elements().nth(SHOWN_ELEMENTS).is_some() {
                    f.write_str(", ..")?;
                }
                f.write_char(']')
            }
        }
    }
}

fn flags(f: &mut fmt::Formatter<'_>, set: &Flags, value: u64) -> fmt::Result {
    write!(f, "{value:#x}")?;
    let mut rest = value;
    let mut separator = " (";
    for bit in set.bits {
        let group = bit.extract(value);
        if group == 0 {
            continue;
        }
        rest &= !bit.mask();
        write!(f, "{separator}{}", bit.name)?;
        if bit.width > 1 {
            write!(f, "={group}")?;
        }
        separator = " | ";
    }
    if rest != 0 {
        write!(f, "{separator}{rest:#x}")?;
        separator = " | ";
    }
    if separator == " | " {
        f.write_char(')')?;
    }
    Ok(())
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for byte in bytes.iter().take(SHOWN_BYTES) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > SHOWN_BYTES {
        f.write_str("..")?;
    }
    Ok(())
}

/// Formats UTF-16LE text up to the first NUL, with unsafe characters escaped.
pub fn utf16(bytes: &[u8]) -> impl Display {
    Utf16(bytes)
}

struct Utf16<'a>(&'a [u8]);

impl Display for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self
            .0
            .chunks_exact(2)
            .filter_map(|unit| unit.first_chunk::<2>())
            .map(|unit| u16::from_le_bytes(*unit))
            .take_while(|unit| *unit != 0);
        for unit in char::decode_utf16(units) {
            match unit {
                Ok(letter) => escape(f, letter)?,
                Err(lone) => write!(f, "\\u{{{:x}}}", lone.unpaired_surrogate())?,
            }
        }
        Ok(())
    }
}

/// Formats bytes of the traced system, up to the first NUL, as text that is safe on a
/// terminal: invalid UTF-8 and unsafe characters are escaped.
pub fn escaped(bytes: &[u8]) -> impl Display {
    struct Escaped<'a>(&'a [u8]);
    impl Display for Escaped<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for chunk in self.0.utf8_chunks() {
                for letter in chunk.valid().chars() {
                    escape(f, letter)?;
                }
                for byte in chunk.invalid() {
                    write!(f, "\\x{byte:02x}")?;
                }
            }
            Ok(())
        }
    }
    let end = bytes.iter().position(|byte| *byte == 0);
    Escaped(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default())
}

/// Writes a character, escaped if it is unsafe on a terminal.
fn escape(f: &mut fmt::Formatter<'_>, letter: char) -> fmt::Result {
    match letter {
        '"' | '\\' => write!(f, "\\{letter}"),
        _ if is_unsafe(letter) => write!(f, "\\u{{{:x}}}", u32::from(letter)),
        _ => f.write_char(letter),
    }
}

/// Whether a character is unsafe on a terminal: a control character, an invisible one,
/// or one that changes the direction of text.
pub fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn number(bytes: &[u8], ty: FieldType) -> Option<u64> {
    let mut raw = [0; 8];
    let size = usize::from(ty.size());
    raw.get_mut(..size)?.copy_from_slice(bytes.get(..size)?);
    Some(u64::from_le_bytes(raw))
}
