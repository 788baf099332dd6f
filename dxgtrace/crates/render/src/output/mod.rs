//! Writers for entries of a capture.

mod columns;
mod finding_groups;
mod hex;
mod histogram;
pub mod json;
mod prose;
mod statistics;
mod text;
mod time;
mod top;
mod verdict;
pub mod wrap;

pub use columns::ColumnWriter;
pub use finding_groups::FindingGroups;
pub use hex::write_hex;
pub use histogram::Histogram;
pub use json::{JsonLines, SCHEMA_VERSION};
pub use prose::{ProseWriter, WIDTH};
pub use statistics::{Statistics, WaitText};
pub use text::{TextDetail, TextWriter};
pub use time::{DeltaBase, TimeColumn, TimeFormat, duration};
pub use top::{SharedTop, TopCounts};
pub use verdict::CaptureVerdict;
