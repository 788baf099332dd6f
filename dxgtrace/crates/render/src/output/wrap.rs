//! Wraps text to a given width.

use std::io::{self, Write};

use textwrap::{WordSeparator, core::display_width, wrap_algorithms::wrap_first_fit};

/// Breaks `text` at spaces into lines of at most `width` columns; the first line has at
/// most `first` columns. A longer word gets a line of its own.
pub fn lines(text: &str, first: usize, width: usize) -> Vec<&str> {
    let words: Vec<_> = WordSeparator::AsciiSpace.find_words(text).collect();
    let mut rest = text;
    wrap_first_fit(&words, &[first as f64, width as f64])
        .into_iter()
        .map(|words| {
            let length = words
                .iter()
                .map(|word| word.word.len() + word.whitespace.len())
                .sum();
            let (line, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            rest = after;
            line.trim_end_matches(' ')
        })
        .collect()
}

/// Writes `lead` and `text`, wrapped to `width` columns. Further lines are indented to the
/// start of the text.
pub(super) fn write_wrapped(
    out: &mut impl Write,
    lead: &str,
    text: &str,
    width: usize,
) -> io::Result<()> {
    write!(out, "{lead}")?;
    wrap_from(out, display_width(lead), text, width)
}

/// Writes `text`, wrapped to `width` columns, from column `indent` on. Further lines are
/// indented to it.
pub(super) fn wrap_from(
    out: &mut impl Write,
    indent: usize,
    text: &str,
    width: usize,
) -> io::Result<()> {
    let width = width.saturating_sub(indent);
    for (index, line) in lines(text, width, width).into_iter().enumerate() {
        if index > 0 {
            write!(out, "\n{:indent$}", "")?;
        }
        write!(out, "{line}")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_go_on_below_the_text() {
        let mut out = Vec::new();
        write_wrapped(&mut out, "  why ", "one two three four", 16).unwrap();
        assert_eq!(out, b"  why one two\n      three four\n");
    }

    #[test]
    fn a_word_longer_than_the_line_stands_alone() {
        let mut out = Vec::new();
        write_wrapped(&mut out, "> ", "a extraordinarily b", 8).unwrap();
        assert_eq!(out, b"> a\n  extraordinarily\n  b\n");
    }

    #[test]
    fn lines_are_measured_in_columns() {
        assert_eq!(
            lines("\u{4e16}\u{754c} ab cd", 7, 5),
            ["\u{4e16}\u{754c} ab", "cd"]
        );
        assert_eq!(lines("ab \u{e9}\u{e9} cd", 5, 5), ["ab \u{e9}\u{e9}", "cd"]);
    }

    #[test]
    fn the_first_line_may_be_shorter_than_the_others() {
        assert_eq!(
            lines("one two three four", 4, 9),
            ["one", "two three", "four"]
        );
        assert_eq!(lines("", 4, 9), [""]);
    }
}
