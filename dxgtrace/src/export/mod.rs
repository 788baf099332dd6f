//! Files that are generated from the description.

mod json_schema;

pub use json_schema::schema;
