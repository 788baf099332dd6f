//! Findings, grouped by code.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::colour;
use super::wrap::write_wrapped;
use dxgtrace_protocol::decode::{Decoded, escaped};
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_session::check::{Code, Finding, Layer, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Maximum number of examples per code.
const EXAMPLES_MAX: usize = 1_000;

/// Counts findings by code and keeps the first ones of each code as examples.
#[derive(Debug)]
pub struct FindingGroups {
    groups: Vec<CodeGroup>,
    examples: usize,
}

#[derive(Debug, Default)]
struct CodeGroup {
    count: u64,
    /// Number of findings per layer.
    layers: [u64; Layer::ALL.len()],
    examples: Vec<FindingExample>,
}

#[derive(Debug)]
struct FindingExample {
    packet: u64,
    finding: Finding,
    context: String,
}

impl FindingGroups {
    /// Makes groups that keep up to `examples` examples each.
    pub fn new(examples: usize) -> Self {
        Self {
            groups: Code::ALL.iter().map(|_| CodeGroup::default()).collect(),
            examples: examples.min(EXAMPLES_MAX),
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
            let lead = format!("  {:>7}  ", example.packet);
            let text = format!("{}{}", example.context, example.finding);
            write_wrapped(out, &lead, &text, width)?;
        }
        let rest = group.count.saturating_sub(group.examples.len() as u64);
        if rest > 0 && !group.examples.is_empty() {
            writeln!(out, "           and {rest} more")?;
        }
        write_wrapped(out, "  why:     ", about.cause, width)?;
        write_wrapped(out, "  next:    ", about.next, width)?;
        writeln!(out)
    }

    fn add_finding(&mut self, packet: u64, finding: &Finding, context: impl FnOnce() -> String) {
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
                context: context(),
            });
        }
    }
}

fn separator(line: &str) -> &'static str {
    if line.is_empty() { "" } else { ", " }
}

impl Sink for FindingGroups {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        for finding in entry.findings {
            self.add_finding(entry.packet.number, finding, || {
                let header = entry.packet.header;
                let message = entry.analysis.decoded.as_ref().map(Decoded::name);
                let mut context = String::new();
                if header.known.has(KnownFields::TASK) {
                    let _ = write!(context, "{}[{}] ", escaped(&header.comm), header.pid);
                }
                // A sentence that names a field does not name the message.
                if let Some(message) = message.filter(|name| *name != finding.part()) {
                    let _ = write!(context, "{message}: ");
                }
                context
            });
        }
        Ok(())
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        self.add_finding(packet, finding, String::new);
        Ok(())
    }
}
