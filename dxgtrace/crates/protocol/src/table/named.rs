//! Everything that a message may refer to by name.

pub use super::enums::*;
pub use super::flags::*;
pub use super::structs::*;
pub use crate::schema::Object::*;
pub use crate::schema::Set::*;
pub use crate::schema::Ty::*;
