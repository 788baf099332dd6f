//! One sentence on a capture: what failed first, on whose side, since when, what
//! follows from it, and how sure that is.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::finding_groups::finding_context;
use super::time::duration;
use super::wrap::write_wrapped;
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_session::UnansweredRequest;
use dxgtrace_session::check::{Code, Finding, Layer, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// The finding that a verdict is about.
#[derive(Debug)]
struct FirstFailure {
    packet: u64,
    finding: Finding,
    context: String,
    /// Nanoseconds since the first packet, if known.
    time: Option<u64>,
    /// The process, 0 if not known.
    pid: u32,
    /// Ioctls of that process that failed from then on.
    failed_ioctls: u64,
}

impl FirstFailure {
    /// Whether it is a better answer to what failed first than `other`: errors
    /// before warnings, then by order.
    fn precedes(severity: Severity, packet: u64, other: Option<&Self>) -> bool {
        other.is_none_or(|other| {
            let known = other.finding.severity();
            (severity, other.packet) > (known, packet)
        })
    }
}

/// Follows a capture to say in one sentence what is wrong.
#[derive(Debug, Default)]
pub struct CaptureVerdict {
    failure: Option<FirstFailure>,
    /// Time of the first packet, in nanoseconds since 1970.
    begin: Option<u64>,
    /// Packets whose failure passed by itself.
    passed: Vec<u64>,
    /// The first wait that ended otherwise than by its event or reply.
    wait: Option<String>,
}

/// Findings about waits that are no failure by themselves.
const WAITS: &[Code] = &[
    Code::EventMissing,
    Code::FenceNeverSignalled,
    Code::QueueStalled,
    Code::WaitInterrupted,
];

/// Failures that passed, remembered at most.
const PASSED_MAX: usize = 1 << 12;

impl CaptureVerdict {
    fn consider(
        &mut self,
        packet: u64,
        finding: &Finding,
        about: impl FnOnce() -> (String, Option<u64>, u32),
    ) {
        if finding.code() == Code::FailurePassed && self.passed.len() < PASSED_MAX {
            self.passed.push(packet);
        }
        if WAITS.contains(&finding.code()) && self.wait.is_none() {
            self.wait = Some(format!("{finding} (packet {packet})"));
        }
        let severity = finding.severity();
        if severity < Severity::Warn
            || finding.layer == Layer::Capture
            || !FirstFailure::precedes(severity, packet, self.failure.as_ref())
        {
            return;
        }
        let (context, time, pid) = about();
        self.failure = Some(FirstFailure {
            packet,
            finding: *finding,
            context,
            time,
            pid,
            failed_ioctls: 0,
        });
    }

    /// Writes the sentence. `unanswered` are the requests without a reply.
    pub fn write(
        &self,
        out: &mut impl Write,
        totals: &Totals,
        unanswered: &[UnansweredRequest],
        width: usize,
    ) -> io::Result<()> {
        let text = self.text(totals, unanswered);
        write_wrapped(out, "verdict: ", &text, width)?;
        writeln!(out)
    }

    /// The sentence.
    pub fn text(&self, totals: &Totals, unanswered: &[UnansweredRequest]) -> String {
        match &self.failure {
            Some(failure) => self.failed(failure, totals, unanswered),
            None => healthy(totals, self.wait.as_deref()),
        }
    }

    /// What failed first: the packet, and the layer that is to blame unless
    /// packets are missing.
    pub fn first_failure(&self, totals: &Totals) -> Option<(u64, Option<Layer>)> {
        let failure = self.failure.as_ref()?;
        let missing = totals.lost + totals.incomplete_ioctls > 0;
        Some((failure.packet, (!missing).then_some(failure.finding.layer)))
    }

    fn failed(
        &self,
        failure: &FirstFailure,
        totals: &Totals,
        unanswered: &[UnansweredRequest],
    ) -> String {
        let FirstFailure {
            packet,
            context,
            finding,
            ..
        } = failure;
        // Where packets are missing, nobody is accused.
        let missing = totals.lost + totals.incomplete_ioctls > 0;
        let mut text = match (missing, finding.severity()) {
            (true, _) => "packets are missing from the capture, so it is not sure who failed \
                          first; the first failure in what is left"
                .to_owned(),
            (false, Severity::Error) => format!("{} failed first", side(finding.layer)),
            // Its layer is where to look first, not who is to blame.
            (false, _) => format!("what failed first concerns {}", side(finding.layer)),
        };
        let request = unanswered
            .iter()
            .find(|one| one.request.number == failure.packet);
        let asked = request
            .zip(self.begin)
            .map(|(one, begin)| one.request.time.saturating_sub(begin));
        if let Some(time) = failure.time.or(asked) {
            let _ = write!(text, ", {} after the capture began", duration(time));
        }
        let _ = write!(text, " (packet {packet}): {context}{finding}");
        match failure.failed_ioctls {
            0 => {}
            1 => text.push_str("; from there on, 1 ioctl of the same process failed"),
            count => {
                let _ = write!(
                    text,
                    "; from there on, {count} ioctls of the same process failed"
                );
            }
        }
        if self.passed.contains(packet) {
            text.push_str("; it passed by itself");
        }
        text.push_str(match finding.severity() {
            _ if missing => "",
            Severity::Error => "; sure: the capture shows it",
            _ => "; likely: the capture shows the failure, but not its reason",
        });
        text.push('.');
        text
    }
}

/// The sentence on a capture in which nothing failed.
fn healthy(totals: &Totals, wait: Option<&str>) -> String {
    let missing = totals.lost + totals.incomplete_ioctls;
    let mut text = match (totals.messages, missing) {
        (0, 0) => "the capture holds no message of the driver".to_owned(),
        (_, 0) if wait.is_some() => format!(
            "no message failed in {} exchanges",
            totals.exchanges
        ),
        (_, 0) => format!(
            "nothing wrong: {} exchanges, and no finding is worse than a note",
            totals.exchanges
        ),
        _ => "nothing wrong was found, but packets are missing from the capture: what depends on them was not judged".to_owned(),
    };
    if let Some(wait) = wait {
        let _ = write!(
            text,
            "; but a wait did not end as the thread asked for: {wait}"
        );
    }
    if totals.unanswered > 0 {
        let _ = write!(
            text,
            "; requests that still waited for a reply at the end: {}",
            totals.unanswered
        );
    }
    text.push('.');
    text
}

/// Who a layer is, as the subject of a sentence.
const fn side(layer: Layer) -> &'static str {
    match layer {
        Layer::Library => "the application or its library",
        Layer::Guest => "the guest driver",
        Layer::Transport => "the transport (VMBus)",
        Layer::Host => "the host",
        Layer::Capture => "the capture",
    }
}

impl Sink for CaptureVerdict {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let packet = entry.packet;
        let header = packet.header;
        self.begin.get_or_insert(entry.capture_start);
        let known = header.known.has(KnownFields::TASK);
        let pid = if known { header.pid } else { 0 };
        for finding in entry.findings {
            self.consider(packet.number, finding, || {
                let time = packet.time.saturating_sub(entry.capture_start);
                (finding_context(entry, finding), Some(time), pid)
            });
        }
        if header.kind == RecordKind::Ioctl
            && header.known.has(KnownFields::IOCTL_RESULT)
            && header.ioctl_result < 0
            && let Some(failure) = &mut self.failure
            && failure.pid == pid
            && pid != 0
        {
            failure.failed_ioctls += 1;
        }
        Ok(())
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        self.consider(packet, finding, || (String::new(), None, 0));
        Ok(())
    }
}
