//! Bytes as a hex dump.

use std::io::{self, Write};

/// Number of bytes per line.
const LINE_BYTES: usize = 16;

/// Writes `bytes` as lines of offset, hexadecimal digits and text.
pub fn write_hex(out: &mut impl Write, bytes: &[u8], indent: &str) -> io::Result<()> {
    for (number, line) in bytes.chunks(LINE_BYTES).enumerate() {
        write!(out, "{indent}{:06x} ", number * LINE_BYTES)?;
        for place in 0..LINE_BYTES {
            let gap = if place == LINE_BYTES / 2 { " " } else { "" };
            match line.get(place) {
                Some(byte) => write!(out, "{gap} {byte:02x}")?,
                None => write!(out, "{gap}   ")?,
            }
        }
        out.write_all(b"  ")?;
        for byte in line {
            let shown = if byte.is_ascii_graphic() || *byte == b' ' {
                *byte
            } else {
                b'.'
            };
            out.write_all(&[shown])?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}
