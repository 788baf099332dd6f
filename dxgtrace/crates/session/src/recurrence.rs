//! Requests that failed and worked again: did it pass by itself?
//!
//! Two requests are the same if message, process, channel, length and the
//! enumerations and flags among the parameters agree. Memory is bounded:
//! successes are counted in a table in which a newer kind of request may
//! replace an older one, so counts from before a failure are lower bounds.

use rustc_hash::FxHashMap;

use super::pairing::WaitingRequest;
use super::plan::mix;
use super::status::ReplyOutcome;
use crate::check::{Finding, FindingKind, Milliseconds, RepeatCount};
use dxgtrace_protocol::packet::Packet;

/// Kinds of requests whose successes are counted. A power of two.
const SUCCESSES: usize = 1 << 10;
/// Kinds of requests that failed, remembered at most.
const FAILURES_MAX: usize = 1 << 12;
/// How often a kind of request succeeded.
#[derive(Debug, Clone, Copy, Default)]
struct SuccessCount {
    kind: u64,
    count: u32,
}

/// A kind of request that failed.
#[derive(Debug, Clone, Copy)]
struct RecurringFailure {
    message: &'static str,
    channel: u32,
    /// The first reply that says so.
    packet: u64,
    failed: u32,
    /// Successes before the last failure.
    before: u32,
    /// Successes after it.
    after: u32,
    /// Time of the last failure, in nanoseconds since 1970.
    time: u64,
    /// From then to the next success, in nanoseconds.
    gap: u64,
}

/// What became of requests that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct FailureHistory {
    successes: Vec<SuccessCount>,
    failures: FxHashMap<u64, RecurringFailure>,
}

impl FailureHistory {
    /// Takes the reply to a request. A failure that cannot pass by itself,
    /// because `may_pass` is not set, is not counted.
    #[inline]
    pub fn on_reply(
        &mut self,
        packet: &Packet<'_>,
        request: &WaitingRequest,
        outcome: ReplyOutcome,
        may_pass: bool,
    ) {
        let Some(message) = request.pending.message else {
            return;
        };
        let header = &request.header;
        let sender = u64::from(header.channel) << 32 | u64::from(request.process);
        let length = u64::from(header.payload_length);
        let command = (message.set as u64) << 32 | u64::from(message.id);
        let kind = mix(
            mix(mix(request.context.parameter_kind, length), sender),
            command,
        );
        if self.successes.is_empty() {
            self.successes = vec![SuccessCount::default(); SUCCESSES];
        }
        let slot = (kind >> 40) as usize % SUCCESSES;
        let Some(success) = self.successes.get_mut(slot) else {
            return;
        };
        if outcome.is_failure() {
            let before = if success.kind == kind {
                success.count
            } else {
                0
            };
            if may_pass {
                self.on_failure(packet, (kind, message.name, header.channel), before);
            }
            return;
        }
        if success.kind != kind {
            *success = SuccessCount { kind, count: 0 };
        }
        success.count = success.count.saturating_add(1);
        if !self.failures.is_empty()
            && let Some(failure) = self.failures.get_mut(&kind)
        {
            if failure.after == 0 {
                failure.gap = packet.time.saturating_sub(failure.time);
            }
            failure.after = failure.after.saturating_add(1);
        }
    }

    #[cold]
    fn on_failure(&mut self, packet: &Packet<'_>, kind: (u64, &'static str, u32), before: u32) {
        let (kind, message, channel) = kind;
        if self.failures.len() >= FAILURES_MAX && !self.failures.contains_key(&kind) {
            return;
        }
        let failure = self.failures.entry(kind).or_insert(RecurringFailure {
            message,
            channel,
            packet: packet.number,
            failed: 0,
            before,
            after: 0,
            time: packet.time,
            gap: 0,
        });
        failure.failed = failure.failed.saturating_add(1);
        failure.before = failure.before.saturating_add(failure.after);
        failure.after = 0;
        failure.time = packet.time;
    }

    /// A channel was opened anew: what failed on it and works from now on did
    /// not pass by itself.
    #[cold]
    pub fn on_channel_reopened(&mut self, channel: u32) {
        self.failures
            .retain(|_, failure| failure.channel != channel || failure.after > 0);
    }

    /// Reports the failures after which the same request succeeded.
    pub fn finish(&self, found: &mut impl FnMut(u64, Finding)) {
        let mut passed: Vec<_> = self.failures.values().collect();
        passed.retain(|failure| failure.after > 0);
        passed.sort_by_key(|failure| failure.packet);
        for failure in passed {
            let kind = FindingKind::FailurePassed {
                message: failure.message,
                failed: RepeatCount(failure.failed),
                before: RepeatCount(failure.before),
                after: RepeatCount(failure.after),
                gap_ms: Milliseconds(failure.gap / 1_000_000),
            };
            found(failure.packet, Finding::new(kind));
        }
    }
}
