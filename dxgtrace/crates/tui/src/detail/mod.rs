//! The selected packet: its tree and its bytes.

mod folds;
mod packet;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::store::{CaptureStore, PacketFetch, findings};
use dxgtrace_protocol::decode::tree;
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_render::output::TimeFormat;
use dxgtrace_session::check::Severity;

use super::cursor::Cursor;
use packet::Lines;

/// Elements of a tail that the tree lists at most.
const ELEMENTS: usize = 256;

/// One packet of the selected exchange.
#[derive(Debug, Default)]
pub struct ExchangeHalf {
    /// Its row.
    pub row: u32,
    /// `request`, `reply` ...
    pub label: String,
    /// What was captured of its payload.
    pub bytes: Vec<u8>,
}

/// A line of the tree.
#[derive(Debug, Clone, Default)]
pub struct TreeLine {
    /// How far below the root.
    pub depth: u8,
    /// What it is.
    pub label: String,
    /// What it says.
    pub text: String,
    /// All of that, if it goes on in the lines below.
    pub whole: Option<String>,
    /// Its bytes in the payload.
    pub range: Option<Range<usize>>,
    /// Of which packet.
    pub half: usize,
    /// Its name in filters.
    pub field: Option<String>,
    /// The object that it names: the kinds that it may be of, and its handle.
    pub object: Option<(&'static [ObjectKind], u64)>,
    /// The worst finding on it.
    pub severity: Option<Severity>,
    /// Names of the lines above and its own: what is folded stays folded in
    /// the next packet.
    path: String,
    branch: bool,
}

/// The tree and the bytes of the selected packet.
#[derive(Debug, Default)]
pub struct PacketDetail {
    /// The packets: the selected one, or both of an exchange.
    pub halves: Vec<ExchangeHalf>,
    lines: Vec<TreeLine>,
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
    loaded: Option<DetailContent>,
}

/// What the lines were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DetailContent {
    row: u32,
    peer: Option<u32>,
    look: TreeLook,
}

/// How lines are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLook {
    /// Whether both halves of an exchange are shown.
    pub joined: bool,
    /// How times are written.
    pub time: TimeFormat,
    /// Columns that a line has.
    pub width: u16,
}

impl PacketDetail {
    /// Shows a row, perhaps with the other half of its exchange.
    pub fn load(
        &mut self,
        store: &CaptureStore,
        fetch: Option<&mut PacketFetch>,
        row: Option<u32>,
        look: TreeLook,
    ) {
        let wanted = row.and_then(|index| {
            let row = store.row(index)?;
            let peer = row.peer().filter(|_| look.joined);
            Some(DetailContent {
                row: index,
                peer,
                look,
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
                self.half(store, fetch, row, look);
            }
        }
        self.mark_branches();
        self.refold();
        // The same field of the next packet, so that values can be compared.
        let again = path.and_then(|(half, path)| {
            let is_same = |line: &TreeLine| line.half == half && line.path == path;
            self.open
                .iter()
                .position(|line| self.lines.get(*line).is_some_and(is_same))
        });
        self.cursor.at = again.unwrap_or(0);
    }

    /// Makes the next [`PacketDetail::load`] load.
    pub fn forget(&mut self) {
        self.loaded = None;
    }

    /// The lines that are not folded away.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &TreeLine> {
        self.open.iter().map(|line| {
            const NOTHING: &TreeLine = &TreeLine {
                depth: 0,
                label: String::new(),
                text: String::new(),
                whole: None,
                range: None,
                half: 0,
                field: None,
                object: None,
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
    pub fn selected(&self) -> Option<&TreeLine> {
        self.lines.get(*self.open.get(self.cursor.at)?)
    }

    /// Adds a packet of the exchange.
    fn half(&mut self, store: &CaptureStore, fetch: &mut PacketFetch, row: u32, look: TreeLook) {
        let half = self.halves.len();
        let Some(found) = store.row(row) else {
            return;
        };
        let fetched = match fetch.row(store.rows(), found, None) {
            Ok(fetched) => fetched,
            Err(error) => {
                self.lines.push(TreeLine {
                    label: "cannot be read".to_owned(),
                    text: error.to_string(),
                    half,
                    severity: Some(Severity::Error),
                    ..TreeLine::default()
                });
                self.halves.push(ExchangeHalf {
                    row,
                    ..ExchangeHalf::default()
                });
                return;
            }
        };
        let packet = &fetched.packet;
        let label = match (packet.header.kind, found.part()) {
            (RecordKind::Lost, _) => "lost",
            (RecordKind::Ioctl, _) => "ioctl",
            (_, Some(part)) => part.name(),
            (_, None) => "packet",
        };
        let mut lines = Lines {
            lines: &mut self.lines,
            half,
            width: usize::from(look.width),
        };
        lines.packet(store, row, packet, look.time);
        if packet.header.kind == RecordKind::Lost {
            lines.lost(packet.payload);
        }
        if packet.header.kind == RecordKind::Ioctl {
            lines.ioctl(packet.payload);
        }
        let first = lines.lines.len();
        if let Some(decoded) = &fetched.decoded {
            for node in tree(decoded, ELEMENTS) {
                let root = node.depth == 0
                    && Some(node.label.as_str()) == message_label(decoded).as_deref();
                lines.lines.push(TreeLine {
                    depth: node.depth,
                    label: node.label,
                    text: node.text,
                    range: Some(node.range),
                    half,
                    object: node.object,
                    field: node
                        .field
                        .or_else(|| root.then(|| "dxg.message".to_owned())),
                    ..TreeLine::default()
                });
            }
        }
        let found = findings(store.rows(), row);
        for finding in &found {
            let severity = finding.severity();
            let at = finding.at as usize;
            for line in lines.lines.iter_mut().skip(first) {
                let covers = line.range.as_ref().is_some_and(|range| {
                    range.start == at && line.label == finding.part() || range.is_empty()
                });
                if covers {
                    line.severity = line.severity.max(Some(severity));
                }
            }
            lines.finding(finding, packet.payload.len());
        }
        self.halves.push(ExchangeHalf {
            row,
            label: label.to_owned(),
            bytes: packet.payload.to_vec(),
        });
    }

    /// The packet whose bytes are shown.
    pub fn shown_half(&self) -> Option<&ExchangeHalf> {
        let half = self.selected().map_or(0, |line| line.half);
        self.halves.get(half)
    }

    /// The bytes to be marked in [`PacketDetail::shown_half`].
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
}

/// The label that the tree gives the message itself.
fn message_label(decoded: &dxgtrace_protocol::decode::Decoded<'_>) -> Option<String> {
    decoded.message?;
    Some(format!("{} {}", decoded.name(), decoded.part.name()))
}
