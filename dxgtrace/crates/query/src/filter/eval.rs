//! Evaluates a filter on a record. Nothing here compares names, and only
//! `matches` on UTF-16 text allocates.

use std::ops::ControlFlow::{Break, Continue};

use super::field_path::ValuePlace;
use super::literal::NumberRange;
use super::node::{FieldQuestion, FilterNode, TextPattern, ValueCheck};
use super::parse::{Quantifier, Slice};
use super::record::{FilterNeeds, FilterRecord};

impl FilterNode {
    /// Whether a record passes.
    pub(super) fn matches(&self, record: &FilterRecord<'_>) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Not(inner) => !inner.matches(record),
            Self::Test(question) => question.matches(record),
        }
    }

    /// The parts of records that the filter uses.
    pub(super) fn needs(&self) -> FilterNeeds {
        match self {
            Self::Or(parts) | Self::And(parts) => parts
                .iter()
                .map(Self::needs)
                .fold(FilterNeeds::PACKET, FilterNeeds::union),
            Self::Not(inner) => inner.needs(),
            Self::Test(question) => question.field.needs(),
        }
    }
}

impl FieldQuestion {
    fn matches(&self, record: &FilterRecord<'_>) -> bool {
        let mut seen = false;
        let all = self.quantifier == Quantifier::All;
        let decided = self.field.for_each(record, &mut |item| {
            let Some(item) = self.part(item) else {
                return Continue(());
            };
            seen = true;
            let passes = self.check.check_value(item) != self.negated;
            if passes == all {
                Continue(())
            } else {
                Break(())
            }
        });
        match decided {
            Break(()) => !all,
            Continue(()) => all && seen,
        }
    }

    /// The slice of a value that the test applies to, if it is present.
    fn part<'a>(&self, item: ValuePlace<'a>) -> Option<ValuePlace<'a>> {
        match (&self.slice, item) {
            (Some(slice), ValuePlace::Bytes(bytes)) => slice.of(bytes).map(ValuePlace::Bytes),
            _ => Some(item),
        }
    }
}

impl Slice {
    fn of<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.get(self.start..).filter(|rest| !rest.is_empty())?;
        match self.length {
            Some(length) => rest.get(..length),
            None => Some(rest),
        }
    }
}

impl ValueCheck {
    fn check_value(&self, item: ValuePlace<'_>) -> bool {
        match item {
            ValuePlace::Number(value) => match self {
                Self::Present => true,
                Self::Range(low, high) => *low <= value && value <= *high,
                Self::Ranges(ranges) => in_ranges(ranges, value),
                Self::Masked(mask, ranges) => in_ranges(ranges, i128::from(value as u64 & mask)),
                Self::Equal(_) | Self::Contains(_) | Self::Matches(_) => false,
            },
            ValuePlace::Bytes(bytes) => self.accepts(bytes),
            ValuePlace::Wide(units) => self.accepts_wide(up_to_nul(units)),
        }
    }

    /// Whether a text or bytes pass the check.
    pub(super) fn accepts(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Equal(patterns) => patterns.iter().any(|pattern| pattern.bytes == bytes),
            Self::Contains(TextPattern { bytes: part, .. }) => contains(bytes, part, 1),
            Self::Matches(regex) => regex.is_match(bytes),
            Self::Range(..) | Self::Ranges(_) | Self::Masked(..) => false,
        }
    }

    fn accepts_wide(&self, units: &[u8]) -> bool {
        match self {
            Self::Equal(patterns) => patterns.iter().any(|pattern| pattern.wide == units),
            Self::Contains(TextPattern { wide, .. }) => contains(units, wide, 2),
            Self::Matches(regex) => regex.is_match(text_of(units).as_bytes()),
            other => other.accepts(units),
        }
    }
}

fn in_ranges(ranges: &[NumberRange], value: i128) -> bool {
    let after = ranges.partition_point(|(low, _)| *low <= value);
    let last = after.checked_sub(1).and_then(|at| ranges.get(at));
    last.is_some_and(|(_, high)| value <= *high)
}

fn contains(bytes: &[u8], part: &[u8], step: usize) -> bool {
    part.is_empty()
        || bytes
            .windows(part.len())
            .step_by(step)
            .any(|window| window == part)
}

/// UTF-16LE text up to its first NUL.
pub(super) fn up_to_nul(units: &[u8]) -> &[u8] {
    let end = units.chunks_exact(2).position(|unit| unit == [0, 0]);
    let end = end.map_or(units.len() & !1, |end| 2 * end);
    units.get(..end).unwrap_or(units)
}

/// Decodes UTF-16LE text, with U+FFFD for invalid units.
pub(super) fn text_of(units: &[u8]) -> String {
    let units = units
        .chunks_exact(2)
        .filter_map(|unit| unit.first_chunk::<2>())
        .map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units)
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
