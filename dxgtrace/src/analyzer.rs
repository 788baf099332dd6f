//! A capture file and its session together: records with all that is known of
//! them.

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

/// Reads a capture, decodes its packets and follows what they mean together.
pub struct Analyzer<R> {
    reader: Reader<R>,
    session: Session,
    findings: Vec<Finding>,
}

/// A record of a capture with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct AnalyzedRecord<'a> {
    /// The packet, loss or ioctl.
    pub packet: Packet<'a>,
    /// The capture's channels, as far as they are known.
    pub channels: &'a [Channel],
    /// The record in the file, with its comments.
    pub record: FileRecord<'a>,
    /// Its message, and what it says.
    pub analysis: Analysis<'a>,
    /// Of a reply: the request that it answers.
    pub request: Option<&'a WaitingRequest>,
    /// What is wrong with it.
    pub findings: &'a [Finding],
    /// What it did to objects.
    pub changes: &'a [ObjectChange],
}

impl<R: Read> Analyzer<R> {
    /// Analyzes what a reader returns.
    pub fn new(reader: Reader<R>) -> Self {
        Self {
            reader,
            session: Session::new(),
            findings: Vec::new(),
        }
    }

    /// The same with other limits on the host's time. For a capture of which
    /// no record was read yet.
    pub fn within(mut self, limits: ReplyLimits) -> Self {
        self.session = self.session.within(limits);
        self
    }

    /// The next record, or `None` behind the last.
    ///
    /// # Errors
    /// The file is damaged here, or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<AnalyzedRecord<'_>>, ReadError> {
        Ok(self.next_with_session()?.map(|(record, _)| record))
    }

    /// The next record, and what is known after it.
    ///
    /// # Errors
    /// As of [`Analyzer::next_record`].
    pub fn next_with_session(
        &mut self,
    ) -> Result<Option<(AnalyzedRecord<'_>, &Session)>, ReadError> {
        let Some(record) = self.reader.next_record()? else {
            return Ok(None);
        };
        self.findings.clear();
        let found = &mut |finding| self.findings.push(finding);
        let analysis = self.session.see(&record.packet, found);
        let analyzed = AnalyzedRecord {
            packet: record.packet,
            channels: record.channels,
            record,
            analysis,
            request: self.session.answered(),
            findings: &self.findings,
            changes: self.session.changes(),
        };
        Ok(Some((analyzed, &self.session)))
    }

    /// What is known after the records so far: objects, requests that wait.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, of an analyzer that is needed no more.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// What only the end of the capture shows, with the numbers of the packets
    /// that it is about: requests without a reply, above all.
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

    /// Of a reply: time since its request, in nanoseconds.
    pub fn latency(&self) -> Option<u64> {
        self.request.map(|request| request.latency(&self.packet))
    }

    /// Name of the channel.
    pub fn channel_name(&self) -> &str {
        let channel = self.channels.get(self.packet.interface as usize);
        channel.map_or("?", |channel| channel.name.as_str())
    }

    /// The record in one line.
    pub fn summary(&self) -> impl Display {
        summary(&self.packet, self.analysis.decoded.as_ref())
    }
}
