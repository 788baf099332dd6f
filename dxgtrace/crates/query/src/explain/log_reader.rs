//! Reads text files line by line: UTF-8, or UTF-16 as PowerShell writes it.

use std::io::{self, BufRead, Read};

/// Maximum length of a line in bytes; the rest is dropped.
const LINE_MAX: u64 = 1 << 16;

/// The encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextEncoding {
    Utf8,
    Utf16 { big_endian: bool },
}

/// Reads a log line by line in any of the encodings.
#[derive(Debug)]
pub struct LogReader<R> {
    input: R,
    encoding: TextEncoding,
    bytes: Vec<u8>,
}

impl<R: BufRead> LogReader<R> {
    /// Creates a reader. It detects the encoding by a byte order mark, or by a
    /// NUL in every second byte.
    ///
    /// # Errors
    /// `input` cannot be read.
    pub fn new(mut input: R) -> io::Result<Self> {
        let start = input.fill_buf()?;
        let (encoding, mark) = match *start {
            [0xff, 0xfe, ..] => (TextEncoding::Utf16 { big_endian: false }, 2),
            [0xfe, 0xff, ..] => (TextEncoding::Utf16 { big_endian: true }, 2),
            [0xef, 0xbb, 0xbf, ..] => (TextEncoding::Utf8, 3),
            [first, 0, second, 0, ..] if first != 0 && second != 0 => {
                (TextEncoding::Utf16 { big_endian: false }, 0)
            }
            [0, first, 0, second, ..] if first != 0 && second != 0 => {
                (TextEncoding::Utf16 { big_endian: true }, 0)
            }
            _ => (TextEncoding::Utf8, 0),
        };
        input.consume(mark);
        Ok(Self {
            input,
            encoding,
            bytes: Vec::new(),
        })
    }

    /// The next line without its line end; `None` at the end of the input.
    /// Invalid bytes become U+FFFD.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<String>> {
        self.bytes.clear();
        let text = match self.encoding {
            TextEncoding::Utf8 => {
                if !self.read_bytes()? {
                    return Ok(None);
                }
                String::from_utf8_lossy(&self.bytes).into_owned()
            }
            TextEncoding::Utf16 { big_endian } => {
                if !self.read_units(big_endian)? {
                    return Ok(None);
                }
                let (units, _) = self.bytes.as_chunks::<2>();
                let units = units.iter().map(|unit| match big_endian {
                    true => u16::from_be_bytes(*unit),
                    false => u16::from_le_bytes(*unit),
                });
                char::decode_utf16(units)
                    .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
        };
        // Web forms turn the NUL of a pasted UTF-16 text into an escape.
        let text = match text.contains("\\u0000") {
            true => text.replace("\\u0000", ""),
            false => text,
        };
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn read_bytes(&mut self) -> io::Result<bool> {
        let read = Read::take(&mut self.input, LINE_MAX).read_until(b'\n', &mut self.bytes)?;
        if self.bytes.last() != Some(&b'\n') && read as u64 == LINE_MAX {
            self.input.skip_until(b'\n')?;
        }
        Ok(read > 0)
    }

    /// Reads pairs of bytes up to a newline. A byte 0x0a is a newline only as
    /// the low half of a unit whose high half is 0.
    fn read_units(&mut self, big_endian: bool) -> io::Result<bool> {
        let mut any = false;
        let mut unit = [0; 2];
        loop {
            for (index, byte) in unit.iter_mut().enumerate() {
                let Some(next) = self.input.fill_buf()?.first().copied() else {
                    return Ok(any || index > 0);
                };
                *byte = next;
                self.input.consume(1);
            }
            any = true;
            if (self.bytes.len() as u64) < LINE_MAX {
                self.bytes.extend(unit);
            }
            let newline = if big_endian { [0, b'\n'] } else { [b'\n', 0] };
            if unit == newline {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let mut reader = LogReader::new(input).unwrap();
        std::iter::from_fn(|| reader.next_line().unwrap()).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let text = "one dxg\r\nzwei \u{fc}\r\n\r\nlast";
        let wanted = ["one dxg", "zwei \u{fc}", "", "last"];
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(lines(text.as_bytes()), wanted);
        assert_eq!(lines(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), wanted);
        assert_eq!(lines(&[b"\xff\xfe", &little[..]].concat()), wanted);
        assert_eq!(lines(&little), wanted);
        assert_eq!(lines(&[b"\xfe\xff", &big[..]].concat()), wanted);
        assert_eq!(lines(&big), wanted);
    }

    #[test]
    fn odd_ends_and_long_lines_are_taken() {
        assert!(lines(b"").is_empty());
        assert_eq!(lines(b"\xff\xfea\0b"), ["a"]);
        assert_eq!(lines(b"\xff\xfe\x0a\x0aa\0\n\0"), ["\u{a0a}a"]);
        let long = [vec![b'x'; 100_000], b"\nnext".to_vec()].concat();
        let read = lines(&long);
        assert_eq!(read[0].len() as u64, LINE_MAX);
        assert_eq!(read[1], "next");
    }

    #[test]
    fn pasted_nul_escapes_are_dropped() {
        assert_eq!(lines(b"d\\u0000x\\u0000g\\u0000"), ["dxg"]);
    }
}
