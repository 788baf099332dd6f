//! Where packets come from: the live probe, or a capture file.

pub mod channels;
pub mod file;
pub mod filter;
pub mod header;
#[cfg(target_os = "linux")]
pub mod live;
