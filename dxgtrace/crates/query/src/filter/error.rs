//! Errors in filters and field names, with their positions.

use std::error::Error;
use std::fmt::{self, Display};
use std::ops::Range;

use super::nearest::nearest;
use dxgtrace_protocol::decode::is_unsafe;

/// An error in a filter. Its [`Display`] is one line; [`Self::caret`] shows the
/// position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The error, as a sentence without its full stop.
    pub message: String,
    /// The position, in bytes of the input.
    pub span: Range<usize>,
    /// Suggested corrections, best first.
    pub suggestions: Vec<String>,
    input: String,
}

impl FilterError {
    /// Creates an error at `span`.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
            suggestions: Vec::new(),
            input: String::new(),
        }
    }

    /// Adds those of `names` that are similar to `word` as suggestions.
    pub(super) fn suggest<'n>(
        mut self,
        word: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        self.suggestions = nearest(word, names);
        self
    }

    /// Sets the input that the error is about.
    pub(super) fn with_input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// Whether the input could become valid if more were typed.
    pub fn is_incomplete(&self) -> bool {
        self.span.start >= self.input.trim_end().len()
    }

    /// The input with a mark below the error, in two lines.
    pub fn caret(&self) -> impl Display {
        struct Caret<'a>(&'a FilterError);
        impl Display for Caret<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let FilterError { input, span, .. } = self.0;
                let shown = |letter| match letter {
                    _ if !is_unsafe(letter) => letter,
                    '\n' | '\r' | '\t' => ' ',
                    _ => char::REPLACEMENT_CHARACTER,
                };
                let line: String = input.chars().map(shown).collect();
                let letters = |range| {
                    input
                        .get(range)
                        .map_or(0, |part: &str| part.chars().count())
                };
                let indent = letters(0..span.start);
                let marks = letters(span.clone()).max(1);
                writeln!(f, "  {line}")?;
                write!(f, "  {:indent$}{:^<marks$}", "", "")
            }
        }
        Caret(self)
    }
}

impl Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, name) in self.suggestions.iter().enumerate() {
            let last = index + 1 == self.suggestions.len();
            f.write_str(match index {
                0 => "; did you mean ",
                _ if last => " or ",
                _ => ", ",
            })?;
            write!(f, "`{name}`")?;
        }
        if !self.suggestions.is_empty() {
            f.write_str("?")?;
        }
        Ok(())
    }
}

impl Error for FilterError {}
