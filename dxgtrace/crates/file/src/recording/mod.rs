//! Captures as they are written: one file, a ring of files, a flight recorder,
//! and a bounded queue before readers that may pause.

mod capture;
mod flight;
mod numbered;
mod outlet;
mod progress;
mod queue;
mod rotation;
mod target;

pub use capture::Capture;
pub use flight::{Alarm, Flight};
pub use numbered::Numbered;
pub use outlet::Outlet;
pub use progress::Progress;
pub use queue::Queue;
pub use rotation::{Extent, Rotation};
pub use target::Target;
