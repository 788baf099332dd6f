//! Lua string literals.

use std::fmt::{self, Display, Write as _};

/// Formats `text` as a string literal.
pub(super) fn quoted(text: &str) -> impl Display + use<'_> {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\n' => f.write_str("\\n")?,
                _ if letter.is_ascii_control() => write!(f, "\\{:03}", u32::from(letter))?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_would_end_a_string_is_escaped() {
        assert_eq!(quoted("a\"b\\c\nd\te").to_string(), r#""a\"b\\c\nd\009e""#);
    }
}
