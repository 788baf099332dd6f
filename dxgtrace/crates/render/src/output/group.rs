//! Findings, collected by their code.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::colour;
use super::wrap::wrapped;
use dxgtrace_protocol::decode::{Decoded, escaped};
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_session::check::{Code, Finding, Layer, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Examples kept of each code at most.
const EXAMPLES_MAX: usize = 1_000;

/// Counts findings by their code, with the first packets of each.
#[derive(Debug)]
pub struct FindingGroups {
    groups: Vec<CodeGroup>,
    examples: usize,
}

#[derive(Debug, Default)]
struct CodeGroup {
    count: u64,
    /// How many speak of each layer.
    layers: [u64; Layer::ALL.len()],
    examples: Vec<FindingExample>,
}

#[derive(Debug)]
struct FindingExample {
    packet: u64,
    finding: Finding,
    whose: String,
}

impl FindingGroups {
    /// Groups that keep this many examples each.
    pub fn new(examples: usize) -> Self {
        Self {
            groups: Code::ALL.iter().map(|_| CodeGroup::default()).collect(),
            examples: examples.min(EXAMPLES_MAX),
        }
    }

    /// How often a code was found.
    pub fn count(&self, code: Code) -> u64 {
        self.groups
            .get(code as usize)
            .map_or(0, |group| group.count)
    }

    /// The severest finding.
    pub fn worst(&self) -> Option<Severity> {
        self.found().map(|(code, _)| code.severity()).max()
    }

    /// Writes the groups from severity `least` on, and what they add up to.
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
            for (code, group) in self.found().filter(of_it) {
                self.group(out, code, group, width)?;
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
        self.sum(out, totals)
    }

    /// The counts by severity, and by layer of what is more than a note.
    fn sum(&self, out: &mut impl Write, totals: &Totals) -> io::Result<()> {
        let mut line = String::new();
        for severity in Severity::ALL.iter().rev() {
            let count = totals.findings.get(*severity as usize).copied();
            let count = count.unwrap_or(0);
            if count > 0 {
                let style = colour(*severity);
                let (comma, plural) = (comma(&line), if count == 1 { "" } else { "s" });
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
                .found()
                .filter(|(code, _)| code.severity() >= Severity::Warn)
                .filter_map(|(_, group)| group.layers.get(*layer as usize))
                .sum();
            if count > 0 {
                let comma = comma(&layers);
                let _ = write!(layers, "{comma}{} {count}", layer.name());
            }
        }
        match layers.is_empty() {
            true => writeln!(out, "{line}"),
            false => writeln!(out, "{line}; errors and warnings by layer: {layers}"),
        }
    }

    fn found(&self) -> impl Iterator<Item = (Code, &CodeGroup)> {
        let groups = Code::ALL.iter().copied().zip(&self.groups);
        groups.filter(|(_, group)| group.count > 0)
    }

    fn group(
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
            let lead = format!("  {:>7}  ", example.packet);
            let text = format!("{}{}", example.whose, example.finding);
            wrapped(out, &lead, &text, width)?;
        }
        let rest = group.count.saturating_sub(group.examples.len() as u64);
        if rest > 0 && !group.examples.is_empty() {
            writeln!(out, "           and {rest} more")?;
        }
        wrapped(out, "  why:     ", about.cause, width)?;
        wrapped(out, "  next:    ", about.next, width)?;
        writeln!(out)
    }

    fn keep(&mut self, packet: u64, finding: &Finding, whose: impl FnOnce() -> String) {
        let examples = self.examples;
        let Some(group) = self.groups.get_mut(finding.code() as usize) else {
            return;
        };
        group.count += 1;
        if let Some(layer) = group.layers.get_mut(finding.layer as usize) {
            *layer += 1;
        }
        if group.examples.len() < examples {
            group.examples.push(FindingExample {
                packet,
                finding: *finding,
                whose: whose(),
            });
        }
    }
}

fn comma(line: &str) -> &'static str {
    if line.is_empty() { "" } else { ", " }
}

impl Sink for FindingGroups {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        for finding in entry.findings {
            self.keep(entry.packet.number, finding, || {
                let header = entry.packet.header;
                let message = entry.seen.decoded.as_ref().map(Decoded::name);
                let mut whose = String::new();
                if header.known.has(KnownFields::TASK) {
                    let _ = write!(whose, "{}[{}] ", escaped(&header.comm), header.pid);
                }
                // Most sentences name the message; where they name a field,
                // the message is missing.
                if let Some(message) = message.filter(|name| *name != finding.part()) {
                    let _ = write!(whose, "{message}: ");
                }
                whose
            });
        }
        Ok(())
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        self.keep(packet, finding, String::new);
        Ok(())
    }
}
