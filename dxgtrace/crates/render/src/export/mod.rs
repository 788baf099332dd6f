//! Generated files: the Wireshark dissector and profile, the protocol reference, the page of
//! findings, the tables of the capture format and the JSON schema. `make generate` writes
//! those that are checked in.

mod capture_format;
mod findings;
mod json_schema;
mod lua;
mod named_sets;
mod profile;
mod reference;

pub use capture_format::capture_format;
pub use findings::findings;
pub use json_schema::{schema, schema_of};
pub use lua::{lua, lua_of, reported_in_wireshark};
pub use profile::{PROFILE, profile};
pub use reference::reference;
