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

pub use capture::CaptureSink;
pub use flight::{FlightAlarm, FlightRecorder};
pub use numbered::NumberedFiles;
pub use outlet::Outlet;
pub use progress::RecordingProgress;
pub use queue::OutputQueue;
pub use rotation::{FileExtent, Rotation};
pub use target::OutputTarget;
