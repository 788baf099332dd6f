//! Matches single packets.

use serde::Deserialize;

use crate::filter::{Filter, FilterRecord};
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_protocol::schema::Message;
use dxgtrace_protocol::table;
use dxgtrace_session::ReplyOutcome;
use dxgtrace_session::check::{Code, FindingKind};
use dxgtrace_session::entry::Entry;

/// A pattern as written in the rule file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketPattern {
    #[serde(default)]
    message: Vec<String>,
    part: Option<PartName>,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    finding: Vec<String>,
    filter: Option<String>,
    unanswered_seconds: Option<f64>,
}

/// The part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartName {
    Request,
    Reply,
    Event,
    Refused,
}

/// A condition on the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusIs {
    Failure,
    Success,
    Value(u32),
}

impl StatusIs {
    /// Whether a packet with this aspect can satisfy the condition.
    fn may_match(self, aspect: PacketAspect) -> bool {
        match self {
            Self::Failure => aspect == PacketAspect::Failure,
            Self::Success => aspect == PacketAspect::Success,
            Self::Value(_) => true,
        }
    }
}

/// A coarse class of packets. Rules are indexed by it, so that a packet is
/// checked only against rules that can match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketAspect {
    /// A packet without a message.
    Other,
    /// A send that was refused for good.
    Refused,
    /// A request.
    Request,
    /// A reply whose outcome or request is not known.
    Reply,
    /// A reply to a request that succeeded.
    Success,
    /// A reply to a request that failed.
    Failure,
    /// A message that the host sends by itself.
    Event,
}

impl PacketAspect {
    /// Every aspect.
    pub const ALL: [Self; 7] = [
        Self::Other,
        Self::Refused,
        Self::Request,
        Self::Reply,
        Self::Success,
        Self::Failure,
        Self::Event,
    ];

    /// The aspect of a packet.
    pub fn of(entry: &Entry<'_>) -> Self {
        let part = entry.analysis.decoded.as_ref().map(|decoded| decoded.part);
        match (entry.packet.header.kind, part) {
            (RecordKind::Refused, _) => Self::Refused,
            (RecordKind::Packet, Some(MessagePart::Request)) => Self::Request,
            (RecordKind::Packet, Some(MessagePart::Event)) => Self::Event,
            (RecordKind::Packet, Some(MessagePart::Reply)) => match entry.analysis.outcome {
                Some(ReplyOutcome::Success) => Self::Success,
                Some(outcome) if outcome.is_failure() => Self::Failure,
                _ => Self::Reply,
            },
            _ => Self::Other,
        }
    }

    fn matches_part(self, part: PartName) -> bool {
        match part {
            PartName::Request => self == Self::Request,
            PartName::Reply => matches!(self, Self::Reply | Self::Success | Self::Failure),
            PartName::Event => self == Self::Event,
            PartName::Refused => self == Self::Refused,
        }
    }
}

/// A compiled pattern. A packet matches if it satisfies every condition, and at
/// least one entry of each list.
#[derive(Debug)]
pub struct Matcher {
    /// The messages; empty means any.
    pub messages: Vec<&'static Message>,
    part: Option<PartName>,
    statuses: Vec<StatusIs>,
    /// The findings; empty means any or none.
    pub findings: Vec<Code>,
    filter: Option<Filter>,
    /// If set, the pattern matches requests that have waited at least this many
    /// nanoseconds at the end of the capture.
    pub unanswered: Option<u64>,
}

impl PacketPattern {
    /// Resolves the names in the pattern.
    pub fn compile(self) -> Result<Matcher, String> {
        let messages = self
            .message
            .iter()
            .map(|name| table::by_name(name).ok_or_else(|| format!("there is no message {name}")))
            .collect::<Result<Vec<_>, _>>()?;
        let findings = self
            .finding
            .iter()
            .map(|word| Code::by_word(word).ok_or_else(|| format!("there is no finding {word}")))
            .collect::<Result<Vec<_>, _>>()?;
        let statuses = self
            .status
            .iter()
            .map(|name| status_by_name(name).ok_or_else(|| format!("there is no status {name}")))
            .collect::<Result<Vec<_>, _>>()?;
        let filter = match &self.filter {
            Some(text) => {
                Some(Filter::parse(text).map_err(|error| format!("filter `{text}`: {error}"))?)
            }
            None => None,
        };
        let unanswered = match self.unanswered_seconds {
            Some(seconds) if !(0.0..=1e9).contains(&seconds) => {
                return Err(format!(
                    "unanswered_seconds = {seconds} is not between 0 and 1e9"
                ));
            }
            // Within u64 by the check above.
            seconds => seconds.map(|seconds| (seconds * 1e9) as u64),
        };
        let matches_everything = messages.is_empty()
            && findings.is_empty()
            && statuses.is_empty()
            && self.part.is_none()
            && filter.is_none()
            && unanswered.is_none();
        if matches_everything {
            return Err("the pattern has no condition: every packet matches it".to_owned());
        }
        Ok(Matcher {
            messages,
            part: self.part,
            statuses,
            findings,
            filter,
            unanswered,
        })
    }
}

/// The status that a reply of nothing else begins with.
fn bare_status(entry: &Entry<'_>) -> Option<u32> {
    entry
        .findings
        .iter()
        .find_map(|finding| match finding.kind {
            FindingKind::StatusBare { status, .. } => Some(status.0),
            _ => None,
        })
}

fn status_by_name(name: &str) -> Option<StatusIs> {
    match name {
        "failure" => Some(StatusIs::Failure),
        "success" => Some(StatusIs::Success),
        _ => match name.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => table::statuses::STATUSES
                .iter()
                .find(|status| status.name == name)
                .map(|status| status.value),
        }
        .map(StatusIs::Value),
    }
}

impl Matcher {
    /// Whether it matches requests that still wait at the end of the capture.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Whether `message` is one of the pattern's messages.
    pub fn matches_message(&self, message: Option<&'static Message>) -> bool {
        self.messages.is_empty()
            || message.is_some_and(|message| {
                self.messages
                    .iter()
                    .any(|wanted| std::ptr::eq(*wanted, message))
            })
    }

    /// Whether a packet with this aspect can match.
    pub fn may_match(&self, aspect: PacketAspect) -> bool {
        !self.is_unanswered()
            && self.part.is_none_or(|part| aspect.matches_part(part))
            && (self.statuses.is_empty()
                || self.statuses.iter().any(|status| status.may_match(aspect)))
    }

    /// Whether a packet with this aspect matches.
    pub fn matches(&self, entry: &Entry<'_>, aspect: PacketAspect) -> bool {
        let decoded = entry.analysis.decoded.as_ref();
        if !self.may_match(aspect)
            || !self.matches_message(decoded.and_then(|decoded| decoded.message))
        {
            return false;
        }
        let value = decoded
            .and_then(|decoded| decoded.status())
            .or_else(|| bare_status(entry));
        let status_matches = |status: &StatusIs| match *status {
            StatusIs::Value(wanted) => value == Some(wanted),
            StatusIs::Failure | StatusIs::Success => status.may_match(aspect),
        };
        if !self.statuses.is_empty() && !self.statuses.iter().any(status_matches) {
            return false;
        }
        if !self.findings.is_empty()
            && !entry
                .findings
                .iter()
                .any(|finding| self.findings.contains(&finding.code()))
        {
            return false;
        }
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(&FilterRecord::from(entry)))
    }
}
