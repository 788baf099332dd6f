//! Everything that a message may refer to by name.

pub use super::enums::*;
pub use super::flags::*;
pub use super::schema::Object::*;
pub use super::schema::Set::*;
pub use super::schema::Ty::*;
pub use super::structs::*;
