//! Encodes messages: the inverse of [`crate::decode`].
//!
//! [`request`], [`event`] and [`reply_to`] start a message,
//! [`MessageBuilder::set`] sets fields and arrays by name, and
//! [`MessageBuilder::build`] encodes it:
//!
//! ```
//! use dxgtrace_protocol::encode;
//!
//! let request = encode::request("create_device")
//!     .process(0x40)
//!     .set("error_code", 0xffff_8000_1234_5678_u64)
//!     .build()?;
//! let reply = request.reply()?.set("device", 0x4000_0000).build()?;
//! assert_eq!(reply.decode()?.summary().to_string(), "create_device reply device=0x40000000");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A field that is not set has the value that every driver sends
//! ([`FieldRule::Always`](crate::schema::FieldRule)), else 0. A count that is not set is
//! derived from its array. An array that is shorter than its count is padded with zeros.
//!
//! Values must fit into their fields. No other rule is checked: a value that the
//! protocol forbids is encoded, so that the reaction of hosts and drivers can be tested.
//!
//! This code names no message.

mod alternatives;
mod builder;
mod draft;
mod error;
mod lengths;
mod place;
mod set;
#[cfg(test)]
mod tests;
mod value;

pub use builder::{
    EncodedMessage, MessageBuilder, copy_of, event, event_at, reply_to, request, request_at,
};
pub use error::EncodeError;
pub use place::write_field;
pub use value::FieldValue;
