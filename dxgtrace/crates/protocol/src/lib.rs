//! The GPU paravirtualization protocol between Linux's `dxgkrnl` driver and its
//! Windows host: the table of messages, and the code that walks it.
//!
//! * [`schema`] defines the types that describe messages.
//! * [`table`] describes every message and every named value, once.
//! * [`decode`] locates the parts of a message in bytes.
//! * [`encode`] is the inverse: it builds a message from names and values.
//! * [`packet`] is a VMBus packet with its record header ([`record`]).
//!
//! The crate does no I/O. It borrows the bytes it is given.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod decode;
pub mod encode;
pub mod packet;
pub mod record;
pub mod schema;
pub mod table;
