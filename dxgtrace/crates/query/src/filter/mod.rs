//! The display filter language, and the values of fields as columns.
//!
//! ```
//! use dxgtrace_query::filter::Filter;
//!
//! let filter = Filter::parse("make_resident.alloc_count > 3 and status == PENDING")?;
//! assert_eq!(
//!     filter.to_string(),
//!     "dxg.make_resident.alloc_count > 3 and dxg.status == STATUS_PENDING"
//! );
//! # Ok::<(), dxgtrace_query::filter::FilterError>(())
//! ```
//!
//! The names are those of the description, found by walking it ([`fields`]).
//! [`Filter::parse`] resolves them to offsets in the shapes of messages, and
//! values to ranges of numbers, so that [`Filter::matches`] looks up the
//! packet's message and compares: no names, no allocation.
//! `docs/filters.md` teaches the language.

mod cell;
mod columns;
mod compile;
mod complete;
mod derived;
mod error;
mod eval;
mod field_path;
mod fields;
mod literal;
mod nearest;
mod node;
mod options;
mod parse;
mod print;
mod record;
mod recorded;
mod token;
mod types;

use std::fmt::{self, Display};
use std::str::FromStr;

use node::FilterNode;

pub use columns::ColumnFields;
pub use complete::{CandidateKind, CompletionCandidate, complete};
pub use error::FilterError;
use fields::FIELDS;
pub use fields::{FieldInfo, FilterFields, PREFIX, field, fields};
pub use options::{ColumnQuote, FieldOptions, Occurrence, OptionError};
pub use record::{Exchange, FilterNeeds, FilterRecord};
pub use types::{ValueNames, ValueType};

/// A compiled filter. Its [`Display`] is its canonical form, which parses to an
/// equal filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The root of the tree; without one, every record passes.
    root: Option<FilterNode>,
}

impl Filter {
    /// Parses a filter. A blank filter passes every record.
    pub fn parse(input: &str) -> Result<Self, FilterError> {
        Self::parse_with(&FIELDS, input)
    }

    /// Parses a filter over the fields of a catalog other than the built-in one.
    pub fn parse_with(fields: &'static FilterFields, input: &str) -> Result<Self, FilterError> {
        let root = match parse::parse(input).map_err(|error| error.with_input(input))? {
            Some(expr) => {
                Some(compile::compile(expr, fields).map_err(|error| error.with_input(input))?)
            }
            None => None,
        };
        Ok(Self { root })
    }

    /// Whether a record passes. Parts that [`Self::needs`] does not list may be
    /// left out of `record`.
    pub fn matches(&self, record: &FilterRecord<'_>) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(record))
    }

    /// The parts of a record that the result depends on.
    pub fn needs(&self) -> FilterNeeds {
        self.root
            .as_ref()
            .map_or(FilterNeeds::PACKET, FilterNode::needs)
    }

    /// Whether the filter is blank, so that every record passes.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(input: &str) -> Result<Self, FilterError> {
        Self::parse(input)
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Some(root) => root.fmt(f),
            None => Ok(()),
        }
    }
}
