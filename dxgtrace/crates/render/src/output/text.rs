//! Text output: one line per packet, optionally with its tree and its bytes.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::time::duration;
use super::{TimeColumn, write_hex};
use dxgtrace_protocol::decode::{escaped, tree};
use dxgtrace_protocol::record::IOCTL;
use dxgtrace_protocol::record::header::{Direction, IoctlEnd, KnownFields, RecordKind};
use dxgtrace_session::IoctlCall;
use dxgtrace_session::check::Severity;
use dxgtrace_session::entry::{Entry, Sink};

/// Maximum number of elements of a tail in the tree.
const TREE_ELEMENTS: usize = 64;

/// The detail below each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextDetail {
    /// The tree of fields.
    pub tree: bool,
    /// The bytes.
    pub hex: bool,
}

/// Writes entries as text.
#[derive(Debug)]
pub struct TextWriter<W> {
    out: W,
    time: TimeColumn,
    detail: TextDetail,
    flush_each: bool,
    plain: bool,
    /// Buffer for the line under construction.
    line: String,
}

/// Width of the task column.
const TASK_WIDTH: usize = 22;

impl<W: Write> TextWriter<W> {
    /// Writes to `out`. `flush_each` flushes after every packet.
    pub fn new(out: W, time: impl Into<TimeColumn>, detail: TextDetail, flush_each: bool) -> Self {
        Self {
            out,
            time: time.into(),
            detail,
            flush_each,
            plain: false,
            line: String::new(),
        }
    }

    /// Disables colours.
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    fn style(&self, severity: Severity) -> Style {
        match self.plain {
            true => Style::new(),
            false => colour(severity),
        }
    }

    fn line(&self, entry: &Entry<'_>, line: &mut String) -> fmt::Result {
        let packet = entry.packet;
        let header = packet.header;
        let time = self.time.text(entry);
        write!(line, "{:>6} {time}  ", packet.number)?;
        if header.kind == RecordKind::Lost {
            let style = self.style(Severity::Warn);
            return writeln!(line, "{style}{}{style:#}", entry.summary());
        }
        let start = line.len();
        if header.known.has(KnownFields::TASK) {
            write!(line, "{}[{}]", escaped(&header.comm), header.pid)?;
        } else {
            line.push('-');
        }
        let written = line.get(start..).map_or(0, |task| task.chars().count());
        let pad = TASK_WIDTH.saturating_sub(written);
        let arrow = match header.direction {
            _ if !header.kind.has_message() => "--",
            Direction::GuestToHost => "->",
            Direction::HostToGuest => "<-",
        };
        write!(line, "{:pad$} {:<6} {arrow} ", "", entry.channel_name())?;
        match entry.severity().map(|severity| self.style(severity)) {
            None => write!(line, "{}", entry.summary())?,
            Some(style) => write!(line, "{style}{}{style:#}", entry.summary())?,
        }
        if let Some(request) = entry.request {
            let latency = entry.latency().unwrap_or(0);
            write!(line, "  [{} to {}]", duration(latency), request.number)?;
        }
        if let Some(call) = &entry.analysis.call {
            line.push_str(&remark(packet.payload, call));
        }
        if header.refused_attempts > 0 && header.kind == RecordKind::Packet {
            let attempts = header.refused_attempts;
            write!(line, "  [after {attempts} refused attempts]")?;
        }
        if packet.is_cut() {
            let (kept, all) = (packet.payload.len(), header.payload_length);
            write!(line, "  [cut: {kept} of {all} bytes]")?;
        }
        for finding in entry.findings {
            let style = self.style(finding.severity());
            write!(line, "  {style}{}{style:#}", finding.code().word())?;
        }
        line.push('\n');
        Ok(())
    }

    fn tree(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let header = entry.packet.header;
        if header.kind == RecordKind::Ioctl {
            writeln!(self.out, "    thread: {}", header.tid)?;
            if header.known.has(KnownFields::RETURN_VALUE) {
                let value = header.return_value;
                writeln!(self.out, "    synchronous sends returned: {value}")?;
            }
            return self.findings(entry);
        }
        if header.kind == RecordKind::Channel {
            let name = entry.channel_name();
            writeln!(self.out, "    channel: {} ({name})", header.channel)?;
            return self.findings(entry);
        }
        writeln!(
            self.out,
            "    packet: type {}, flags {:#x}, transaction {}, channel {} ({}), {} bytes",
            header.packet_type,
            header.packet_flags,
            header.transaction,
            header.channel,
            entry.channel_name(),
            header.payload_length,
        )?;
        if header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0 {
            writeln!(self.out, "    return value: {}", header.return_value)?;
        }
        if header.known.has(KnownFields::IOCTL) {
            let name = IOCTL.name_of(header.ioctl.into()).unwrap_or("unknown");
            writeln!(self.out, "    ioctl: {name} ({:#x})", header.ioctl)?;
        }
        if header.known.has(KnownFields::EXPECTED_REPLY) {
            let length = header.expected_reply_length;
            writeln!(self.out, "    the driver expects a reply of {length} bytes")?;
        }
        if let Some(decoded) = &entry.analysis.decoded {
            for node in tree(decoded, TREE_ELEMENTS) {
                let indent = 4 + 4 * usize::from(node.depth);
                let at = node.range.start;
                let colon = if node.text.is_empty() { "" } else { ": " };
                writeln!(
                    self.out,
                    "{:indent$}{at:>4}  {}{colon}{}",
                    "", node.label, node.text
                )?;
            }
        }
        self.findings(entry)
    }

    fn findings(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        for finding in entry.findings {
            let severity = finding.severity();
            let style = self.style(severity);
            let (name, word) = (severity.name(), finding.code().word());
            writeln!(self.out, "    {style}{name} {word}: {finding}{style:#}")?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for TextWriter<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        // One write per line is faster than one per part.
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        self.line(entry, &mut line).map_err(io::Error::other)?;
        self.out.write_all(line.as_bytes())?;
        self.line = line;
        if self.detail.tree {
            self.tree(entry)?;
        }
        if self.detail.hex && entry.packet.header.kind.has_message() {
            write_hex(&mut self.out, entry.packet.payload, "    ")?;
        }
        if self.flush_each {
            self.out.flush()
        } else {
            Ok(())
        }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The details of an ioctl after its result.
fn remark(payload: &[u8], call: &IoctlCall) -> String {
    let end = IoctlEnd::decode(payload).unwrap_or_default();
    let plural = if end.messages == 1 { "" } else { "s" };
    let mut text = format!(
        "  [{}, {} message{plural}",
        duration(end.duration),
        end.messages
    );
    if let Some((request, _)) = call.first_failure {
        text += &format!(", {request} failed");
    }
    text + "]"
}

/// The style of a severity.
pub(super) fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Chat => Style::new(),
        Severity::Note => Style::new().fg_color(Some(AnsiColor::Cyan.into())),
        Severity::Warn => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Severity::Error => Style::new().fg_color(Some(AnsiColor::Red.into())),
    }
}
