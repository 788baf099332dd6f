//! Definitions shared by the probe and user space: the hooked functions, and the
//! records of the ring buffer.
//!
//! The library is plain `no_std` Rust and builds on any host; the probe itself
//! (`main.rs` and its modules) is only ever built for a BPF target.
#![no_std]

pub mod functions;
pub mod record;
