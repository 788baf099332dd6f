//! The header that a recorder writes before each payload, and its description.

pub mod header;
pub mod layout;
