//! Parses tokens into an expression whose names are not resolved yet.

use std::ops::Range;

use super::error::FilterError;
use super::token::{Sign, Token, TokenKind, tokens};

/// An expression as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr<'a> {
    /// One of them holds.
    Or(Vec<Self>),
    /// All of them hold.
    And(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A field has certain values.
    Test(Box<FieldTest<'a>>),
}

/// A test of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldTest<'a> {
    /// Whether one or all of several values must pass; `None` if not written.
    pub(super) quantifier: Option<Quantifier>,
    /// The field's name.
    pub(super) field: &'a str,
    /// The position of the name.
    pub(super) span: Range<usize>,
    /// The slice of the value that is tested.
    pub(super) slice: Option<(Slice, Range<usize>)>,
    /// The mask that is applied to the value.
    pub(super) mask: Option<Literal<'a>>,
    /// The condition; `None` tests whether the field is present.
    pub(super) condition: Option<ValueCondition<'a>>,
}

/// How many of several values must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// One.
    Any,
    /// All, and there must be one.
    All,
}

/// A part of a value: an offset and a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: usize,
    pub(super) length: Option<usize>,
}

/// A condition on a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueCondition<'a> {
    /// A comparison, and the position of its operator.
    Compare(Comparison, Range<usize>, Literal<'a>),
    /// Being one of several values or within one of several ranges.
    In {
        /// Whether it must be none of them.
        negated: bool,
        /// The position of `in`.
        span: Range<usize>,
        /// The values and ranges.
        items: Vec<(Literal<'a>, Option<Literal<'a>>)>,
    },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    AllEqual,
    AnyUnequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
    Matches,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal<'a> {
    pub(super) kind: BareValue<'a>,
    pub(super) span: Range<usize>,
}

/// A value without its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BareValue<'a> {
    /// Without quotes.
    Word(&'a str),
    /// In quotes.
    Text(Vec<u8>),
}

/// Maximum nesting of parentheses: far more than people write, and far less
/// than the stack can hold.
const NESTING_MAX: usize = 64;

/// Parses a filter; `None` if it is blank.
pub(super) fn parse(input: &str) -> Result<Option<Expr<'_>>, FilterError> {
    let tokens = tokens(input)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        tokens: &tokens,
        end: input.trim_end().len(),
        depth: 0,
    };
    let expr = parser.or_expr()?;
    match parser.tokens.first() {
        None => Ok(Some(expr)),
        Some(token) => {
            let message = match token.kind {
                TokenKind::Sign(Sign::Close) => "this parenthesis closes nothing",
                TokenKind::Sign(_) => "nothing like this can follow here",
                _ => "`and` or `or` is missing before this",
            };
            Err(FilterError::new(message, token.span.clone()))
        }
    }
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    /// Where the input ends.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'_, 'a> {
    fn or_expr(&mut self) -> Result<Expr<'a>, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.and_expr()? {
                Expr::Or(more) => parts.extend(more),
                part => parts.push(part),
            }
            if self.take_sign(Sign::Or).is_none() {
                return Ok(unwrap_single(parts, Expr::Or));
            }
        }
    }

    fn and_expr(&mut self) -> Result<Expr<'a>, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.not_expr()? {
                Expr::And(more) => parts.extend(more),
                part => parts.push(part),
            }
            if self.take_sign(Sign::And).is_none() {
                return Ok(unwrap_single(parts, Expr::And));
            }
        }
    }

    fn not_expr(&mut self) -> Result<Expr<'a>, FilterError> {
        let mut negated = false;
        while self.take_sign(Sign::Not).is_some() {
            negated = !negated;
        }
        let expr = self.primary()?;
        Ok(match expr {
            Expr::Not(inner) if negated => *inner,
            expr if negated => Expr::Not(Box::new(expr)),
            expr => expr,
        })
    }

    fn primary(&mut self) -> Result<Expr<'a>, FilterError> {
        let Some(open) = self.take_sign(Sign::Open) else {
            return self.test();
        };
        if self.depth == NESTING_MAX {
            return Err(FilterError::new("parentheses are nested too deep", open));
        }
        self.depth += 1;
        let expr = self.or_expr()?;
        self.depth -= 1;
        if self.take_sign(Sign::Close).is_none() {
            return Err(self.expected("`)`"));
        }
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr<'a>, FilterError> {
        let quantifier = if self.take_sign(Sign::Any).is_some() {
            Some(Quantifier::Any)
        } else {
            self.take_sign(Sign::All).map(|_| Quantifier::All)
        };
        let Some((field, span)) = self.word() else {
            return Err(self.expected("a field"));
        };
        let slice = match self.take_sign(Sign::OpenSlice) {
            Some(open) => Some(self.slice(open)?),
            None => None,
        };
        let mask = match self.take_sign(Sign::Mask) {
            Some(_) => Some(self.literal()?),
            None => None,
        };
        Ok(Expr::Test(Box::new(FieldTest {
            quantifier,
            field,
            span,
            slice,
            mask,
            condition: self.condition()?,
        })))
    }

    fn condition(&mut self) -> Result<Option<ValueCondition<'a>>, FilterError> {
        let negated = match self.tokens {
            [
                Token {
                    kind: TokenKind::Sign(Sign::Not),
                    ..
                },
                Token {
                    kind: TokenKind::Sign(Sign::In),
                    ..
                },
                ..,
            ] => self.take_sign(Sign::Not).is_some(),
            _ => false,
        };
        if let Some(span) = self.take_sign(Sign::In) {
            let items = self.set()?;
            return Ok(Some(ValueCondition::In {
                negated,
                span,
                items,
            }));
        }
        let compare = match self.tokens.first().map(|token| &token.kind) {
            Some(TokenKind::Sign(sign)) => comparison_of(*sign),
            _ => None,
        };
        match (compare, self.tokens.split_first()) {
            (Some(compare), Some((token, rest))) => {
                let span = token.span.clone();
                self.tokens = rest;
                Ok(Some(ValueCondition::Compare(
                    compare,
                    span,
                    self.literal()?,
                )))
            }
            _ => Ok(None),
        }
    }

    fn set(&mut self) -> Result<Vec<(Literal<'a>, Option<Literal<'a>>)>, FilterError> {
        if self.take_sign(Sign::OpenSet).is_none() {
            return Err(self.expected("`{` and a list of values"));
        }
        let mut items = Vec::new();
        loop {
            let low = self.literal()?;
            let high = match self.take_sign(Sign::To) {
                Some(_) => Some(self.literal()?),
                None => None,
            };
            items.push((low, high));
            if self.take_sign(Sign::CloseSet).is_some() {
                return Ok(items);
            }
            if self.take_sign(Sign::Comma).is_none() {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// `[start:length]`, `[start:]`, `[:length]`, `[first-last]` or `[start]`.
    fn slice(&mut self, open: Range<usize>) -> Result<(Slice, Range<usize>), FilterError> {
        let written = self.word();
        let Some(close) = self.take_sign(Sign::CloseSlice) else {
            return Err(self.expected("`]`"));
        };
        let span = open.start..close.end;
        let slice = written.and_then(|(word, _)| slice(word));
        match slice {
            Some(slice) => Ok((slice, span)),
            None => Err(FilterError::new(
                "a part is written as [start:length], [first-last] or [start]",
                span,
            )),
        }
    }

    fn literal(&mut self) -> Result<Literal<'a>, FilterError> {
        let Some((token, rest)) = self.tokens.split_first() else {
            return Err(self.expected("a value"));
        };
        let kind = match &token.kind {
            TokenKind::Word(word) => BareValue::Word(word),
            TokenKind::Text(text) => BareValue::Text(text.clone()),
            TokenKind::Sign(_) => return Err(self.expected("a value")),
        };
        self.tokens = rest;
        Ok(Literal {
            kind,
            span: token.span.clone(),
        })
    }

    fn word(&mut self) -> Option<(&'a str, Range<usize>)> {
        let (token, rest) = self.tokens.split_first()?;
        match token.kind {
            TokenKind::Word(word) => {
                self.tokens = rest;
                Some((word, token.span.clone()))
            }
            _ => None,
        }
    }

    fn take_sign(&mut self, sign: Sign) -> Option<Range<usize>> {
        let (token, rest) = self.tokens.split_first()?;
        if token.kind != TokenKind::Sign(sign) {
            return None;
        }
        self.tokens = rest;
        Some(token.span.clone())
    }

    fn expected(&self, what: &str) -> FilterError {
        match self.tokens.first() {
            Some(token) => {
                FilterError::new(format!("{what} should stand here"), token.span.clone())
            }
            None => FilterError::new(format!("{what} should follow"), self.end..self.end),
        }
    }
}

fn unwrap_single<'a>(mut parts: Vec<Expr<'a>>, many: fn(Vec<Expr<'a>>) -> Expr<'a>) -> Expr<'a> {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            many(parts)
        }
        (None, _) => many(parts),
    }
}

fn comparison_of(sign: Sign) -> Option<Comparison> {
    Some(match sign {
        Sign::Equal => Comparison::Equal,
        Sign::Unequal => Comparison::Unequal,
        Sign::AllEqual => Comparison::AllEqual,
        Sign::AnyUnequal => Comparison::AnyUnequal,
        Sign::Less => Comparison::Less,
        Sign::LessEqual => Comparison::LessEqual,
        Sign::Greater => Comparison::Greater,
        Sign::GreaterEqual => Comparison::GreaterEqual,
        Sign::Contains => Comparison::Contains,
        Sign::Matches => Comparison::Matches,
        _ => return None,
    })
}

fn slice(word: &str) -> Option<Slice> {
    let number = |text: &str| text.parse::<u32>().ok().map(|number| number as usize);
    if let Some((start, length)) = word.split_once(':') {
        let start = if start.is_empty() { 0 } else { number(start)? };
        let length = match length {
            "" => None,
            length => Some(number(length).filter(|length| *length > 0)?),
        };
        return Some(Slice { start, length });
    }
    if let Some((first, last)) = word.split_once('-') {
        let start = number(first)?;
        let length = number(last)?.checked_sub(start)? + 1;
        return Some(Slice {
            start,
            length: Some(length),
        });
    }
    Some(Slice {
        start: number(word)?,
        length: Some(1),
    })
}
