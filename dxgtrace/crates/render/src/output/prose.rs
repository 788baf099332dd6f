//! Labelled text, wrapped to the width of the output.

use std::io::{self, Write};

use anstyle::Style;
use textwrap::core::display_width;

use super::wrap::wrap_from;

/// Width in columns if the output is not a terminal.
pub const WIDTH: usize = 100;
/// Minimum width in columns for wrapping.
const WIDTH_MIN: usize = 30;

/// Writes labelled, wrapped text.
#[derive(Debug)]
pub struct ProseWriter<W> {
    out: W,
    width: usize,
    /// Column at which the text of an item begins.
    column: usize,
}

impl<W: Write> ProseWriter<W> {
    /// Writes to `out` with at most `width` columns per line. The text of an item begins
    /// at `column`.
    pub fn new(out: W, width: usize, column: usize) -> Self {
        Self {
            out,
            width: width.max(WIDTH_MIN),
            column,
        }
    }

    /// Writes a line without wrapping.
    pub fn line(&mut self, style: Style, text: &str) -> io::Result<()> {
        writeln!(self.out, "{style}{text}{style:#}")
    }

    /// Writes an empty line.
    pub fn blank_line(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// Writes a label and a wrapped text, or nothing if `text` is empty.
    pub fn item(&mut self, style: Style, label: &str, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        // A label that is too long gets a line of its own.
        let column = if self.width < 2 * self.column {
            4
        } else {
            self.column
        };
        let taken = display_width(label);
        let long = taken + 3 > column;
        write!(self.out, "  {style}{label}{style:#}")?;
        if long {
            write!(self.out, "\n{:column$}", "")?;
        } else {
            let pad = column - 2 - taken;
            write!(self.out, "{:pad$}", "")?;
        }
        wrap_from(&mut self.out, column, text, self.width)
    }

    /// Returns the output.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(width: usize) -> String {
        let mut prose = ProseWriter::new(Vec::new(), width, 12);
        let text = "one two three four five six seven eight nine ten";
        assert!(prose.item(Style::new(), "label", text).is_ok());
        String::from_utf8_lossy(&prose.out).into_owned()
    }

    #[test]
    fn lines_are_no_longer_than_the_output_is_wide() {
        for width in [30, 40, 80] {
            for line in wrapped(width).lines() {
                assert!(line.chars().count() <= width, "{line:?}");
            }
        }
        assert_eq!(wrapped(80).lines().count(), 1);
        assert!(wrapped(40).starts_with("  label     one two"));
    }
}
