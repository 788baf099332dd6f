//! Why a message cannot be encoded.

use crate::decode::MessagePart;

/// Why a message cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// No message has this name.
    #[error("no message is called `{0}`")]
    UnknownMessage(String),
    /// The message is not sent that way.
    #[error("{message} is no {}", part.name())]
    WrongPart {
        /// Name of the message.
        message: &'static str,
        /// What it was to be.
        part: MessagePart,
    },
    /// The host does not answer the message, or its answer is not public.
    #[error("{message}: no reply is known at interface version {version}")]
    NoReply {
        /// Name of the request.
        message: &'static str,
        /// The interface version.
        version: u32,
    },
    /// What was to be answered is no request of the table.
    #[error("a reply needs a request of a known message")]
    NoRequest,
    /// The message has neither a field nor an array of this name.
    #[error("{message} {}: no field or array is called `{field}`", part.name())]
    UnknownField {
        /// Name of the message.
        message: &'static str,
        /// Which part of it.
        part: MessagePart,
        /// The name.
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
    /// More elements than there is room for, or than another field counts.
    #[error("{message}.{field}: {given} elements, but room for {room}")]
    TooMany {
        /// Name of the message.
        message: &'static str,
        /// Name of the field or array.
        field: &'static str,
        /// Number of elements.
        given: usize,
        /// How many fit.
        room: usize,
    },
    /// Raw bytes that are no whole number of elements.
    #[error("{message}.{field}: {length} bytes are no whole number of {size}-byte elements")]
    PartOfElement {
        /// Name of the message.
        message: &'static str,
        /// Name of the field or array.
        field: &'static str,
        /// Number of bytes.
        length: usize,
        /// Bytes of an element.
        size: usize,
    },
    /// An array of structures was given numbers, or an array of single values
    /// structures.
    #[error("{message}.{field}: its elements are {}", if *structures { "structures: set their members" } else { "no structures" })]
    WrongElements {
        /// Name of the message.
        message: &'static str,
        /// Name of the array.
        field: &'static str,
        /// Whether the elements are structures.
        structures: bool,
    },
    /// The bytes of the field mean something else, since another field does
    /// not have the value that this one depends on.
    #[error("{message}.{field} does not apply: `{decided_by}` says otherwise")]
    NotApplicable {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Name of the field that decides.
        decided_by: &'static str,
    },
    /// The request of a reply was captured only in part, and the length of the
    /// reply depends on what is missing.
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
        /// Its length.
        length: u64,
    },
}
