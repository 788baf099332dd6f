//! The display filter language.
mod fields;
mod own;
mod record;
mod site;
mod types;
pub use fields::{FieldInfo, PREFIX, field, fields};
pub use record::{Exchange, Needs, Record};
pub use types::{Names, Type};
