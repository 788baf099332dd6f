//! The errors of the encoder.

use crate::decode::MessagePart;

/// The error for a message that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// No message has this name.
    #[error("no message is called `{0}`")]
    UnknownMessage(String),
    /// The message has no such part.
    #[error("{message} is no {}", part.name())]
    WrongPart {
        /// Name of the message.
        message: &'static str,
        /// The part that was requested.
        part: MessagePart,
    },
    /// The message has no reply, or its reply is not public.
    #[error("{message}: no reply is known at interface version {version}")]
    NoReply {
        /// Name of the request.
        message: &'static str,
        /// The interface version.
        version: u32,
    },
    /// A reply was started for something that is not a request of the table.
    #[error("a reply needs a request of a known message")]
    NoRequest,
    /// The message has neither a field nor an array of this name.
    #[error("{message} {}: no field or array is called `{field}`", part.name())]
    UnknownField {
        /// Name of the message.
        message: &'static str,
        /// The part of the message.
        part: MessagePart,
        /// The unknown name.
        field: String,
    },
    /// The value has more bits than the field.
    #[error("{message}.{field}: {value} does not fit into {bits} bits")]
    TooLarge {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The value.
        value: i128,
        /// Width of the field.
        bits: u32,
    },
    /// The field's type has no such name, or no names at all.
    #[error("{message}.{field}: no value is called `{name}`")]
    UnknownName {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// There are more elements than fit, or than another field counts.
    #[error("{message}.{field}: {given} elements, but room for {room}")]
    TooMany {
        /// Name of the message.
        message: &'static str,
        /// Name of the field or array.
        field: &'static str,
        /// Number of elements.
        given: usize,
        /// Number of elements that fit.
        room: usize,
    },
    /// The number of bytes is not a multiple of the element size.
    #[error("{message}.{field}: {length} bytes are no whole number of {size}-byte elements")]
    PartOfElement {
        /// Name of the message.
        message: &'static str,
        /// Name of the field or array.
        field: &'static str,
        /// Number of bytes.
        length: usize,
        /// Size of an element in bytes.
        size: usize,
    },
    /// Numbers were given for an array of structures, or structures for an array of single
    /// values.
    #[error("{message}.{field}: its elements are {}", if *structures { "structures: set their members" } else { "no structures" })]
    WrongElements {
        /// Name of the message.
        message: &'static str,
        /// Name of the array.
        field: &'static str,
        /// Whether the elements are structures.
        structures: bool,
    },
    /// The field does not apply, because the field that decides has another value.
    #[error("{message}.{field} does not apply: `{decided_by}` says otherwise")]
    NotApplicable {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Name of the field that decides.
        decided_by: &'static str,
    },
    /// The length of the reply depends on a part of the request that was not captured.
    #[error("{message}: the request was not captured up to what tells the length of `{field}`")]
    RequestCut {
        /// Name of the message.
        message: &'static str,
        /// Name of the array.
        field: &'static str,
    },
    /// The message is longer than a packet can be.
    #[error("{message}: {length} bytes do not fit into a packet")]
    TooLong {
        /// Name of the message.
        message: &'static str,
        /// Length in bytes.
        length: u64,
    },
}
