//! What is generated from the description: the Wireshark dissector, the
//! protocol reference and the page of findings. All of it is checked in;
//! `make generate` writes it again.

mod findings;
mod lua;
mod reference;

pub use findings::findings;
pub use lua::lua;
pub use reference::reference;
