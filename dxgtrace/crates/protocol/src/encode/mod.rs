//! Messages to bytes: the inverse of [`crate::decode`].
//!
//! [`request`], [`event`] and [`reply_to`] begin a message,
//! [`MessageBuilder::set`] gives its fields and arrays values by their names,
//! and [`MessageBuilder::build`] lays it out:
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
//! A field that is not set holds what every driver sends
//! ([`FieldRule::Always`](crate::schema::FieldRule)), else zero. A count that
//! is not set follows from the array that it counts. An array that is shorter
//! than its count is filled up with zeros.
//!
//! Values must fit into their fields. They are not judged otherwise: a value
//! that the protocol forbids is encoded, so that what hosts and drivers make of
//! it can be tested.
//!
//! Everything here walks the description; no message is named.

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
    EncodedMessage, MessageBuilder, event, event_at, like, reply_to, request, request_at,
};
pub use error::EncodeError;
pub use place::put;
pub use value::FieldValue;
