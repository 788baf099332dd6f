//! The selected packet: its tree and its bytes.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::capture::header::{Direction, Kind, Known, Lost};
use crate::check::Severity;
use crate::decode::{escaped, tree};
use crate::output::{TimeFormat, duration};
use crate::store::{Fetch, Store, findings};

use super::cursor::Cursor;

/// Elements of a tail that the tree lists at most.
const ELEMENTS: usize = 256;

/// One packet of the selected exchange.
#[derive(Debug, Default)]
pub struct Half {
    /// Its row.
    pub row: u32,
    /// `request`, `reply` ...
    pub label: String,
    /// What was captured of its payload.
    pub bytes: Vec<u8>,
}

/// A line of the tree.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// How far below the root.
    pub depth: u8,
    /// What it is.
    pub label: String,
    /// What it says.
    pub text: String,
    /// Its bytes in the payload.
    pub range: Option<Range<usize>>,
    /// Of which packet.
    pub half: usize,
    /// Its name in filters.
    pub field: Option<String>,
    /// The worst finding on it.
    pub severity: Option<Severity>,
    /// Names of the lines above and its own: what is folded stays folded in
    /// the next packet.
    path: String,
    branch: bool,
}

/// The tree and the bytes of the selected packet.
#[derive(Debug, Default)]
pub struct Detail {
    /// The packets: the selected one, or both of an exchange.
    pub halves: Vec<Half>,
    lines: Vec<Line>,
    /// The lines that are not folded away.
    open: Vec<usize>,
    /// The selected one of those.
    pub cursor: Cursor,
    /// The selected byte, if bytes were selected rather than a field.
    pub byte: Option<usize>,
    /// First line of bytes shown.
    pub bytes_top: usize,
    folded: BTreeSet<String>,
    unfolded: BTreeSet<String>,
    /// What is loaded.
    loaded: Option<Loaded>,
}

/// What the lines were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loaded {
    row: u32,
    peer: Option<u32>,
    time: TimeFormat,
}

/// Branches that are folded at first: they say the same of every packet.
const FOLDED: &[&str] = &["packet", "extended header", "command header"];

impl Detail {
    /// Shows a row, with the other half of its exchange if `joined`.
    pub fn load(
        &mut self,
        store: &Store,
        fetch: Option<&mut Fetch>,
        row: Option<u32>,
        joined: bool,
        time: TimeFormat,
    ) {
        let wanted = row.and_then(|index| {
            let row = store.row(index)?;
            let peer = row.peer().filter(|_| joined);
            Some(Loaded {
                row: index,
                peer,
                time,
            })
        });
        if self.loaded == wanted {
            return;
        }
        let same = matches!((self.loaded, wanted), (Some(old), Some(new)) if old.row == new.row);
        let path = self.selected().map(|line| (line.half, line.path.clone()));
        self.loaded = wanted;
        self.halves.clear();
        self.lines.clear();
        if !same {
            self.byte = None;
            self.bytes_top = 0;
        }
        if let (Some(wanted), Some(fetch)) = (wanted, fetch) {
            let mut rows = vec![wanted.row];
            rows.extend(wanted.peer);
            rows.sort_unstable();
            for row in rows {
                self.half(store, fetch, row, time);
            }
        }
        self.mark_branches();
        self.refold();
        // The same field of the next packet, so that values can be compared.
        let again = path.and_then(|(half, path)| {
            let is_same = |line: &Line| line.half == half && line.path == path;
            self.open
                .iter()
                .position(|line| self.lines.get(*line).is_some_and(is_same))
        });
        self.cursor.at = again.unwrap_or(0);
    }

    /// Makes the next [`Detail::load`] load.
    pub fn forget(&mut self) {
        self.loaded = None;
    }

    /// The lines that are not folded away.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.open.iter().map(|line| {
            const NOTHING: &Line = &Line {
                depth: 0,
                label: String::new(),
                text: String::new(),
                range: None,
                half: 0,
                field: None,
                severity: None,
                path: String::new(),
                branch: false,
            };
            self.lines.get(*line).unwrap_or(NOTHING)
        })
    }

    /// How many lines are not folded away.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// The selected line.
    pub fn selected(&self) -> Option<&Line> {
        self.lines.get(*self.open.get(self.cursor.at)?)
    }

    /// Adds a packet of the exchange.
    fn half(&mut self, store: &Store, fetch: &mut Fetch, row: u32, time: TimeFormat) {
        let half = self.halves.len();
        let Some(found) = store.row(row) else {
            return;
        };
        let fetched = match fetch.row(store.rows(), found, None) {
            Ok(fetched) => fetched,
            Err(error) => {
                self.lines.push(Line {
                    label: "cannot be read".to_owned(),
                    text: error.to_string(),
                    half,
                    severity: Some(Severity::Error),
                    ..Line::default()
                });
                self.halves.push(Half {
                    row,
                    ..Half::default()
                });
                return;
            }
        };
        let packet = &fetched.packet;
        let label = match (packet.header.kind, found.part()) {
            (Kind::Lost, _) => "lost",
            (_, Some(part)) => part.name(),
            (_, None) => "packet",
        };
        let mut lines = Lines {
            lines: &mut self.lines,
            half,
        };
        lines.packet(store, row, packet, time);
        if packet.header.kind == Kind::Lost {
            lines.lost(packet.payload);
        }
        let first = lines.lines.len();
        if let Some(decoded) = &fetched.decoded {
            for node in tree(decoded, ELEMENTS) {
                let root = node.depth == 0
                    && Some(node.label.as_str()) == message_label(decoded).as_deref();
                lines.lines.push(Line {
                    depth: node.depth,
                    label: node.label,
                    text: node.text,
                    range: Some(node.range),
                    half,
                    field: node
                        .field
                        .or_else(|| root.then(|| "dxg.message".to_owned())),
                    ..Line::default()
                });
            }
        }
        let found = findings(store.rows(), row);
        for finding in &found {
            let severity = finding.code.severity();
            let at = finding.at as usize;
            for line in lines.lines.iter_mut().skip(first) {
                let covers = line.range.as_ref().is_some_and(|range| {
                    range.start == at && line.label == finding.part || range.is_empty()
                });
                if covers {
                    line.severity = line.severity.max(Some(severity));
                }
            }
            lines.finding(finding, packet.payload.len());
        }
        self.halves.push(Half {
            row,
            label: label.to_owned(),
            bytes: packet.payload.to_vec(),
        });
    }

    /// The packet whose bytes are shown.
    pub fn shown_half(&self) -> Option<&Half> {
        let half = self.selected().map_or(0, |line| line.half);
        self.halves.get(half)
    }

    /// The bytes to be marked in [`Detail::shown_half`].
    pub fn marked(&self) -> Range<usize> {
        match (
            self.byte,
            self.selected().and_then(|line| line.range.clone()),
        ) {
            (_, Some(range)) => range,
            (Some(byte), None) => byte..byte + 1,
            (None, None) => 0..0,
        }
    }

    /// Moves the selected line.
    pub fn step(&mut self, by: isize) {
        self.byte = None;
        self.cursor.step(by, self.open.len());
    }

    /// Selects a byte, and the field that it belongs to.
    pub fn step_byte(&mut self, by: isize) {
        let Some(half) = self.selected().map_or(Some(0), |line| Some(line.half)) else {
            return;
        };
        let length = self.halves.get(half).map_or(0, |half| half.bytes.len());
        let from = self.byte.unwrap_or_else(|| self.marked().start);
        let byte = from.saturating_add_signed(by).min(length.saturating_sub(1));
        self.byte = Some(byte);
        // The smallest thing that holds the byte, even if it is folded away.
        let best = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.half == half)
            .filter_map(|(at, line)| Some((at, line.range.clone()?)))
            .filter(|(_, range)| range.contains(&byte))
            .min_by_key(|(at, range)| (range.len(), usize::MAX - at));
        if let Some((line, _)) = best {
            self.reveal(line);
        }
    }

    /// Unfolds the selected branch, or goes to its first leaf.
    pub fn unfold(&mut self) {
        let Some(line) = self.selected().cloned() else {
            return;
        };
        if line.branch && self.is_folded(&line) {
            self.set_folded(&line, false);
        } else if line.branch {
            self.step(1);
        }
    }

    /// Folds the selected branch, or goes to the branch that it is in.
    pub fn fold(&mut self) {
        let Some(line) = self.selected().cloned() else {
            return;
        };
        if line.branch && !self.is_folded(&line) {
            self.set_folded(&line, true);
            return;
        }
        let above = self.lines().take(self.cursor.at).collect::<Vec<_>>();
        if let Some(parent) = above.iter().rposition(|above| above.depth < line.depth) {
            self.cursor.at = parent;
        }
    }

    /// Unfolds or folds the selected branch.
    pub fn toggle(&mut self) {
        if let Some(line) = self.selected().cloned()
            && line.branch
        {
            self.set_folded(&line, !self.is_folded(&line));
        }
    }

    /// Whether a line has others below it, and whether they are folded away.
    pub fn branch(&self, line: &Line) -> Option<bool> {
        line.branch.then(|| self.is_folded(line))
    }

    /// Selects the next line that contains a text, after the selected one.
    pub fn find(&mut self, is_match: impl Fn(&str) -> bool) -> bool {
        let found = self
            .lines
            .iter()
            .position(|line| is_match(&format!("{}: {}", line.label, line.text)));
        if let Some(line) = found {
            self.reveal(line);
        }
        found.is_some()
    }

    /// Selects the bytes of the first occurrence.
    pub fn find_bytes(&mut self, bytes: &[u8]) {
        let at = self.halves.iter().enumerate().find_map(|(number, half)| {
            let mut windows = half.bytes.windows(bytes.len().max(1));
            Some((number, windows.position(|window| window == bytes)?))
        });
        if let Some((half, at)) = at {
            let first = self
                .open
                .iter()
                .position(|line| self.lines.get(*line).is_some_and(|line| line.half == half));
            self.cursor.at = first.unwrap_or(0);
            self.byte = Some(at);
            self.step_byte(0);
        }
    }

    fn reveal(&mut self, line: usize) {
        let Some(target) = self.lines.get(line).cloned() else {
            return;
        };
        let mut depth = target.depth;
        for above in (0..line).rev() {
            let Some(parent) = self.lines.get(above).cloned() else {
                break;
            };
            if parent.depth < depth {
                depth = parent.depth;
                self.folded.remove(&parent.path);
                self.unfolded.insert(parent.path);
            }
        }
        self.refold();
        self.cursor.at = self.open.iter().position(|open| *open == line).unwrap_or(0);
    }

    fn is_folded(&self, line: &Line) -> bool {
        let at_first = FOLDED.contains(&line.label.as_str()) && line.depth == 0;
        self.folded.contains(&line.path) || at_first && !self.unfolded.contains(&line.path)
    }

    fn set_folded(&mut self, line: &Line, folded: bool) {
        if folded {
            self.unfolded.remove(&line.path);
            self.folded.insert(line.path.clone());
        } else {
            self.folded.remove(&line.path);
            self.unfolded.insert(line.path.clone());
        }
        self.refold();
    }

    fn mark_branches(&mut self) {
        let mut above: Vec<String> = Vec::new();
        let depths: Vec<_> = self
            .lines
            .iter()
            .map(|line| (line.half, line.depth))
            .collect();
        for (at, line) in self.lines.iter_mut().enumerate() {
            above.truncate(usize::from(line.depth));
            above.push(line.label.clone());
            line.path = above.join("/");
            line.branch = depths
                .get(at + 1)
                .is_some_and(|(half, depth)| *half == line.half && *depth > line.depth);
        }
    }

    fn refold(&mut self) {
        let mut open = Vec::with_capacity(self.lines.len());
        let mut hidden = u8::MAX;
        for (at, line) in self.lines.iter().enumerate() {
            if line.depth > hidden {
                continue;
            }
            hidden = u8::MAX;
            open.push(at);
            if line.branch && self.is_folded(line) {
                hidden = line.depth;
            }
        }
        self.open = open;
        self.cursor.at = self.cursor.at.min(self.open.len().saturating_sub(1));
    }
}

/// The label that the tree gives the message itself.
fn message_label(decoded: &crate::decode::Decoded<'_>) -> Option<String> {
    decoded.message?;
    Some(format!("{} {}", decoded.name(), decoded.part.name()))
}

/// Lines of one packet that no message has.
struct Lines<'a> {
    lines: &'a mut Vec<Line>,
    half: usize,
}

impl Lines<'_> {
    fn push(&mut self, depth: u8, label: &str, text: String, field: Option<&str>) {
        self.lines.push(Line {
            depth,
            label: label.to_owned(),
            text,
            half: self.half,
            field: field.map(str::to_owned),
            ..Line::default()
        });
    }

    fn packet(
        &mut self,
        store: &Store,
        row: u32,
        packet: &crate::packet::Packet<'_>,
        time: TimeFormat,
    ) {
        let header = &packet.header;
        let Some(found) = store.row(row) else {
            return;
        };
        let way = match header.direction {
            Direction::GuestToHost => "guest to host",
            Direction::HostToGuest => "host to guest",
        };
        let what = match header.kind {
            Kind::Lost => "packets are missing here".to_owned(),
            Kind::Refused => format!("{} bytes, never sent", header.payload_length),
            Kind::Packet => format!(
                "{way} on {}, {} bytes",
                store.channel_name(found),
                header.payload_length
            ),
        };
        self.push(
            0,
            "packet",
            format!("{}, {what}", packet.number),
            Some("frame.number"),
        );
        let previous = row.checked_sub(1).and_then(|row| store.row(row));
        let previous = previous.map_or(packet.time, |row| row.time());
        let relative = time.of(packet.time, store.start(), previous).to_string();
        self.push(1, "time", relative, None);
        if time != TimeFormat::Date {
            self.push(
                1,
                "date",
                TimeFormat::Date.of(packet.time, 0, 0).to_string(),
                None,
            );
        }
        if header.kind == Kind::Lost {
            return;
        }
        if header.known.has(Known::TASK) {
            self.push(1, "process", header.pid.to_string(), Some("dxg.pid"));
            self.push(1, "thread", header.tid.to_string(), Some("dxg.tid"));
            let name = format!("\"{}\"", escaped(&header.comm));
            self.push(1, "name", name, Some("dxg.comm"));
            self.push(1, "processor", header.cpu.to_string(), Some("dxg.cpu"));
        }
        self.push(
            1,
            "channel",
            header.channel.to_string(),
            Some("dxg.channel"),
        );
        self.push(
            1,
            "transaction",
            header.transaction.to_string(),
            Some("dxg.transaction"),
        );
        self.push(
            1,
            "packet type",
            header.packet_type.to_string(),
            Some("dxg.packet_type"),
        );
        if header.known.has(Known::RETURN_VALUE) {
            self.push(
                1,
                "return value",
                header.return_value.to_string(),
                Some("dxg.return_value"),
            );
        }
        if header.refused_attempts > 0 {
            let attempts = header.refused_attempts.to_string();
            self.push(
                1,
                "refused attempts",
                attempts,
                Some("dxg.refused_attempts"),
            );
        }
        if header.known.has(Known::EXPECTED_REPLY) {
            let length = header.expected_reply_length.to_string();
            self.push(
                1,
                "expected reply length",
                length,
                Some("dxg.expected_reply_length"),
            );
        }
        if header.known.has(Known::IOCTL) {
            self.push(
                1,
                "ioctl",
                format!("{:#x}", header.ioctl),
                Some("dxg.ioctl"),
            );
            self.push(
                1,
                "ioctl result",
                header.ioctl_result.to_string(),
                Some("dxg.ioctl_result"),
            );
        }
        if packet.is_cut() {
            let text = format!(
                "{} of {} bytes",
                packet.payload.len(),
                header.payload_length
            );
            self.push(1, "captured", text, None);
        }
        if let Some(peer) = found.peer().and_then(|peer| store.row(peer)) {
            let (label, field) = match found.is_joined_reply() {
                true => ("request in", "dxg.request_in"),
                false => ("reply in", "dxg.reply_in"),
            };
            self.push(1, label, peer.number().to_string(), Some(field));
            let latency = duration(found.time().abs_diff(peer.time())).to_string();
            self.push(1, "time to reply", latency, None);
        }
    }

    fn lost(&mut self, payload: &[u8]) {
        let lost = Lost::decode(payload).unwrap_or_default();
        for (label, count) in [
            ("ring buffer full", lost.ring_full),
            ("probe not run", lost.missed_probes),
            ("queue full", lost.user_queue),
            ("memory not readable", lost.unreadable),
        ] {
            self.push(0, label, count.to_string(), None);
        }
    }

    fn finding(&mut self, finding: &crate::check::Finding, length: usize) {
        let description = finding.code.description();
        let label = format!("{} {}", description.severity.name(), description.word);
        let at = finding.at as usize;
        self.lines.push(Line {
            label,
            text: finding.to_string(),
            range: (at > 0 && at < length).then_some(at..at + 1),
            half: self.half,
            field: Some("dxg.finding".to_owned()),
            severity: Some(description.severity),
            ..Line::default()
        });
        self.push(1, "layer", description.layer.name().to_owned(), None);
        self.push(1, "cause", description.cause.to_owned(), None);
        self.push(1, "next step", description.next.to_owned(), None);
    }
}
