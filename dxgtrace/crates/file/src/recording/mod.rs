//! Output of a live capture.
//!
//! Three sinks take the entries: [`CaptureSink`] writes one file, [`Rotation`]
//! a ring of files, [`FlightRecorder`] keeps the latest entries in memory and
//! writes a file on request. Files are named by [`NumberedFiles`]. All write
//! through [`CaptureOutput`]: directly to a file, or through an [`OutputQueue`] to a
//! pipe or terminal, whose reader may stall. [`RecordingProgress`] is the state
//! that a sink shares with the capture loop.

mod capture_output;
mod capture_sink;
mod flight_recorder;
mod numbered_files;
mod output_queue;
mod output_target;
mod recording_progress;
mod rotation;

pub use capture_output::CaptureOutput;
pub use capture_sink::CaptureSink;
pub use flight_recorder::{FlightAlarm, FlightRecorder};
pub use numbered_files::NumberedFiles;
pub use output_queue::OutputQueue;
pub use output_target::OutputTarget;
pub use recording_progress::{RecordingProgress, SavedFile};
pub use rotation::{FileExtent, Rotation};
