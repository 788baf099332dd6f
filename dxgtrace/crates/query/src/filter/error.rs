//! Why a filter or a field name means nothing, and where.

use std::error::Error;
use std::fmt::{self, Display};
use std::ops::Range;

use super::nearest::nearest;
use dxgtrace_protocol::decode::is_unsafe;

/// What is wrong with a filter. Its [`Display`] is one line; [`Self::caret`]
/// shows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, in a sentence without its full stop.
    pub message: String,
    /// Where, in bytes of the input.
    pub span: Range<usize>,
    /// What may have been meant, best first.
    pub suggestions: Vec<String>,
    input: String,
}

impl FilterError {
    /// Something wrong at `span`.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
            suggestions: Vec::new(),
            input: String::new(),
        }
    }

    /// The same with those of `names` that are close to `word`.
    pub(super) fn suggest<'n>(
        mut self,
        word: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        self.suggestions = nearest(word, names);
        self
    }

    /// The same about this input.
    pub(super) fn of(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// Whether the input could become right if more were typed.
    pub fn is_incomplete(&self) -> bool {
        self.span.start >= self.input.trim_end().len()
    }

    /// The input with a mark below the place, in two lines.
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
