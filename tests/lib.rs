//! Helpers shared by the tests.

pub mod conversation;
pub mod differential;
pub mod exercise;
pub mod findings;
pub mod generate;
pub mod later;
pub mod many;
pub mod program;
pub mod recording;
pub mod requirement;
pub mod rule_samples;
#[cfg(target_os = "linux")]
pub mod running;
pub mod screen;
pub mod story;
pub mod synthetic;
pub mod traffic;

use std::path::PathBuf;

/// The folder of sample captures.
pub fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"))
}

/// The folder of inputs other than captures.
pub fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}
