//! Splits text into words, strings and signs.

use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{anychar, char, multispace0, none_of, satisfy};
use nom::combinator::{map, map_opt, not, recognize, value};
use nom::multi::{fold_many0, many1_count};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::error::FilterError;

/// A word, string or sign, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) span: Range<usize>,
}

/// The kind of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind<'a> {
    /// A name, a number, or anything else without quotes.
    Word(&'a str),
    /// A quoted text with its escapes resolved.
    Text(Vec<u8>),
    /// A sign, or a word that stands for one.
    Sign(Sign),
}

/// The signs of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    AllEqual,
    AnyUnequal,
    Equal,
    Unequal,
    LessEqual,
    GreaterEqual,
    Less,
    Greater,
    Matches,
    Contains,
    In,
    Any,
    All,
    And,
    Or,
    Not,
    Mask,
    To,
    Open,
    Close,
    OpenSet,
    CloseSet,
    OpenSlice,
    CloseSlice,
    Comma,
}

/// The spellings of signs, the longer ones first. If a sign has several, the
/// first one is printed.
pub(super) const SIGNS: &[(&str, Sign)] = &[
    ("===", Sign::AllEqual),
    ("!==", Sign::AnyUnequal),
    ("~=", Sign::AnyUnequal),
    ("==", Sign::Equal),
    ("!=", Sign::Unequal),
    ("<=", Sign::LessEqual),
    (">=", Sign::GreaterEqual),
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("..", Sign::To),
    ("<", Sign::Less),
    (">", Sign::Greater),
    ("!", Sign::Not),
    ("~", Sign::Matches),
    ("&", Sign::Mask),
    ("(", Sign::Open),
    (")", Sign::Close),
    ("{", Sign::OpenSet),
    ("}", Sign::CloseSet),
    ("[", Sign::OpenSlice),
    ("]", Sign::CloseSlice),
    (",", Sign::Comma),
];

/// Words that stand for signs.
pub(super) const WORDS: &[(&str, Sign)] = &[
    ("all_eq", Sign::AllEqual),
    ("any_ne", Sign::AnyUnequal),
    ("any_eq", Sign::Equal),
    ("all_ne", Sign::Unequal),
    ("eq", Sign::Equal),
    ("ne", Sign::Unequal),
    ("le", Sign::LessEqual),
    ("ge", Sign::GreaterEqual),
    ("lt", Sign::Less),
    ("gt", Sign::Greater),
    ("matches", Sign::Matches),
    ("contains", Sign::Contains),
    ("bitand", Sign::Mask),
    ("bitwise_and", Sign::Mask),
    ("in", Sign::In),
    ("any", Sign::Any),
    ("all", Sign::All),
    ("and", Sign::And),
    ("or", Sign::Or),
    ("not", Sign::Not),
];

/// Splits the input.
pub(super) fn tokens(input: &str) -> Result<Vec<Token<'_>>, FilterError> {
    let mut found = Vec::new();
    let mut rest = skip(input);
    while !rest.is_empty() {
        let start = input.len() - rest.len();
        let (after, kind) = token(rest).map_err(|_| refused(rest, start, input.len()))?;
        let span = start..input.len() - after.len();
        found.push(Token { kind, span });
        rest = skip(after);
    }
    Ok(found)
}

/// Whether a letter can be part of a word.
pub(super) fn in_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | ':' | '-' | '+')
}

fn skip(input: &str) -> &str {
    multispace0::<_, ()>(input).map_or(input, |(rest, _)| rest)
}

fn refused(rest: &str, start: usize, end: usize) -> FilterError {
    let first = rest.chars().next().unwrap_or(' ');
    let one = start..start + first.len_utf8();
    match first {
        '"' | 'r' => FilterError::new("the string has no closing quote", start..end),
        '=' => FilterError::new("a single `=` means nothing; `==` compares", one),
        '|' => FilterError::new("a single `|` means nothing; `||` or `or` combines", one),
        '\'' => FilterError::new("strings stand in double quotes", one),
        _ if first.is_ascii_graphic() => {
            FilterError::new(format!("`{first}` means nothing here"), one)
        }
        _ => FilterError::new("this letter means nothing outside of quotes", one),
    }
}

fn token(input: &str) -> IResult<&str, TokenKind<'_>, ()> {
    alt((
        map(raw, TokenKind::Text),
        map(text, TokenKind::Text),
        map(sign, TokenKind::Sign),
        map(word, |word| match sign_of(word) {
            Some(sign) => TokenKind::Sign(sign),
            None => TokenKind::Word(word),
        }),
    ))
    .parse(input)
}

fn sign_of(word: &str) -> Option<Sign> {
    let named = WORDS
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name));
    named.map(|(_, sign)| *sign)
}

fn sign(input: &str) -> IResult<&str, Sign, ()> {
    for (text, sign) in SIGNS {
        if let Ok((rest, sign)) = value(*sign, tag::<_, _, ()>(*text)).parse(input) {
            return Ok((rest, sign));
        }
    }
    Err(nom::Err::Error(()))
}

/// Two dots end a word, so that `3..7` is a range.
fn word(input: &str) -> IResult<&str, &str, ()> {
    let letter = preceded(not(tag("..")), satisfy(in_word));
    recognize(many1_count(letter)).parse(input)
}

fn raw(input: &str) -> IResult<&str, Vec<u8>, ()> {
    let body = take_while(|letter| letter != '"');
    map(delimited(tag("r\""), body, char('"')), |text: &str| {
        text.as_bytes().to_vec()
    })
    .parse(input)
}

fn text(input: &str) -> IResult<&str, Vec<u8>, ()> {
    let plain = map(none_of("\"\\"), Piece::Letter);
    let pieces = fold_many0(
        alt((plain, preceded(char('\\'), escape))),
        Vec::new,
        |mut text, piece| {
            piece.append(&mut text);
            text
        },
    );
    delimited(char('"'), pieces, char('"')).parse(input)
}

/// A part of a string.
#[derive(Debug, Clone, Copy)]
enum Piece {
    Letter(char),
    Byte(u8),
    /// A backslash that starts no escape is kept for regular expressions.
    Kept(char),
}

impl Piece {
    fn append(self, text: &mut Vec<u8>) {
        let mut buffer = [0; 4];
        let letter = match self {
            Self::Byte(byte) => return text.push(byte),
            Self::Letter(letter) => letter,
            Self::Kept(letter) => {
                text.push(b'\\');
                letter
            }
        };
        text.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
    }
}

fn escape(input: &str) -> IResult<&str, Piece, ()> {
    let digit = || satisfy(|letter| letter.is_ascii_hexdigit());
    let byte = map_opt(
        recognize(preceded(char('x'), (digit(), digit()))),
        |text: &str| u8::from_str_radix(text.get(1..)?, 16).ok(),
    );
    let one = |letter, byte| value(Piece::Byte(byte), char(letter));
    alt((
        one('"', b'"'),
        one('\\', b'\\'),
        one('n', b'\n'),
        one('r', b'\r'),
        one('t', b'\t'),
        one('0', 0),
        map(byte, Piece::Byte),
        map(anychar, Piece::Kept),
    ))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(input: &str) -> Vec<TokenKind<'_>> {
        let tokens = tokens(input).unwrap();
        tokens.into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_reach_up_to_signs_and_ranges() {
        assert_eq!(
            kinds("a.b==3..7"),
            [
                TokenKind::Word("a.b"),
                TokenKind::Sign(Sign::Equal),
                TokenKind::Word("3"),
                TokenKind::Sign(Sign::To),
                TokenKind::Word("7")
            ]
        );
        assert_eq!(kinds("1.5ms"), [TokenKind::Word("1.5ms")]);
        assert_eq!(kinds("AND"), [TokenKind::Sign(Sign::And)]);
        assert_eq!(kinds("!=="), [TokenKind::Sign(Sign::AnyUnequal)]);
        assert_eq!(kinds("de:ad:be"), [TokenKind::Word("de:ad:be")]);
    }

    #[test]
    fn escapes_are_resolved_but_for_those_of_patterns() {
        assert_eq!(
            kinds(r#""a\"b\\c\x41\d\n""#),
            [TokenKind::Text(b"a\"b\\cA\\d\n".to_vec())]
        );
        assert_eq!(kinds(r#"r"\d\n""#), [TokenKind::Text(br"\d\n".to_vec())]);
        assert_eq!(kinds(r#""\x4""#), [TokenKind::Text(br"\x4".to_vec())]);
    }

    #[test]
    fn what_is_no_token_is_said() {
        let message = |input| tokens(input).unwrap_err().message;
        assert_eq!(message("\"abc"), "the string has no closing quote");
        assert_eq!(
            message("a = 3"),
            "a single `=` means nothing; `==` compares"
        );
        assert_eq!(message("a ; b"), "`;` means nothing here");
        assert_eq!(message("é"), "this letter means nothing outside of quotes");
    }
}
