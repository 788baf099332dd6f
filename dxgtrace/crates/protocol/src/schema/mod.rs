//! The vocabulary in which messages are described.
//!
//! A [`Message`] is a constant. Its layouts name their fields at the offsets
//! that the C compiler gave them, counted from the 24-byte command header (of
//! replies: from the first payload byte), and then the tails: the arrays that
//! follow, each with a rule for its length. Everything that depends on names
//! is resolved here, at compile time; a mistake stops the build and names the
//! message.

mod check;
mod field;
mod layout;
mod message;
mod tail;
pub(crate) mod text;
mod ty;
pub mod values;

pub use field::{
    Field, FieldRole, FieldRule, ObjectEffect, ObjectOwner, Plain, Struct, When, before, device,
    field, status, when, when_clear, when_request, when_set,
};
pub use layout::{BytesOrigin, Fact, Layout, LengthSource, layout};
pub use message::{Message, Reply, ReplyMode, Starts, Subject, Weight};
pub use tail::{Tail, TailElement, TailLength, structs, tail};
pub use ty::{DriverEra, FieldType, MessageSet, ObjectKind};

/// Most tails that a layout may have.
pub const MAX_TAILS: usize = 4;
/// Most numbers that the replies of a message may need of its request.
pub const MAX_FACTS: usize = 4;
/// Most runs of padding that the fixed part of a layout may have.
pub const MAX_GAPS: usize = 6;
/// Length of every command header.
pub const HEADER: u16 = 24;
