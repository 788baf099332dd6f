//! What a capture holds in numbers, and how two captures differ.

mod difference;
mod profile;
mod version;

pub use difference::{Difference, differences};
pub use profile::{Found, Profile, Usage};
pub use version::{Reread, Rereading};
