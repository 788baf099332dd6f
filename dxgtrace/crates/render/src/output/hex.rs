//! Bytes as a hex dump.

use std::io::{self, Write};

/// Bytes of a line.
const LINE: usize = 16;

/// Writes bytes as lines of offset, hex and text.
pub fn hex(out: &mut impl Write, bytes: &[u8], indent: &str) -> io::Result<()> {
    for (number, line) in bytes.chunks(LINE).enumerate() {
        write!(out, "{indent}{:06x} ", number * LINE)?;
        for place in 0..LINE {
            let gap = if place == LINE / 2 { " " } else { "" };
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
