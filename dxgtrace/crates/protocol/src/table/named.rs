//! The names that descriptions of messages use.

pub use super::enums::*;
pub use super::flags::*;
pub use super::structs::*;
pub use crate::schema::FieldType::*;
pub use crate::schema::MessageSet::*;
pub use crate::schema::ObjectKind::*;
