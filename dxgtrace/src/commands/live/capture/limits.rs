//! Limits of a capture and of its files.

use std::time::{Duration, Instant};

use crate::commands::Failure;
use crate::commands::live_arguments::{CaptureArgs, Limit};
use dxgtrace_file::recording::{FileExtent, RecordingProgress};

/// The limits at which a capture stops.
pub struct CaptureLimits {
    /// Number of messages.
    pub messages: u64,
    duration: Option<Duration>,
    /// Number of full files.
    files: u64,
}

impl CaptureLimits {
    /// The limits that `args` set.
    ///
    /// # Errors
    /// A limit does not apply to the output.
    pub fn new(args: &CaptureArgs) -> Result<Self, Failure> {
        let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
        let ring = !args.ring.is_empty();
        let mut limits = Self {
            messages: args.count.unwrap_or(u64::MAX),
            ..Self::none()
        };
        for stop in &args.stop {
            match *stop {
                Limit::Packets(count) => limits.messages = limits.messages.min(count),
                Limit::Duration(duration) => limits.duration = Some(duration),
                Limit::Files(files) if ring => limits.files = files,
                Limit::Files(_) => return usage("-a files:N goes with -b"),
                Limit::Bytes(_) if args.write.is_none() || !args.keep.is_empty() || ring => {
                    return usage(
                        "-a filesize:KB goes with -w and one file; with -b, say -b filesize:KB",
                    );
                }
                Limit::Bytes(_) => limits.files = 1,
            }
        }
        Ok(limits)
    }

    /// No limits.
    pub fn none() -> Self {
        Self {
            messages: u64::MAX,
            duration: None,
            files: u64::MAX,
        }
    }

    /// The end of the duration, counted from now.
    pub fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.duration?)
    }

    /// Whether the limit of full files is reached.
    pub fn files_full(&self, progress: &RecordingProgress) -> bool {
        progress.full.get() && progress.files.get() >= self.files
    }
}

/// The maximum extent of a file or of the flight recorder's memory, and the number of
/// files to keep.
pub fn extent(limits: &[Limit]) -> (FileExtent, Option<u64>) {
    let (mut extent, mut files) = (FileExtent::default(), None);
    for limit in limits {
        match *limit {
            Limit::Duration(duration) => extent.duration = Some(duration),
            Limit::Packets(records) => extent.records = Some(records),
            Limit::Bytes(bytes) => extent.bytes = Some(bytes),
            Limit::Files(count) => files = Some(count),
        }
    }
    (extent, files)
}
