//! Rewrites colour sequences for terminals with 16 colours.
//!
//! crossterm writes all colours in the 256-colour form (`38;5;1`), which older
//! terminals misread, for example as blinking. The first 16 colours have a form
//! that all terminals understand (`31`).

use std::io::{self, Write};

/// Buffers the output of a frame and rewrites its colours when it is flushed.
pub struct SixteenColours<W> {
    output: W,
    frame: Vec<u8>,
}

impl<W: Write> SixteenColours<W> {
    /// A writer that passes frames on to `output`.
    pub fn new(output: W) -> Self {
        Self {
            output,
            frame: Vec::new(),
        }
    }
}

impl<W: Write> Write for SixteenColours<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = simplify(&self.frame);
        self.frame.clear();
        self.output.write_all(&frame)?;
        self.output.flush()
    }
}

/// Rewrites the first 16 colours of a frame to the simple form.
fn simplify(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        let (before, sequence) = rest.split_at(at + 2);
        out.extend_from_slice(before);
        let is_last = |byte: &u8| !matches!(byte, b'0'..=b'9' | b';');
        let end = sequence.iter().position(is_last).unwrap_or(sequence.len());
        let (numbers, after) = sequence.split_at(end);
        match after.first() {
            Some(b'm') => simplify_sequence(numbers, &mut out),
            _ => out.extend_from_slice(numbers),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// Rewrites the numbers of one sequence, which end with `m`.
fn simplify_sequence(numbers: &[u8], out: &mut Vec<u8>) {
    let parts: Vec<&[u8]> = numbers.split(|byte| *byte == b';').collect();
    let mut rest = parts.as_slice();
    let mut simple: Vec<Vec<u8>> = Vec::new();
    loop {
        rest = match rest {
            [] => break,
            [ground @ (b"38" | b"48"), form @ b"5", colour, rest @ ..] => {
                let number = std::str::from_utf8(colour)
                    .ok()
                    .and_then(|c| c.parse().ok());
                let first = if *ground == b"38" { 30 } else { 40 };
                match number {
                    Some(number @ 0..8u8) => simple.push((first + number).to_string().into()),
                    Some(number @ 8..16) => simple.push((first + 52 + number).to_string().into()),
                    _ => simple.push([*ground, *form, *colour].join(&b';')),
                }
                rest
            }
            // A colour by red, green and blue stays as it is.
            [
                ground @ (b"38" | b"48"),
                form @ b"2",
                red,
                green,
                blue,
                rest @ ..,
            ] => {
                simple.push([*ground, *form, *red, *green, *blue].join(&b';'));
                rest
            }
            [other, rest @ ..] => {
                simple.push(other.to_vec());
                rest
            }
        };
    }
    out.extend_from_slice(&simple.join(&b';'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sixteen_colours_are_written_simply_and_others_as_they_were() {
        for (written, expected) in [
            ("\x1b[38;5;1mred", "\x1b[31mred"),
            ("\x1b[38;5;15;48;5;4mx\x1b[0m", "\x1b[97;44mx\x1b[0m"),
            ("\x1b[48;5;8m", "\x1b[100m"),
            ("\x1b[38;5;208m", "\x1b[38;5;208m"),
            ("\x1b[38;2;5;1;48m", "\x1b[38;2;5;1;48m"),
            ("\x1b[38;5;1H\x1b[1m38;5;1m", "\x1b[38;5;1H\x1b[1m38;5;1m"),
            ("\x1b[38;5;1", "\x1b[38;5;1"),
        ] {
            let out = simplify(written.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
