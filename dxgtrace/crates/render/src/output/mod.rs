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
mod wrap;

pub use columns::Columns;
pub use group::Groups;
pub use hex::hex;
pub use histogram::Histogram;
pub use json::{Json, SCHEMA_VERSION};
pub use prose::{Prose, WIDTH};
pub use statistics::Statistics;
pub use text::{Detail, Text};
pub use time::{After, TimeColumn, TimeFormat, duration};
pub use top::{Fed, Top};
