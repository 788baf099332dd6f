//! What is generated from the description: the Wireshark dissector, the
//! protocol reference, the page of findings and the JSON schema. All are
//! checked in; `make generate` writes them again.

mod findings;
mod json_schema;
mod lua;
mod named;
mod reference;

pub use findings::findings;
pub use json_schema::schema;
pub use lua::{lua, told_in_wireshark};
pub use reference::reference;
