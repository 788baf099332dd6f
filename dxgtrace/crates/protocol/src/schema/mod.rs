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
mod form;
mod layout;
mod message;
mod resolve;
mod slice;
mod structure;
mod tail;
pub(crate) mod text;
mod ty;
pub mod values;

pub use field::{
    Field, FieldRole, FieldRule, ObjectEffect, ObjectOwner, QuickAccept, UsedCount, When, before,
    device, field, fields, status, when, when_clear, when_request, when_set,
};
pub use form::{Form, Forms, form};
pub use layout::{BytesOrigin, Layout, LengthSource, RequestValue, layout};
pub use message::{FailureImpact, HeaderProcess, Message, ReplyMode, ResetScope};
pub use slice::BitSlice;
pub use structure::Struct;
pub use tail::{Tail, TailElement, TailLength, structs, tail};
pub use ty::{DriverEra, FieldType, MessageSet, ObjectKind};

/// Most forms that a request, a host message or a reply may have.
pub const MAX_FORMS: usize = 4;
/// Most tails that a layout may have.
pub const MAX_TAILS: usize = 4;
/// Most numbers that the replies of a message may need of its request.
pub const MAX_REQUEST_VALUES: usize = 4;
/// Most runs of padding that the fixed part of a layout may have.
pub const MAX_GAPS: usize = 6;
/// Length of every command header.
pub const HEADER: u16 = 24;
