//! Tools shared by the tests.

pub mod program;
pub mod recording;
pub mod rule_samples;
pub mod story;
pub mod synthetic;

use std::path::PathBuf;

/// The folder of sample captures.
pub fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"))
}
