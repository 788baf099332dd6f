//! Writes JSON piece by piece to the end of a buffer.
//!
//! Messages consist mostly of opaque bytes and of names that need no escaping, for which a
//! general serializer is much slower.

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// An object or array under construction.
pub(super) struct OpenJson<'a> {
    out: &'a mut Vec<u8>,
    close: u8,
    has_members: bool,
}

impl<'a> OpenJson<'a> {
    /// Starts an object.
    pub fn object(out: &'a mut Vec<u8>) -> Self {
        Self::new(out, b'{', b'}')
    }

    /// Starts an array.
    pub fn array(out: &'a mut Vec<u8>) -> Self {
        Self::new(out, b'[', b']')
    }

    fn new(out: &'a mut Vec<u8>, open: u8, close: u8) -> Self {
        out.push(open);
        Self {
            out,
            close,
            has_members: false,
        }
    }

    /// Starts a member. `parts` are the parts of its name, which needs no escaping. The
    /// caller writes the value.
    pub fn key<const PARTS: usize>(&mut self, parts: [&str; PARTS]) -> &mut Vec<u8> {
        let out = self.element();
        out.push(b'"');
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\":");
        out
    }

    /// Starts an element. The caller writes the value.
    pub fn element(&mut self) -> &mut Vec<u8> {
        if self.has_members {
            self.out.push(b',');
        }
        self.has_members = true;
        self.out
    }

    /// Adds a member.
    pub fn add(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        write_value(self.key([key]), value)
    }

    /// Ends the object or array.
    pub fn end(self) {
        self.out.push(self.close);
    }
}

/// Writes any value.
pub(super) fn write_value(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(out, value)?)
}

/// Writes a string that needs no escaping.
pub(super) fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes the text form of a value, which needs no escaping, as a string.
pub(super) fn write_display(out: &mut Vec<u8>, value: impl Display) -> io::Result<()> {
    write!(out, "\"{value}\"")
}

/// Writes a number as a string of decimal digits.
pub(super) fn write_decimal(out: &mut Vec<u8>, value: u64) -> io::Result<()> {
    out.push(b'"');
    write_value(out, &value)?;
    out.push(b'"');
    Ok(())
}

/// Writes a number as a string of hexadecimal digits.
pub(super) fn write_hexadecimal(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(b"\"0x");
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(DIGITS[(value >> (4 * digit)) as usize & 15]);
    }
    out.push(b'"');
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The hexadecimal digits of every byte.
static BYTE_DIGITS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Writes bytes as a string of hexadecimal digits.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let (pairs, _) = room.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = BYTE_DIGITS[usize::from(*byte)];
    }
    out.push(b'"');
}

/// Serializes a value as a string of its text form.
pub(in crate::output) struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_the_digits_that_formatting_gives() {
        for value in [0, 1, 9, 0xf, 0x10, 0x4000_0080, u64::MAX] {
            let text = written(|out| write_hexadecimal(out, value));
            assert_eq!(text, format!("\"{value:#x}\""));
            let text = written(|out| write_decimal(out, value).unwrap());
            assert_eq!(text, format!("\"{value}\""));
        }
    }

    #[test]
    fn bytes_have_two_digits_each() {
        let all: Vec<u8> = (0..=255).collect();
        let digits: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            written(|out| write_bytes(out, &all)),
            format!("\"{digits}\"")
        );
        assert_eq!(written(|out| write_bytes(out, &[])), "\"\"");
    }

    #[test]
    fn members_and_elements_are_parted_by_commas() {
        let text = written(|out| {
            let mut object = OpenJson::object(out);
            object.add("a", &1).unwrap();
            let mut list = OpenJson::array(object.key(["b", ".", "c"]));
            write_str(list.element(), "x");
            write_str(list.element(), "y");
            list.end();
            OpenJson::object(object.key(["d"])).end();
            object.end();
        });
        assert_eq!(text, r#"{"a":1,"b.c":["x","y"],"d":{}}"#);
    }
}
