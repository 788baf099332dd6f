//! The GPU paravirtualization protocol between Linux's `dxgkrnl` driver and its
//! Windows host: every message described once, and code that walks the
//! description.
//!
//! * [`schema`] is the vocabulary in which messages are described.
//! * [`table`] holds the descriptions and every named value.
//! * [`decode`] locates the parts of a message in bytes.
//! * [`encode`] is its inverse: names and values to bytes.
//! * [`packet`] is one VMBus packet with its record header ([`record`]).
//!
//! No I/O: bytes in, borrowed views out.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod decode;
pub mod encode;
pub mod packet;
pub mod record;
pub mod schema;
pub mod table;
