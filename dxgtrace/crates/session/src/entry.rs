//! A packet with all that is known of it, and where such entries go.

use std::io;

use dxgtrace_protocol::record::header::{LostPackets, RecordKind};

use crate::check::{Finding, Severity};
use crate::{Analysis, ObjectChange, WaitingRequest};
use dxgtrace_protocol::decode::summary;
use dxgtrace_protocol::packet::{Channel, Packet};

/// One packet with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// The capture's channels, as far as they are known.
    pub channels: &'a [Channel],
    /// Its message, and what it says.
    pub seen: &'a Analysis<'a>,
    /// Of a reply: the request that it answers.
    pub request: Option<&'a WaitingRequest>,
    /// What is wrong with it.
    pub findings: &'a [Finding],
    /// What it did to objects.
    pub changes: &'a [ObjectChange],
    /// Of a request: number of its reply, where the whole capture is known.
    pub reply_in: Option<u64>,
    /// Time of the capture's first packet, in nanoseconds since 1970.
    pub first: u64,
    /// Time of the packet before this one.
    pub captured_before: u64,
    /// Time of the last packet before it that was shown.
    pub previous: u64,
}

impl Entry<'_> {
    /// The channel's name.
    pub fn channel_name(&self) -> &str {
        self.channels
            .get(self.packet.interface as usize)
            .map_or("?", |channel| channel.name.as_str())
    }

    /// Of a reply: time from its request on, in nanoseconds.
    pub fn latency(&self) -> Option<u64> {
        self.request.map(|request| request.latency(self.packet))
    }

    /// The packet in one line.
    pub fn summary(&self) -> impl std::fmt::Display {
        summary(self.packet, self.seen.decoded.as_ref())
    }

    /// The worst severity of its findings.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity()).max()
    }
}

/// What a capture held, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Messages that travelled.
    pub messages: u64,
    /// Records that the filter let through.
    pub shown: u64,
    /// Messages among them.
    #[serde(skip)]
    pub matched: u64,
    /// Replies with their requests.
    pub exchanges: u64,
    /// Requests that no reply came for.
    pub unanswered: u64,
    /// Sends that never succeeded.
    pub refused: u64,
    /// Attempts to send that were refused, whether or not a later one succeeded.
    pub refused_attempts: u64,
    /// Messages that were cut by the snap length.
    pub cut: u64,
    /// Ioctls that ended.
    pub ioctls: u64,
    /// Those of them that returned an error.
    pub failed_ioctls: u64,
    /// Packets that are known to be missing.
    pub lost: u64,
    /// Ioctls of which packets or the end are missing without being counted as
    /// lost.
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
                self.matched += u64::from(shown);
            }
            RecordKind::Refused => self.refused += 1,
            RecordKind::Ioctl => {
                self.ioctls += 1;
                let incomplete = entry.seen.call.is_some_and(|call| call.incomplete);
                self.incomplete_ioctls += u64::from(incomplete);
                self.failed_ioctls += u64::from(header.ioctl_result < 0);
            }
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
            self.find(finding);
        }
    }

    /// Counts a finding.
    pub fn find(&mut self, finding: &Finding) {
        if let Some(count) = self.findings.get_mut(finding.severity() as usize) {
            *count += 1;
        }
    }
}

/// Where entries go.
pub trait Sink {
    /// Takes the next entry that passed the filter.
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()>;

    /// Takes a finding that only the end of the capture shows, about an
    /// earlier packet.
    ///
    /// # Errors
    /// The output refuses.
    fn finding(&mut self, _packet: u64, _finding: &Finding) -> io::Result<()> {
        Ok(())
    }

    /// Nothing comes for a while: what is held back goes out.
    ///
    /// # Errors
    /// The output refuses.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ends the output.
    ///
    /// # Errors
    /// The output refuses.
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
