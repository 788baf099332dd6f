//! What a capture holds in numbers, and how two captures differ.

mod difference;
mod profile;
mod version;

pub use difference::{Difference, differences};
pub use profile::{CaptureProfile, FindingCount, MessageUsage};
pub use version::{VersionChange, VersionReread};
