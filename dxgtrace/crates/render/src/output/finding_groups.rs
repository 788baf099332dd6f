//! Findings, grouped by code.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::colour;
use super::time::duration;
use super::wrap::write_wrapped;
use dxgtrace_protocol::decode::{Decoded, escaped};
use dxgtrace_protocol::record::IOCTL;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_session::check::{Code, ErrorNumber, Finding, Layer, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};
use dxgtrace_session::{IoctlCall, ReplyOutcome};

/// Maximum number of examples per code.
const EXAMPLES_MAX: usize = 1_000;
/// Short replies whose ioctl has not ended yet, at most.
const AWAITED_MAX: usize = 1 << 10;
/// Different results of ioctls told of one example.
const RESULTS_MAX: usize = 4;

/// Counts findings by code and keeps the first ones of each code as examples.
#[derive(Debug)]
pub struct FindingGroups {
    groups: Vec<CodeGroup>,
    examples: usize,
    /// Requests whose reply was too short and whose ioctl goes on, with the
    /// example that tells of the reply.
    awaited: Vec<(u64, usize)>,
}

#[derive(Debug, Default)]
struct CodeGroup {
    count: u64,
    /// Number of findings per layer.
    layers: [u64; Layer::ALL.len()],
    examples: Vec<FindingExample>,
}

/// A finding, with all that are equal to it.
#[derive(Debug)]
struct FindingExample {
    first: FindingOccurrence,
    last: FindingOccurrence,
    count: u64,
    finding: Finding,
    context: String,
    results: Vec<IoctlResult>,
}

/// Where a finding was made.
#[derive(Debug, Clone, Copy, Default)]
struct FindingOccurrence {
    packet: u64,
    /// Nanoseconds since the first packet, if known.
    time: Option<u64>,
    pid: u32,
    message: Option<&'static str>,
    /// The request, if the packet is a reply.
    request: Option<u64>,
}

/// What ioctls returned whose reply was too short.
#[derive(Debug, Clone, Copy)]
struct IoctlResult {
    ioctl: u32,
    result: i32,
    count: u64,
}

impl FindingExample {
    /// Whether a finding says the same of the same process.
    fn is_equal(&self, finding: &Finding, at: &FindingOccurrence) -> bool {
        self.finding == *finding && (self.first.pid, self.first.message) == (at.pid, at.message)
    }

    /// The finding, how often it was made, and what the ioctl returned.
    fn text(&self) -> String {
        let mut text = format!("{}{}", self.context, self.finding);
        if self.finding.code() == Code::SizeReplyShort {
            self.returned(&mut text);
        }
        if self.count > 1 {
            let (count, last) = (self.count, self.last.packet);
            let _ = write!(text, "; {count} times, the last in packet {last}");
            if let (Some(first), Some(last)) = (self.first.time, self.last.time) {
                let _ = write!(text, " ({} to {})", duration(first), duration(last));
            }
        }
        text
    }

    fn returned(&self, text: &mut String) {
        if self.results.is_empty() {
            text.push_str(
                "; what the ioctl returned is not in the capture (mostly -75 (EOVERFLOW))",
            );
        }
        for one in &self.results {
            let name = IOCTL.name_of(one.ioctl.into()).unwrap_or("the ioctl");
            let _ = write!(text, "; {name} returned ");
            let _ = match one.result {
                0.. => write!(text, "{} (success)", one.result),
                result => write!(text, "{}", ErrorNumber(result.unsigned_abs())),
            };
            if one.count < self.count {
                let _ = write!(text, " {} of {} times", one.count, self.count);
            }
        }
    }
}

impl FindingGroups {
    /// Makes groups that keep up to `examples` examples each.
    pub fn new(examples: usize) -> Self {
        Self {
            groups: Code::ALL.iter().map(|_| CodeGroup::default()).collect(),
            examples: examples.min(EXAMPLES_MAX),
            awaited: Vec::new(),
        }
    }

    /// Number of findings with `code`.
    pub fn count(&self, code: Code) -> u64 {
        self.groups
            .get(code as usize)
            .map_or(0, |group| group.count)
    }

    /// The highest severity of all findings.
    pub fn worst(&self) -> Option<Severity> {
        self.nonempty_groups()
            .map(|(code, _)| code.severity())
            .max()
    }

    /// Writes the groups with a severity of at least `least`, and the totals.
    pub fn write(
        &self,
        out: &mut impl Write,
        source: &str,
        totals: &Totals,
        version: Option<u32>,
        least: Option<Severity>,
        width: usize,
    ) -> io::Result<()> {
        let shown = |code: Code| least.is_some_and(|least| code.severity() >= least);
        for severity in Severity::ALL.iter().rev() {
            let of_it =
                |(code, _): &(Code, &CodeGroup)| code.severity() == *severity && shown(*code);
            for (code, group) in self.nonempty_groups().filter(of_it) {
                self.write_group(out, code, group, width)?;
            }
        }
        let version = version.map_or(String::new(), |version| {
            format!(", interface version {version}")
        });
        let mut line = format!(
            "{source}: {} messages, {} exchanges{version}",
            totals.messages, totals.exchanges
        );
        for (count, what) in [
            (totals.unanswered, "unanswered"),
            (totals.refused, "not sent"),
            (totals.cut, "cut"),
            (totals.lost, "lost"),
        ] {
            if count > 0 {
                let _ = write!(line, ", {count} {what}");
            }
        }
        writeln!(out, "{line}")?;
        self.write_totals(out, totals)
    }

    /// Writes the counts by severity, and the counts of warnings and errors by layer.
    fn write_totals(&self, out: &mut impl Write, totals: &Totals) -> io::Result<()> {
        let mut line = String::new();
        for severity in Severity::ALL.iter().rev() {
            let count = totals.findings.get(*severity as usize).copied();
            let count = count.unwrap_or(0);
            if count > 0 {
                let style = colour(*severity);
                let (comma, plural) = (separator(&line), if count == 1 { "" } else { "s" });
                let name = severity.name();
                let _ = write!(line, "{comma}{style}{count} {name}{plural}{style:#}");
            }
        }
        if line.is_empty() {
            line.push_str("no findings");
        }
        let mut layers = String::new();
        for layer in Layer::ALL {
            let count: u64 = self
                .nonempty_groups()
                .filter(|(code, _)| code.severity() >= Severity::Warn)
                .filter_map(|(_, group)| group.layers.get(*layer as usize))
                .sum();
            if count > 0 {
                let comma = separator(&layers);
                let _ = write!(layers, "{comma}{} {count}", layer.name());
            }
        }
        match layers.is_empty() {
            true => writeln!(out, "{line}"),
            false => writeln!(out, "{line}; errors and warnings by layer: {layers}"),
        }
    }

    fn nonempty_groups(&self) -> impl Iterator<Item = (Code, &CodeGroup)> {
        let groups = Code::ALL.iter().copied().zip(&self.groups);
        groups.filter(|(_, group)| group.count > 0)
    }

    fn write_group(
        &self,
        out: &mut impl Write,
        code: Code,
        group: &CodeGroup,
        width: usize,
    ) -> io::Result<()> {
        let about = code.description();
        let style = colour(about.severity);
        let name = about.severity.name();
        let layers = Layer::ALL.iter().zip(group.layers);
        let layers: Vec<&str> = layers
            .filter(|(_, count)| *count > 0)
            .map(|(layer, _)| layer.name())
            .collect();
        let layer = layers.join(", ");
        let times = if group.count == 1 { "time" } else { "times" };
        writeln!(
            out,
            "{style}{name} {}{style:#}  {} {times}, layer: {layer}",
            about.word, group.count
        )?;
        for example in &group.examples {
            let lead = format!("  {:>7}  ", example.first.packet);
            write_wrapped(out, &lead, &example.text(), width)?;
        }
        let shown: u64 = group.examples.iter().map(|example| example.count).sum();
        let rest = group.count.saturating_sub(shown);
        if rest > 0 && !group.examples.is_empty() {
            writeln!(out, "           and {rest} more")?;
        }
        write_wrapped(out, "  why:     ", about.cause, width)?;
        write_wrapped(out, "  next:    ", about.next, width)?;
        writeln!(out)
    }

    fn add_finding(
        &mut self,
        at: FindingOccurrence,
        finding: &Finding,
        context: impl FnOnce() -> String,
    ) {
        let examples = self.examples;
        let Some(group) = self.groups.get_mut(finding.code() as usize) else {
            return;
        };
        group.count += 1;
        if let Some(layer) = group.layers.get_mut(finding.layer as usize) {
            *layer += 1;
        }
        let mut known = group.examples.iter();
        let place = match known.position(|example| example.is_equal(finding, &at)) {
            Some(place) => place,
            None if group.examples.len() < examples => {
                group.examples.push(FindingExample {
                    first: at,
                    last: at,
                    count: 0,
                    finding: *finding,
                    context: context(),
                    results: Vec::new(),
                });
                group.examples.len() - 1
            }
            None => return,
        };
        if let Some(example) = group.examples.get_mut(place) {
            example.count += 1;
            example.last = at;
        }
        if finding.code() == Code::SizeReplyShort
            && let Some(request) = at.request
        {
            if self.awaited.len() >= AWAITED_MAX {
                self.awaited.remove(0);
            }
            self.awaited.push((request, place));
        }
    }

    /// An ioctl has ended: remembers what it returned if a reply to it was too
    /// short.
    fn ioctl_ended(&mut self, header: &RecordHeader, call: &IoctlCall) {
        let Some((request, ReplyOutcome::Short { .. })) = call.first_failure else {
            return;
        };
        let awaited = self.awaited.iter().position(|one| one.0 == request);
        let Some((_, place)) = awaited.map(|place| self.awaited.swap_remove(place)) else {
            return;
        };
        let group = self.groups.get_mut(Code::SizeReplyShort as usize);
        let example = group.and_then(|group| group.examples.get_mut(place));
        let Some(example) = example.filter(|_| header.known.has(KnownFields::IOCTL_RESULT)) else {
            return;
        };
        let (ioctl, result) = (call.ioctl, header.ioctl_result);
        let results = &mut example.results;
        for one in results.iter_mut() {
            if (one.ioctl, one.result) == (ioctl, result) {
                one.count += 1;
                return;
            }
        }
        if results.len() < RESULTS_MAX {
            results.push(IoctlResult {
                ioctl,
                result,
                count: 1,
            });
        }
    }
}

/// Whose packet it is: the task and the message, if the finding does not name it.
pub(super) fn finding_context(entry: &Entry<'_>, finding: &Finding) -> String {
    let header = entry.packet.header;
    let message = entry.analysis.decoded.as_ref().map(Decoded::name);
    let mut context = String::new();
    if header.known.has(KnownFields::TASK) {
        let _ = write!(context, "{}[{}] ", escaped(&header.comm), header.pid);
    }
    // Most sentences name the message; where they name a field, the message is
    // missing.
    if let Some(message) = message.filter(|name| *name != finding.part()) {
        let _ = write!(context, "{message}: ");
    }
    context
}

fn separator(line: &str) -> &'static str {
    if line.is_empty() { "" } else { ", " }
}

impl Sink for FindingGroups {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let header = entry.packet.header;
        for finding in entry.findings {
            let at = FindingOccurrence {
                packet: entry.packet.number,
                time: Some(entry.packet.time.saturating_sub(entry.capture_start)),
                pid: header.pid,
                message: entry.analysis.decoded.as_ref().map(Decoded::name),
                request: entry.request.map(|request| request.number),
            };
            self.add_finding(at, finding, || finding_context(entry, finding));
        }
        if let Some(call) = &entry.analysis.call
            && !self.awaited.is_empty()
        {
            self.ioctl_ended(header, call);
        }
        Ok(())
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        let at = FindingOccurrence {
            packet,
            ..FindingOccurrence::default()
        };
        self.add_finding(at, finding, String::new);
        Ok(())
    }
}
