//! Reads a capture file and analyzes each record.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use dxgtrace_file::{FileRecord, ReadError, Reader};
use dxgtrace_protocol::decode::{Decoded, summary};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_session::check::Finding;
use dxgtrace_session::{Analysis, ObjectChange, ReplyLimits, Session, WaitingRequest};

/// Opens a capture file for analysis.
///
/// # Errors
/// The file cannot be opened, or does not begin as a capture file.
pub fn open(path: impl AsRef<Path>) -> Result<Analyzer<File>, ReadError> {
    dxgtrace_file::open(path.as_ref()).map(Analyzer::new)
}

/// Reads a capture, decodes its packets, and follows the session that they form.
pub struct Analyzer<R> {
    reader: Reader<R>,
    session: Session,
    findings: Vec<Finding>,
}

/// A record of a capture with its analysis.
#[derive(Debug, Clone, Copy)]
pub struct AnalyzedRecord<'a> {
    /// The packet, loss or ioctl.
    pub packet: Packet<'a>,
    /// The channels of the capture that the file has described so far.
    pub channels: &'a [Channel],
    /// The record in the file, with its comments.
    pub record: FileRecord<'a>,
    /// The decoded message, and what the session concludes from it.
    pub analysis: Analysis<'a>,
    /// The request that a reply answers.
    pub request: Option<&'a WaitingRequest>,
    /// The findings about this record.
    pub findings: &'a [Finding],
    /// The objects that this record created, changed or destroyed.
    pub changes: &'a [ObjectChange],
}

impl<R: Read> Analyzer<R> {
    /// An analyzer of the records of `reader`.
    pub fn new(reader: Reader<R>) -> Self {
        Self {
            reader,
            session: Session::new(),
            findings: Vec::new(),
        }
    }

    /// Sets the times after which a reply is slow or missing. Must be called before
    /// the first record is read.
    pub fn with_limits(mut self, limits: ReplyLimits) -> Self {
        self.session = self.session.with_limits(limits);
        self
    }

    /// Returns the next record, or `None` at the end of the file.
    ///
    /// # Errors
    /// The file is damaged here, or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<AnalyzedRecord<'_>>, ReadError> {
        Ok(self.next_with_session()?.map(|(record, _)| record))
    }

    /// Returns the next record, and the session after it.
    ///
    /// # Errors
    /// As for [`Analyzer::next_record`].
    pub fn next_with_session(
        &mut self,
    ) -> Result<Option<(AnalyzedRecord<'_>, &Session)>, ReadError> {
        let Some(record) = self.reader.next_record()? else {
            return Ok(None);
        };
        self.findings.clear();
        let found = &mut |finding| self.findings.push(finding);
        let analysis = self.session.analyze(&record.packet, found);
        let analyzed = AnalyzedRecord {
            packet: record.packet,
            channels: record.channels,
            record,
            analysis,
            request: self.session.answered_request(),
            findings: &self.findings,
            changes: self.session.object_changes(),
        };
        Ok(Some((analyzed, &self.session)))
    }

    /// The session after the records read so far: objects, unanswered requests.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the session and drops the reader.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// Returns the findings that only the end of the capture shows, such as requests
    /// without a reply, each with the number of its packet.
    pub fn finish(&self) -> Vec<(u64, Finding)> {
        let mut findings = Vec::new();
        self.session
            .finish(&mut |packet, finding| findings.push((packet, finding)));
        findings
    }
}

impl<'a> AnalyzedRecord<'a> {
    /// The message, if the record holds one.
    pub fn message(&self) -> Option<&Decoded<'a>> {
        self.analysis.decoded.as_ref()
    }

    /// The time from the request to this reply, in nanoseconds.
    pub fn latency(&self) -> Option<u64> {
        self.request.map(|request| request.latency(&self.packet))
    }

    /// The name of the channel.
    pub fn channel_name(&self) -> &str {
        let channel = self.channels.get(self.packet.interface as usize);
        channel.map_or("?", |channel| channel.name.as_str())
    }

    /// The record in one line.
    pub fn summary(&self) -> impl Display {
        summary(&self.packet, self.analysis.decoded.as_ref())
    }
}
