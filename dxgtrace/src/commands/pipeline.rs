//! Analyzes, filters and outputs packets, of a file or a live capture.

use std::collections::HashMap;
use std::io;

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_query::channels::ChannelSelection;
use dxgtrace_query::filter::{Filter, FilterRecord};
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::{Entry, Sink, Totals};
use dxgtrace_session::{Analysis, ReplyLimits, Session};

/// Analyzes packets in order, and passes those that match on to its sinks.
pub struct Pipeline<'a> {
    session: Session,
    filter: Filter,
    chosen: ChannelSelection,
    replies: HashMap<u64, u64>,
    sinks: Vec<Box<dyn Sink + 'a>>,
    totals: Totals,
    findings: Vec<Finding>,
    first: Option<u64>,
    captured_before: u64,
    previous: u64,
}

impl<'a> Pipeline<'a> {
    /// A pipeline that passes packets that match `filter` to `sinks`.
    pub fn new(filter: Filter, sinks: Vec<Box<dyn Sink + 'a>>) -> Self {
        Self {
            session: Session::new(),
            filter,
            chosen: ChannelSelection::default(),
            replies: HashMap::new(),
            sinks,
            totals: Totals::default(),
            findings: Vec::new(),
            first: None,
            captured_before: 0,
            previous: 0,
        }
    }

    /// Sets the reply of each request, by packet number.
    pub fn with_replies(mut self, replies: Option<HashMap<u64, u64>>) -> Self {
        self.replies = replies.unwrap_or_default();
        self
    }

    /// Sets the times after which a reply is slow or missing.
    pub fn with_limits(mut self, limits: ReplyLimits) -> Self {
        self.session = self.session.with_limits(limits);
        self
    }

    /// Passes only packets of these channels to the sinks. The session still follows
    /// the others, which create objects that the chosen ones use.
    pub fn with_channels(mut self, chosen: ChannelSelection) -> Self {
        self.chosen = chosen;
        self
    }

    /// Number of packets that matched the filter.
    pub fn shown(&self) -> u64 {
        self.totals.shown
    }

    /// Takes the next packet of a capture with `channels`. Returns false if its
    /// channel is not chosen.
    ///
    /// # Errors
    /// A sink fails to write.
    pub fn on_packet(&mut self, packet: &Packet<'_>, channels: &[Channel]) -> io::Result<bool> {
        self.findings.clear();
        let findings = &mut self.findings;
        let mut seen = Analysis::default();
        self.session
            .analyze_into(packet, &mut seen, &mut |finding| findings.push(finding));
        if !self.chosen.includes(packet, channels) {
            return Ok(false);
        }
        let first = *self.first.get_or_insert(packet.time);
        let before = |time: u64| if time == 0 { first } else { time };
        let entry = Entry {
            packet,
            channels,
            analysis: &seen,
            request: self.session.answered_request(),
            findings: &self.findings,
            changes: self.session.object_changes(),
            reply_in: self.replies.get(&packet.number).copied(),
            capture_start: first,
            previous_captured: before(self.captured_before),
            previous_shown: before(self.previous),
        };
        let shown = self.filter.is_empty() || self.filter.matches(&FilterRecord::from(&entry));
        self.totals.count(&entry, shown);
        if shown {
            for sink in &mut self.sinks {
                sink.entry(&entry)?;
            }
            self.previous = packet.time;
        }
        self.captured_before = packet.time;
        Ok(true)
    }

    /// Lets the sinks flush, because no packet comes for a while.
    ///
    /// # Errors
    /// A sink fails to write.
    pub fn on_idle(&mut self) -> io::Result<()> {
        self.sinks.iter_mut().try_for_each(|sink| sink.idle())
    }

    /// The session after the packets so far.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Ends the output, and returns the totals.
    ///
    /// # Errors
    /// A sink fails to write.
    pub fn finish(mut self) -> io::Result<Totals> {
        let mut late = Vec::new();
        self.session
            .finish(&mut |packet, finding| late.push((packet, finding)));
        self.totals.unanswered = self.session.waiting_requests().len() as u64;
        for (packet, finding) in &late {
            self.totals.count_finding(finding);
            // A filter may have left out the packets of these findings.
            if self.filter.is_empty() && self.chosen.includes_all() {
                for sink in &mut self.sinks {
                    sink.finding(*packet, finding)?;
                }
            }
        }
        for sink in &mut self.sinks {
            sink.end(&self.totals)?;
        }
        Ok(self.totals)
    }
}
