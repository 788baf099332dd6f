//! Profiles of captures, and differences between two captures.

mod difference;
mod profile;
mod version;

pub use difference::{Difference, differences};
pub use profile::{CaptureProfile, FindingCount, MessageUsage};
pub use version::{VersionChange, VersionReread};
