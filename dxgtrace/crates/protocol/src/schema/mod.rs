//! The types that describe messages.
//!
//! A [`Message`] is a constant. A [`Layout`] lists the fields at their C offsets,
//! counted from the 24-byte command header (in replies, from the first payload
//! byte), and then the tails: the arrays after the fixed part, each with a rule for
//! its length. Names are resolved at compile time. A mistake fails the build with
//! an error that names the message.

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
    Field, FieldRole, FieldRule, ObjectEffect, ObjectOwner, QuickAccept, UsedCount, When,
    device_field, field, fields, fields_before, status_field, when, when_clear, when_request,
    when_set,
};
pub use form::{Form, Forms, form};
pub use layout::{BytesOrigin, Layout, LengthSource, RequestValue, layout};
pub use message::{FailureImpact, HeaderProcess, Message, ReplyMode, ResetScope};
pub use slice::BitSlice;
pub use structure::Struct;
pub use tail::{Tail, TailElement, TailLength, struct_tail, tail};
pub use ty::{DriverEra, FieldType, MessageSet, ObjectKind};

/// Maximum number of forms of a request, host message or reply.
pub const MAX_FORMS: usize = 4;
/// Maximum number of tails of a layout.
pub const MAX_TAILS: usize = 4;
/// Maximum number of request values that the replies of a message depend on.
pub const MAX_REQUEST_VALUES: usize = 4;
/// Maximum number of padding runs in the fixed part of a layout.
pub const MAX_GAPS: usize = 6;
/// Length of a command header in bytes.
pub const HEADER: u16 = 24;
