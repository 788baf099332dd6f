//! An analyzed packet, and the trait of its consumers.

use std::io;

use dxgtrace_protocol::record::header::{LostPackets, RecordKind};

use crate::check::{Finding, Severity};
use crate::{Analysis, ObjectChange, WaitingRequest};
use dxgtrace_protocol::decode::summary;
use dxgtrace_protocol::packet::{Channel, Packet};

/// An analyzed packet.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// The capture's channels that are known so far.
    pub channels: &'a [Channel],
    /// Its message and outcome.
    pub analysis: &'a Analysis<'a>,
    /// The request that it answers, if it is a reply.
    pub request: Option<&'a WaitingRequest>,
    /// Its findings.
    pub findings: &'a [Finding],
    /// The objects that it created, ended or revealed.
    pub changes: &'a [ObjectChange],
    /// Packet number of the reply, if it is a request and the whole capture was
    /// read.
    pub reply_in: Option<u64>,
    /// Time of the capture's first packet, in nanoseconds since 1970.
    pub capture_start: u64,
    /// Time of the previous packet in the capture, in nanoseconds since 1970.
    pub previous_captured: u64,
    /// Time of the previous packet that passed the filter, in nanoseconds since
    /// 1970.
    pub previous_shown: u64,
}

impl Entry<'_> {
    /// The channel's name.
    pub fn channel_name(&self) -> &str {
        self.channels
            .get(self.packet.interface as usize)
            .map_or("?", |channel| channel.name.as_str())
    }

    /// Time since the request in nanoseconds, if it is a reply.
    pub fn latency(&self) -> Option<u64> {
        self.request.map(|request| request.latency(self.packet))
    }

    /// The packet in one line.
    pub fn summary(&self) -> impl std::fmt::Display {
        summary(self.packet, self.analysis.decoded.as_ref())
    }

    /// The worst severity of its findings.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity()).max()
    }
}

/// Counters over a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Messages that were sent or received.
    pub messages: u64,
    /// Records that passed the filter.
    pub shown: u64,
    /// Messages among them.
    #[serde(skip)]
    pub shown_messages: u64,
    /// Replies that were paired with their requests.
    pub exchanges: u64,
    /// Requests without a reply.
    pub unanswered: u64,
    /// Sends that never succeeded.
    pub refused: u64,
    /// Attempts to send that were refused, whether or not a later one succeeded.
    pub refused_attempts: u64,
    /// Messages that were cut by the snap length.
    pub cut: u64,
    /// Ioctls that ended.
    pub ioctls: u64,
    /// Ioctls that returned an error.
    pub failed_ioctls: u64,
    /// Packets that were lost, by the probe's count.
    pub lost: u64,
    /// Ioctls of which packets, or the end, are missing and not counted in
    /// `lost`.
    pub incomplete_ioctls: u64,
    /// Findings of each severity, mildest first.
    pub findings: [u64; Severity::ALL.len()],
}

impl Totals {
    /// Counts an entry; `shown` if it passed the filter.
    pub fn count(&mut self, entry: &Entry<'_>, shown: bool) {
        let header = entry.packet.header;
        match header.kind {
            RecordKind::Packet => {
                self.messages += 1;
                self.shown_messages += u64::from(shown);
            }
            RecordKind::Refused => self.refused += 1,
            RecordKind::Ioctl => {
                self.ioctls += 1;
                let incomplete = entry.analysis.call.is_some_and(|call| call.incomplete);
                self.incomplete_ioctls += u64::from(incomplete);
                self.failed_ioctls += u64::from(header.ioctl_result < 0);
            }
            RecordKind::Channel => {}
            RecordKind::Lost => {
                self.lost +=
                    LostPackets::decode(entry.packet.payload).map_or(0, |lost| lost.total());
            }
        }
        self.shown += u64::from(shown);
        self.exchanges += u64::from(entry.request.is_some());
        self.refused_attempts += u64::from(header.refused_attempts);
        self.cut += u64::from(entry.packet.is_cut());
        for finding in entry.findings {
            self.count_finding(finding);
        }
    }

    /// Counts a finding.
    pub fn count_finding(&mut self, finding: &Finding) {
        if let Some(count) = self.findings.get_mut(finding.severity() as usize) {
            *count += 1;
        }
    }
}

/// A consumer of entries.
pub trait Sink {
    /// Takes the next entry that passed the filter.
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()>;

    /// Takes a finding that only the end of the capture shows, about an
    /// earlier packet.
    ///
    /// # Errors
    /// Writing to the output failed.
    fn finding(&mut self, _packet: u64, _finding: &Finding) -> io::Result<()> {
        Ok(())
    }

    /// Flushes buffered output while no packets arrive.
    ///
    /// # Errors
    /// Writing to the output failed.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ends the output.
    ///
    /// # Errors
    /// Writing to the output failed.
    fn end(&mut self, _totals: &Totals) -> io::Result<()> {
        self.idle()
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        (**self).entry(entry)
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        (**self).finding(packet, finding)
    }

    fn idle(&mut self) -> io::Result<()> {
        (**self).idle()
    }

    fn end(&mut self, totals: &Totals) -> io::Result<()> {
        (**self).end(totals)
    }
}
