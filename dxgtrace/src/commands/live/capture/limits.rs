//! When a capture ends by itself, and when a file of it does.

use std::time::{Duration, Instant};

use crate::commands::Failure;
use crate::commands::live_arguments::{CaptureArgs, Limit};
use dxgtrace_file::recording::{FileExtent, RecordingProgress};

/// When a capture ends by itself.
pub struct CaptureLimits {
    pub messages: u64,
    duration: Option<Duration>,
    /// Full files.
    files: u64,
}

impl CaptureLimits {
    /// What the arguments say of it.
    ///
    /// # Errors
    /// They make no sense together.
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

    /// It goes on until it is stopped.
    pub fn none() -> Self {
        Self {
            messages: u64::MAX,
            duration: None,
            files: u64::MAX,
        }
    }

    /// When time is up, counted from now.
    pub fn until(&self) -> Option<Instant> {
        Instant::now().checked_add(self.duration?)
    }

    /// Whether the files are all full.
    pub fn files_full(&self, progress: &RecordingProgress) -> bool {
        progress.full.get() && progress.files.get() >= self.files
    }
}

/// How large a file or what is held may become, and how many files stay.
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
