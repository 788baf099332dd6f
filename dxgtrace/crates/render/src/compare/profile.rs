//! The profile of a capture: its counts by message.

use std::collections::{BTreeMap, BTreeSet};

use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_session::check::{Code, Finding};
use dxgtrace_session::entry::{Entry, Totals};
use dxgtrace_session::{ReplyOutcome, Session};

/// Maximum number of lengths that are counted per message.
const SIZES_MAX: usize = 64;
/// Maximum number of examples per finding code.
const EXAMPLES_MAX: usize = 3;

/// The use of a message in a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageUsage {
    /// Position in the order of first occurrences, from 0.
    pub rank: usize,
    /// Number of requests, or of host messages.
    pub sent: u64,
    /// Number of replies.
    pub replies: u64,
    /// Number of replies that the driver treats as failure.
    pub failures: u64,
    /// Outcomes of the replies, with counts.
    pub outcomes: BTreeMap<String, u64>,
    /// Lengths of the requests or host messages in bytes, with counts.
    pub sizes: BTreeMap<u32, u64>,
    /// Lengths of the replies in bytes, with counts.
    pub reply_sizes: BTreeMap<u32, u64>,
    /// Total time from request to reply in nanoseconds.
    pub waited: u64,
    /// Longest time from request to reply in nanoseconds.
    pub longest: u64,
}

/// The findings with one code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingCount {
    /// Number of findings.
    pub count: u64,
    /// Packet number and sentence of the first findings.
    pub examples: Vec<(u64, String)>,
}

/// The profile of a capture.
#[derive(Debug, Clone, Default)]
pub struct CaptureProfile {
    /// Total counts.
    pub totals: Totals,
    /// Use of each message, by name.
    pub messages: BTreeMap<&'static str, MessageUsage>,
    /// Interface versions that the framing indicates.
    pub versions: BTreeSet<u32>,
    /// The version that the driver declared.
    pub declared: Option<u32>,
    /// Whether async mode was enabled at the end, if that is known.
    pub async_mode: Option<bool>,
    /// Findings by code.
    pub findings: BTreeMap<Code, FindingCount>,
    /// Requests without a reply, oldest first: name and seconds waited.
    pub waiting: Vec<(&'static str, u64)>,
    /// Names of the channels.
    pub channels: BTreeSet<String>,
    first: Option<u64>,
    last: u64,
}

impl CaptureProfile {
    /// Counts the next entry.
    pub fn count_entry(&mut self, entry: &Entry<'_>) {
        self.totals.count(entry, true);
        let packet = entry.packet;
        self.first.get_or_insert(packet.time);
        self.last = self.last.max(packet.time);
        let name = entry.channel_name();
        if !self.channels.contains(name) {
            self.channels.insert(name.to_owned());
        }
        for finding in entry.findings {
            self.add_finding(packet.number, finding);
        }
        let (RecordKind::Packet, Some(decoded)) = (packet.header.kind, &entry.analysis.decoded)
        else {
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
            count_size(&mut usage.reply_sizes, length);
            if let Some(outcome) = entry.analysis.outcome {
                usage.failures += u64::from(outcome.is_failure());
                *usage.outcomes.entry(outcome_text(outcome)).or_default() += 1;
            }
            let took = entry.latency().unwrap_or(0);
            usage.waited = usage.waited.saturating_add(took);
            usage.longest = usage.longest.max(took);
        } else {
            usage.sent += 1;
            count_size(&mut usage.sizes, length);
            if let (MessagePart::Request, Some(frame)) = (decoded.part, &decoded.frame) {
                self.versions.insert(frame.version());
            }
        }
    }

    /// Counts what the session reports at the end of the capture.
    pub fn finish(&mut self, session: &Session) {
        let mut late = Vec::new();
        session.finish(&mut |number, finding| late.push((number, finding)));
        for (number, finding) in late {
            self.add_finding(number, &finding);
        }
        let waiting = session.waiting_requests();
        self.totals.unanswered = waiting.len() as u64;
        self.waiting = waiting
            .iter()
            .map(|request| {
                let waited = self.last.saturating_sub(request.time);
                (request.name(), waited / 1_000_000_000)
            })
            .collect();
        self.declared = session.declared_version();
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

    fn add_finding(&mut self, number: u64, finding: &Finding) {
        let found = self.findings.entry(finding.code()).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES_MAX {
            found.examples.push((number, finding.to_string()));
        }
    }
}

fn count_size(sizes: &mut BTreeMap<u32, u64>, length: u32) {
    if let Some(count) = sizes.get_mut(&length) {
        *count += 1;
    } else if sizes.len() < SIZES_MAX {
        sizes.insert(length, 1);
    }
}

/// The text of an outcome.
fn outcome_text(outcome: ReplyOutcome) -> String {
    match outcome {
        ReplyOutcome::Success => "success".to_owned(),
        ReplyOutcome::Status(status) => {
            dxgtrace_protocol::decode::Value::Status(status).to_string()
        }
        ReplyOutcome::NoHandle => "no handle".to_owned(),
        ReplyOutcome::Short { status: None } => "too short".to_owned(),
        ReplyOutcome::Short {
            status: Some(status),
        } => format!(
            "too short, {}",
            dxgtrace_protocol::decode::Value::Status(status)
        ),
        ReplyOutcome::Unstated => "no status".to_owned(),
    }
}
