//! A filter with its names resolved: a tree of tests.

use regex::bytes::Regex;

use super::fields::FieldInfo;
use super::literal::NumberRange;
use super::parse::{Quantifier, Slice};

/// A filter ready to be asked.
#[derive(Debug, Clone)]
pub(super) enum FilterNode {
    /// One of them holds.
    Or(Box<[Self]>),
    /// All of them hold.
    And(Box<[Self]>),
    /// It does not hold.
    Not(Box<Self>),
    /// A field has certain values.
    Test(Box<FieldQuestion>),
}

/// A question about one field.
#[derive(Debug, Clone)]
pub(super) struct FieldQuestion {
    /// The field.
    pub(super) field: &'static FieldInfo,
    /// Of several values, how many must pass.
    pub(super) quantifier: Quantifier,
    /// Whether values pass that do not have what is asked.
    pub(super) negated: bool,
    /// Which part of a value counts.
    pub(super) slice: Option<Slice>,
    /// What is asked.
    pub(super) check: ValueCheck,
    /// The question as it is written.
    pub(super) text: String,
}

/// What is asked of a value.
#[derive(Debug, Clone)]
pub(super) enum ValueCheck {
    /// To be there.
    Present,
    /// To lie in this range.
    Range(i128, i128),
    /// To lie in one of these ranges, which are sorted and apart.
    Ranges(Box<[NumberRange]>),
    /// To lie, but for the other bits, in one of these ranges.
    Masked(u64, Box<[NumberRange]>),
    /// To be one of these texts.
    Equal(Box<[TextPattern]>),
    /// To contain this text.
    Contains(TextPattern),
    /// To match this expression.
    Matches(Regex),
}

/// A text in both encodings that occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextPattern {
    /// As bytes.
    pub(super) bytes: Vec<u8>,
    /// As UTF-16LE.
    pub(super) wide: Vec<u8>,
}

impl TextPattern {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let wide = String::from_utf8_lossy(&bytes)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        Self { bytes, wide }
    }
}
