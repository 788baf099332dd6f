//! The sink that writes one capture file, with findings as comments.

use std::io::{self, Write};

use crate::{WriteError, Writer};
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Writes entries to a capture file, and their findings as comments.
pub struct CaptureSink<W> {
    writer: Option<Writer<W>>,
    comments: Vec<String>,
}

impl<W: Write> CaptureSink<W> {
    /// A sink that writes to `writer`.
    pub fn new(writer: Writer<W>) -> Self {
        Self {
            writer: Some(writer),
            comments: Vec::new(),
        }
    }

    /// Size of the file in bytes; 0 once it is closed.
    pub fn bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::bytes)
    }

    /// Number of records written; 0 once the file is closed.
    pub fn records(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::records)
    }

    /// Completes the file; later entries are dropped.
    ///
    /// # Errors
    /// The output fails.
    pub fn close(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for CaptureSink<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.comments.clear();
        let comments = entry.findings.iter().map(Finding::comment);
        self.comments.extend(comments);
        match &mut self.writer {
            Some(writer) => Ok(writer.write(entry.packet, entry.channels, &self.comments)?),
            None => Ok(()),
        }
    }

    fn finding(&mut self, _: u64, _: &Finding) -> io::Result<()> {
        // The packet is already in the file. Reading the file finds it again.
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => Ok(writer.flush()?),
            None => Ok(()),
        }
    }

    fn end(&mut self, _: &Totals) -> io::Result<()> {
        self.close()
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Io(error) => error,
            other => Self::other(other),
        }
    }
}
