//! Where packets come from: the live probe, or a capture file.

pub mod header;
