//! Where packets come from: the live probe, or a capture file.

pub mod file;
pub mod header;
