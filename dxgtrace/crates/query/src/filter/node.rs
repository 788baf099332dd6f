//! The compiled filter: a tree of tests.

use regex::bytes::Regex;

use super::fields::FieldInfo;
use super::literal::NumberRange;
use super::parse::{Quantifier, Slice};

/// A node of a compiled filter.
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

/// A test of one field.
#[derive(Debug, Clone)]
pub(super) struct FieldQuestion {
    /// The field.
    pub(super) field: &'static FieldInfo,
    /// How many of several values must pass.
    pub(super) quantifier: Quantifier,
    /// Whether values pass that fail the check.
    pub(super) negated: bool,
    /// The slice of a value that is checked.
    pub(super) slice: Option<Slice>,
    /// The check.
    pub(super) check: ValueCheck,
    /// The canonical text of the test.
    pub(super) text: String,
}

/// A check of one value.
#[derive(Debug, Clone)]
pub(super) enum ValueCheck {
    /// The value is present.
    Present,
    /// It lies in this range.
    Range(i128, i128),
    /// It lies in one of these ranges, which are sorted and disjoint.
    Ranges(Box<[NumberRange]>),
    /// Under this mask, it lies in one of these ranges.
    Masked(u64, Box<[NumberRange]>),
    /// It equals one of these texts.
    Equal(Box<[TextPattern]>),
    /// It contains this text.
    Contains(TextPattern),
    /// It matches this expression.
    Matches(Regex),
}

/// A text in the two encodings that occur.
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
