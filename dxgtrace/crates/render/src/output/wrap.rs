//! Text in lines of a given width.

use std::io::{self, Write};

/// Writes `text` after `lead`, broken at spaces so that lines keep to `width`
/// columns where words allow it. Further lines begin below the text.
pub(super) fn wrapped(
    out: &mut impl Write,
    lead: &str,
    text: &str,
    width: usize,
) -> io::Result<()> {
    write!(out, "{lead}")?;
    below(out, lead.chars().count(), text, width)
}

/// The same with the cursor at column `indent` already.
pub(super) fn below(
    out: &mut impl Write,
    indent: usize,
    text: &str,
    width: usize,
) -> io::Result<()> {
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent {
            if column + 1 + length > width {
                write!(out, "\n{:indent$}", "")?;
                column = indent;
            } else {
                write!(out, " ")?;
                column += 1;
            }
        }
        write!(out, "{word}")?;
        column += length;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_go_on_below_the_text() {
        let mut out = Vec::new();
        wrapped(&mut out, "  why ", "one two three four", 16).unwrap();
        assert_eq!(out, b"  why one two\n      three four\n");
    }

    #[test]
    fn a_word_longer_than_the_line_stands_alone() {
        let mut out = Vec::new();
        wrapped(&mut out, "> ", "a extraordinarily b", 8).unwrap();
        assert_eq!(out, b"> a\n  extraordinarily\n  b\n");
    }
}
