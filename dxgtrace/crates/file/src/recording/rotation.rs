//! A ring of capture files: entries go to one file after the other.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{CaptureSink, NumberedFiles, Outlet, RecordingProgress};
use crate::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// When a file is full. Where nothing is said, it never is.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileExtent {
    /// At so many bytes.
    pub bytes: Option<u64>,
    /// At so many records.
    pub records: Option<u64>,
    /// After so long.
    pub duration: Option<Duration>,
}

impl FileExtent {
    /// Whether nothing is said.
    pub fn is_none(&self) -> bool {
        self.bytes.is_none() && self.records.is_none() && self.duration.is_none()
    }
}

/// Writes entries into files, each of which can be read alone: it has all
/// channels that are known when it begins.
pub struct Rotation {
    files: NumberedFiles,
    extent: FileExtent,
    about: CaptureOrigin,
    progress: Rc<RecordingProgress>,
    current: CaptureSink<Outlet>,
    began: Instant,
}

impl Rotation {
    /// Begins with a first file to which `outlet` leads; `files` makes the
    /// further ones, which all say `about` at their beginning.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn new(
        outlet: Outlet,
        files: NumberedFiles,
        extent: FileExtent,
        about: CaptureOrigin,
        progress: Rc<RecordingProgress>,
    ) -> io::Result<Self> {
        let writer = Writer::new(outlet, &about, FlushPolicy::EveryRecord)?;
        // Standard output is one that was there.
        progress.files.set(files.made().max(1));
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

    /// Ends the file and begins the next one.
    fn turn(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.current.close()?;
        let outlet = Outlet::new(self.files.create(entry.packet.time)?)?;
        self.files.remove_surplus();
        let comment = format!(
            "File {} of a capture. Findings count packets over all of it: the first one here is {}.",
            self.files.made(),
            entry.packet.number
        );
        let mut writer =
            Writer::with_comment(outlet, &self.about, &comment, FlushPolicy::EveryRecord)?;
        writer.describe_all(entry.channels)?;
        self.current = CaptureSink::new(writer);
        self.began = Instant::now();
        self.progress.files.set(self.files.made());
        Ok(())
    }
}

impl Sink for Rotation {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        // Only now, so that no file is empty.
        if self.is_full() {
            self.turn(entry)?;
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
