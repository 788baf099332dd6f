//! A capture in numbers, by message.

use std::collections::{BTreeMap, BTreeSet};

use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_session::check::{Code, Finding};
use dxgtrace_session::entry::{Entry, Totals};
use dxgtrace_session::{ReplyOutcome, Session};

/// Most sizes of a message that are told apart.
const SIZES: usize = 64;
/// Packets named for each kind of finding.
const EXAMPLES: usize = 3;

/// How a message was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageUsage {
    /// Which one it was in the order of first occurrences, from 0.
    pub rank: usize,
    /// Requests, or messages from the host.
    pub sent: u64,
    /// Replies.
    pub replies: u64,
    /// Replies by which, to the driver, the request failed.
    pub failures: u64,
    /// What the replies said, and how often.
    pub outcomes: BTreeMap<String, u64>,
    /// Lengths of what was sent, and how often.
    pub sizes: BTreeMap<u32, u64>,
    /// Lengths of the replies, and how often.
    pub reply_sizes: BTreeMap<u32, u64>,
    /// Time from request to reply, all together, in nanoseconds.
    pub waited: u64,
    /// The longest of them.
    pub longest: u64,
}

/// How often a code was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingCount {
    /// The number of findings.
    pub count: u64,
    /// The first packets, each with the sentence.
    pub examples: Vec<(u64, String)>,
}

/// A capture in numbers.
#[derive(Debug, Clone, Default)]
pub struct CaptureProfile {
    /// The counts of all.
    pub totals: Totals,
    /// By name of the message.
    pub messages: BTreeMap<&'static str, MessageUsage>,
    /// Interface versions that the framing shows.
    pub versions: BTreeSet<u32>,
    /// The version that the driver declared.
    pub declared: Option<u32>,
    /// Whether messages that allow it went without a reply at the end.
    pub async_mode: Option<bool>,
    /// Findings by code.
    pub findings: BTreeMap<Code, FindingCount>,
    /// Requests that nobody answered: name and seconds waited, oldest first.
    pub waiting: Vec<(&'static str, u64)>,
    /// Names of the channels.
    pub channels: BTreeSet<String>,
    first: Option<u64>,
    last: u64,
}

impl CaptureProfile {
    /// Takes the next packet.
    pub fn see(&mut self, entry: &Entry<'_>) {
        self.totals.count(entry, true);
        let packet = entry.packet;
        self.first.get_or_insert(packet.time);
        self.last = self.last.max(packet.time);
        let name = entry.channel_name();
        if !self.channels.contains(name) {
            self.channels.insert(name.to_owned());
        }
        for finding in entry.findings {
            self.found(packet.number, finding);
        }
        let (RecordKind::Packet, Some(decoded)) = (packet.header.kind, &entry.seen.decoded) else {
            return;
        };
        let rank = self.messages.len();
        let usage = self
            .messages
            .entry(decoded.name())
            .or_insert_with(|| MessageUsage {
                rank,
                ..MessageUsage::default()
            });
        let length = packet.header.payload_length;
        if decoded.part == MessagePart::Reply {
            usage.replies += 1;
            count(&mut usage.reply_sizes, length);
            if let Some(outcome) = entry.seen.outcome {
                usage.failures += u64::from(outcome.is_failure());
                *usage.outcomes.entry(said(outcome)).or_default() += 1;
            }
            let took = entry.latency().unwrap_or(0);
            usage.waited = usage.waited.saturating_add(took);
            usage.longest = usage.longest.max(took);
        } else {
            usage.sent += 1;
            count(&mut usage.sizes, length);
            if let (MessagePart::Request, Some(frame)) = (decoded.part, &decoded.frame) {
                self.versions.insert(frame.version());
            }
        }
    }

    /// Ends the capture.
    pub fn finish(&mut self, session: &Session) {
        let mut late = Vec::new();
        session.finish(&mut |number, finding| late.push((number, finding)));
        for (number, finding) in late {
            self.found(number, &finding);
        }
        let waiting = session.waiting();
        self.totals.unanswered = waiting.len() as u64;
        self.waiting = waiting
            .iter()
            .map(|request| {
                let waited = self.last.saturating_sub(request.time);
                (request.name(), waited / 1_000_000_000)
            })
            .collect();
        self.declared = session.version();
        self.async_mode = session.async_mode();
    }

    /// Nanoseconds from the first packet to the last.
    pub fn duration(&self) -> u64 {
        self.first
            .map_or(0, |first| self.last.saturating_sub(first))
    }

    /// The messages in the order of their first occurrences.
    pub fn order(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.messages.iter().collect();
        names.sort_by_key(|(_, usage)| usage.rank);
        names.into_iter().map(|(name, _)| *name).collect()
    }

    fn found(&mut self, number: u64, finding: &Finding) {
        let found = self.findings.entry(finding.code()).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push((number, finding.to_string()));
        }
    }
}

fn count(sizes: &mut BTreeMap<u32, u64>, length: u32) {
    if let Some(count) = sizes.get_mut(&length) {
        *count += 1;
    } else if sizes.len() < SIZES {
        sizes.insert(length, 1);
    }
}

/// An outcome in a word.
fn said(outcome: ReplyOutcome) -> String {
    match outcome {
        ReplyOutcome::Success => "success".to_owned(),
        ReplyOutcome::Status(status) => {
            dxgtrace_protocol::decode::Value::Status(status).to_string()
        }
        ReplyOutcome::NoHandle => "no handle".to_owned(),
        ReplyOutcome::Short => "too short".to_owned(),
        ReplyOutcome::Silent => "no status".to_owned(),
    }
}
