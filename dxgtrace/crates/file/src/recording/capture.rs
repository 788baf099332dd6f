//! Entries as a capture file, findings as comments.

use std::io::{self, Write};

use crate::{WriteError, Writer};
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Writes entries into a capture file.
pub struct CaptureSink<W> {
    writer: Option<Writer<W>>,
    comments: Vec<String>,
}

impl<W: Write> CaptureSink<W> {
    /// Entries go to `writer`.
    pub fn new(writer: Writer<W>) -> Self {
        Self {
            writer: Some(writer),
            comments: Vec::new(),
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::bytes)
    }

    /// Records written so far.
    pub fn records(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::records)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The output refuses.
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
        // Its packet has been written already; who reads the file finds it
        // again.
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
