//! Sentences with a label before them, wrapped to the width of the output.

use std::io::{self, Write};

use anstyle::Style;
use textwrap::core::display_width;

use super::wrap::below;

/// Width where the output is no terminal.
pub const WIDTH: usize = 100;
/// Narrower than this, text is not wrapped any further.
const NARROWEST: usize = 30;

/// Writes labelled, wrapped text.
#[derive(Debug)]
pub struct ProseWriter<W> {
    out: W,
    width: usize,
    /// Column at which the text of an item begins.
    column: usize,
}

impl<W: Write> ProseWriter<W> {
    /// Text to `out`, at most `width` columns a line; the text of items begins
    /// at `column`.
    pub fn new(out: W, width: usize, column: usize) -> Self {
        Self {
            out,
            width: width.max(NARROWEST),
            column,
        }
    }

    /// A line of its own, as it is.
    pub fn line(&mut self, style: Style, text: &str) -> io::Result<()> {
        writeln!(self.out, "{style}{text}{style:#}")
    }

    /// An empty line.
    pub fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A label and a text. Nothing if there is no text.
    pub fn item(&mut self, style: Style, label: &str, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        // A label that needs the room has a line of its own.
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
        below(&mut self.out, column, text, self.width)
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Hands everything on.
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
