//! JSON, piece by piece at the end of a buffer.
//!
//! Messages hold kilobytes of opaque bytes and names that need no escaping;
//! going through a serializer costs more there than everything else together.

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// An object or array under construction.
pub(super) struct OpenJson<'a> {
    out: &'a mut Vec<u8>,
    close: u8,
    more: bool,
}

impl<'a> OpenJson<'a> {
    /// Begins an object.
    pub fn object(out: &'a mut Vec<u8>) -> Self {
        Self::new(out, b'{', b'}')
    }

    /// Begins an array.
    pub fn array(out: &'a mut Vec<u8>) -> Self {
        Self::new(out, b'[', b']')
    }

    fn new(out: &'a mut Vec<u8>, open: u8, close: u8) -> Self {
        out.push(open);
        Self {
            out,
            close,
            more: false,
        }
    }

    /// Begins a member; its name, of which these are the parts, needs no
    /// escaping. The value is to follow.
    pub fn key<const PARTS: usize>(&mut self, parts: [&str; PARTS]) -> &mut Vec<u8> {
        let out = self.element();
        out.push(b'"');
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\":");
        out
    }

    /// Begins an element. The value is to follow.
    pub fn element(&mut self) -> &mut Vec<u8> {
        if self.more {
            self.out.push(b',');
        }
        self.more = true;
        self.out
    }

    /// Adds a member.
    pub fn add(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        any(self.key([key]), value)
    }

    /// Ends the object or array.
    pub fn end(self) {
        self.out.push(self.close);
    }
}

/// Any value.
pub(super) fn any(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(out, value)?)
}

/// A string that needs no escaping.
pub(super) fn plain(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// A string that needs no escaping, of anything that prints as one.
pub(super) fn shown(out: &mut Vec<u8>, value: impl Display) -> io::Result<()> {
    write!(out, "\"{value}\"")
}

/// A number as a string of decimal digits.
pub(super) fn decimal(out: &mut Vec<u8>, value: u64) -> io::Result<()> {
    out.push(b'"');
    any(out, &value)?;
    out.push(b'"');
    Ok(())
}

/// A number as a string of hexadecimal digits.
pub(super) fn hexadecimal(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(b"\"0x");
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(DIGITS[(value >> (4 * digit)) as usize & 15]);
    }
    out.push(b'"');
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits of every byte.
static PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Bytes as a string of hexadecimal digits.
pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let (pairs, _) = room.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = PAIRS[usize::from(*byte)];
    }
    out.push(b'"');
}

/// Anything as the string that it prints as.
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
            let text = written(|out| hexadecimal(out, value));
            assert_eq!(text, format!("\"{value:#x}\""));
            let text = written(|out| decimal(out, value).unwrap());
            assert_eq!(text, format!("\"{value}\""));
        }
    }

    #[test]
    fn bytes_have_two_digits_each() {
        let all: Vec<u8> = (0..=255).collect();
        let digits: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written(|out| bytes(out, &all)), format!("\"{digits}\""));
        assert_eq!(written(|out| bytes(out, &[])), "\"\"");
    }

    #[test]
    fn members_and_elements_are_parted_by_commas() {
        let text = written(|out| {
            let mut object = OpenJson::object(out);
            object.add("a", &1).unwrap();
            let mut list = OpenJson::array(object.key(["b", ".", "c"]));
            plain(list.element(), "x");
            plain(list.element(), "y");
            list.end();
            OpenJson::object(object.key(["d"])).end();
            object.end();
        });
        assert_eq!(text, r#"{"a":1,"b.c":["x","y"],"d":{}}"#);
    }
}
