//! Where packets come from: the live probe, or a capture file.

pub mod file;
pub mod header;
#[cfg(target_os = "linux")]
pub mod live;
