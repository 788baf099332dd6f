//! The layout of columns: the options of tshark's `-E`.

/// How columns are separated, quoted and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldOptions {
    /// Whether the first line names the fields.
    pub header: bool,
    /// The separator between columns.
    pub separator: char,
    /// The quote around a column.
    pub quote: ColumnQuote,
    /// Which of several values are written.
    pub occurrence: Occurrence,
    /// The separator between several values of a column.
    pub aggregator: char,
}

/// The quote around a column. A quote inside of it is doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnQuote {
    /// Nothing.
    None,
    /// `'`.
    Single,
    /// `"`.
    Double,
    /// `"`, only where the column could be misread without, as RFC 4180 says.
    Needed,
}

/// Which of several values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// All, with the aggregator between them.
    All,
    /// The first.
    First,
    /// The last.
    Last,
}

/// An invalid option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{option}` is not an option of columns: {wanted}")]
pub struct OptionError {
    /// The option as it was given.
    pub option: String,
    /// The valid options.
    pub wanted: &'static str,
}

impl Default for FieldOptions {
    /// As tshark's `-T fields`: tabs, no quotes, no header.
    fn default() -> Self {
        Self {
            header: false,
            separator: '\t',
            quote: ColumnQuote::None,
            occurrence: Occurrence::All,
            aggregator: ',',
        }
    }
}

impl FieldOptions {
    /// For `-T csv`: a header, commas, quotes where needed, `;` between
    /// several values.
    pub fn csv() -> Self {
        Self {
            header: true,
            separator: ',',
            quote: ColumnQuote::Needed,
            aggregator: ';',
            ..Self::default()
        }
    }

    /// Sets one option written as tshark's `-E`: `header=y|n`,
    /// `separator=/t|/s|<letter>`, `quote=d|s|n`, `occurrence=f|l|a`,
    /// `aggregator=,|/s|<letter>`.
    pub fn set(&mut self, option: &str) -> Result<(), OptionError> {
        let refuse = |wanted| {
            Err(OptionError {
                option: option.escape_debug().to_string(),
                wanted,
            })
        };
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "header" => match value {
                "y" => self.header = true,
                "n" => self.header = false,
                _ => return refuse("header is y or n"),
            },
            "separator" => match letter(value) {
                Some(letter) => self.separator = letter,
                None => return refuse("separator is /t, /s or one letter"),
            },
            "aggregator" => match letter(value) {
                Some(letter) => self.aggregator = letter,
                None => return refuse("aggregator is /t, /s or one letter"),
            },
            "quote" => {
                self.quote = match value {
                    "d" => ColumnQuote::Double,
                    "s" => ColumnQuote::Single,
                    "n" => ColumnQuote::None,
                    _ => return refuse("quote is d, s or n"),
                }
            }
            "occurrence" => {
                self.occurrence = match value {
                    "a" => Occurrence::All,
                    "f" => Occurrence::First,
                    "l" => Occurrence::Last,
                    _ => return refuse("occurrence is f, l or a"),
                }
            }
            _ => {
                return refuse(
                    "there are header=, separator=, quote=, occurrence= and aggregator=",
                );
            }
        }
        Ok(())
    }
}

fn letter(value: &str) -> Option<char> {
    match value {
        "/t" => return Some('\t'),
        "/s" => return Some(' '),
        _ => {}
    }
    let mut letters = value.chars();
    let first = letters.next()?;
    (letters.next().is_none() && !dxgtrace_protocol::decode::is_unsafe(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_tshark() {
        let mut options = FieldOptions::default();
        for option in [
            "header=y",
            "separator=,",
            "quote=d",
            "occurrence=f",
            "aggregator=/s",
        ] {
            options.set(option).unwrap();
        }
        assert_eq!(
            options,
            FieldOptions {
                header: true,
                separator: ',',
                quote: ColumnQuote::Double,
                occurrence: Occurrence::First,
                aggregator: ' ',
            }
        );
        options.set("separator=/t").unwrap();
        assert_eq!(options.separator, '\t');
    }

    #[test]
    fn others_are_refused_with_those_that_exist() {
        for option in [
            "",
            "header",
            "header=yes",
            "separator=",
            "separator=ab",
            "quote=x",
            "occurrence=",
            "aggregator=\u{202e}",
            "bom=y\u{1b}",
        ] {
            let error = FieldOptions::default().set(option).unwrap_err().to_string();
            assert!(!error.contains(char::is_control), "{error}");
        }
    }
}
