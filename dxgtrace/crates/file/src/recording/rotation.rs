//! The sink that writes a ring of capture files.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{CaptureOutput, CaptureSink, NumberedFiles, RecordingProgress};
use crate::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Limits of a file, or of what the flight recorder keeps. `None` is unlimited.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileExtent {
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// Number of records.
    pub records: Option<u64>,
    /// Time since the file was begun, or age of the oldest entry.
    pub duration: Option<Duration>,
}

impl FileExtent {
    /// Whether there is no limit.
    pub fn is_unlimited(&self) -> bool {
        self.bytes.is_none() && self.records.is_none() && self.duration.is_none()
    }
}

/// Writes entries to one file after the other. Each file can be read without the
/// others: it begins with the descriptions of all channels known by then.
pub struct Rotation {
    files: NumberedFiles,
    extent: FileExtent,
    about: CaptureOrigin,
    progress: Rc<RecordingProgress>,
    current: CaptureSink<CaptureOutput>,
    began: Instant,
}

impl Rotation {
    /// Begins the first file at `output`. The following ones are created by
    /// `files` whenever `extent` is reached. Every file names `about` in its
    /// header.
    ///
    /// # Errors
    /// The section header cannot be written to `output`.
    pub fn new(
        output: CaptureOutput,
        files: NumberedFiles,
        extent: FileExtent,
        about: CaptureOrigin,
        progress: Rc<RecordingProgress>,
    ) -> io::Result<Self> {
        let writer = Writer::new(output, &about, FlushPolicy::EveryRecord)?;
        // Standard output was not created by `files`, but counts as a file.
        progress.files.set(files.created().max(1));
        Ok(Self {
            files,
            extent,
            about,
            progress,
            current: CaptureSink::new(writer),
            began: Instant::now(),
        })
    }

    fn is_full(&self) -> bool {
        let FileExtent {
            bytes,
            records,
            duration,
        } = self.extent;
        bytes.is_some_and(|bytes| self.current.bytes() >= bytes)
            || records.is_some_and(|records| self.current.records() >= records)
            || duration.is_some_and(|duration| self.began.elapsed() >= duration)
    }

    /// Completes the current file and begins the next one, whose first entry is
    /// `entry`.
    fn begin_next_file(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.current.close()?;
        let output = CaptureOutput::new(self.files.create(entry.packet.time)?)?;
        self.files.remove_surplus();
        let comment = format!(
            "File {} of a capture. Findings count packets over all of it: the first one here is {}.",
            self.files.created(),
            entry.packet.number
        );
        let mut writer =
            Writer::with_comment(output, &self.about, &comment, FlushPolicy::EveryRecord)?;
        writer.describe_all(entry.channels)?;
        self.current = CaptureSink::new(writer);
        self.began = Instant::now();
        self.progress.files.set(self.files.created());
        Ok(())
    }
}

impl Sink for Rotation {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        // Not earlier: there may be no next entry, and no file should be empty.
        if self.is_full() {
            self.begin_next_file(entry)?;
        }
        self.current.entry(entry)?;
        self.progress.full.set(self.is_full());
        Ok(())
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        self.current.finding(packet, finding)
    }

    fn idle(&mut self) -> io::Result<()> {
        self.progress.full.set(self.is_full());
        self.current.idle()
    }

    fn end(&mut self, totals: &Totals) -> io::Result<()> {
        self.current.end(totals)
    }
}
