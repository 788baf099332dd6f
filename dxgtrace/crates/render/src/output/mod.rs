//! Ways to write down what was seen.

mod columns;
mod group;
mod hex;
mod histogram;
pub mod json;
mod prose;
mod statistics;
mod text;
mod time;
mod top;
pub mod wrap;

pub use columns::ColumnWriter;
pub use group::FindingGroups;
pub use hex::hex;
pub use histogram::Histogram;
pub use json::{JsonLines, SCHEMA_VERSION};
pub use prose::{ProseWriter, WIDTH};
pub use statistics::Statistics;
pub use text::{TextDetail, TextWriter};
pub use time::{DeltaBase, TimeColumn, TimeFormat, duration};
pub use top::{SharedTop, TopCounts};
