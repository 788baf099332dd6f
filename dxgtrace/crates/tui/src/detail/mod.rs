//! The selected packet as a tree of fields, and its bytes.

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

/// Most elements of a variable-length array that the tree lists.
const ELEMENTS: usize = 256;

/// One packet of the selected exchange.
#[derive(Debug, Default)]
pub struct ExchangeHalf {
    /// Row of the packet.
    pub row: u32,
    /// What the packet is: `request`, `reply`, `event`, `ioctl`, `lost`, `packet`.
    pub label: String,
    /// Captured bytes of its payload.
    pub bytes: Vec<u8>,
}

/// A line of the tree.
#[derive(Debug, Clone, Default)]
pub struct TreeLine {
    /// Depth in the tree; 0 is a top-level line.
    pub depth: u8,
    /// Name of the field or branch; empty if the line continues the text above.
    pub label: String,
    /// Value of the field.
    pub text: String,
    /// The whole text, if it was wrapped into the lines below.
    pub whole: Option<String>,
    /// Bytes of the field in the payload.
    pub range: Option<Range<usize>>,
    /// Index of the packet in [`PacketDetail::halves`].
    pub half: usize,
    /// Name of the field in filters.
    pub field: Option<String>,
    /// The object that the field names: possible kinds and handle.
    pub object: Option<(&'static [ObjectKind], u64)>,
    /// Worst severity of the findings on the field.
    pub severity: Option<Severity>,
    /// Labels from the root to this line. Identifies the line in the next
    /// packet, where it stays folded and selected.
    path: String,
    /// Whether lines below it belong to it.
    branch: bool,
}

/// The tree and the bytes of the selected packet.
#[derive(Debug, Default)]
pub struct PacketDetail {
    /// The selected packet, or request and reply of an exchange.
    pub halves: Vec<ExchangeHalf>,
    lines: Vec<TreeLine>,
    /// Indexes of the lines that are not inside a folded branch.
    open: Vec<usize>,
    /// The selected line, an index into `open`.
    pub cursor: Cursor,
    /// The selected byte, if a byte was selected rather than a line.
    pub byte: Option<usize>,
    /// Index of the first line shown in the bytes pane.
    pub bytes_top: usize,
    /// Paths of branches that the user has folded.
    folded: BTreeSet<String>,
    /// Paths of branches that the user has unfolded.
    unfolded: BTreeSet<String>,
    /// What `lines` was made from; `None` if it must be made again.
    loaded: Option<DetailContent>,
}

/// The packets and options that the lines are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DetailContent {
    row: u32,
    peer: Option<u32>,
    look: TreeLook,
}

/// Options of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLook {
    /// Whether request and reply are shown together.
    pub joined: bool,
    /// Format of times.
    pub time: TimeFormat,
    /// Width of the tree, in columns.
    pub width: u16,
}

impl PacketDetail {
    /// Loads a row, with the other half of its exchange if `look.joined`. Does
    /// nothing if it is loaded already.
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
                self.add_half(store, fetch, row, look);
            }
        }
        self.mark_branches();
        self.refold();
        // Select the same field as in the previous packet, to compare values.
        let again = path.and_then(|(half, path)| {
            let is_same = |line: &TreeLine| line.half == half && line.path == path;
            self.open
                .iter()
                .position(|line| self.lines.get(*line).is_some_and(is_same))
        });
        self.cursor.at = again.unwrap_or(0);
    }

    /// Makes the next [`PacketDetail::load`] load again.
    pub fn invalidate(&mut self) {
        self.loaded = None;
    }

    /// The lines that are not inside a folded branch.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &TreeLine> {
        self.open.iter().map(|line| {
            const EMPTY: &TreeLine = &TreeLine {
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
            self.lines.get(*line).unwrap_or(EMPTY)
        })
    }

    /// Number of lines that are not inside a folded branch.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// The selected line.
    pub fn selected(&self) -> Option<&TreeLine> {
        self.lines.get(*self.open.get(self.cursor.at)?)
    }

    /// Adds a packet of the exchange to the tree.
    fn add_half(
        &mut self,
        store: &CaptureStore,
        fetch: &mut PacketFetch,
        row: u32,
        look: TreeLook,
    ) {
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
            (RecordKind::Channel, _) => "channel",
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
        if packet.header.kind == RecordKind::Channel {
            lines.channel(packet.payload);
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

    /// Range of bytes to highlight in [`PacketDetail::shown_half`].
    pub fn highlighted(&self) -> Range<usize> {
        match (
            self.byte,
            self.selected().and_then(|line| line.range.clone()),
        ) {
            (_, Some(range)) => range,
            (Some(byte), None) => byte..byte + 1,
            (None, None) => 0..0,
        }
    }

    /// Moves the selection by `by` lines.
    pub fn step(&mut self, by: isize) {
        self.byte = None;
        self.cursor.step(by, self.open.len());
    }

    /// Moves the selected byte by `by` bytes, and selects its field.
    pub fn step_byte(&mut self, by: isize) {
        let Some(half) = self.selected().map_or(Some(0), |line| Some(line.half)) else {
            return;
        };
        let length = self.halves.get(half).map_or(0, |half| half.bytes.len());
        let from = self.byte.unwrap_or_else(|| self.highlighted().start);
        let byte = from.saturating_add_signed(by).min(length.saturating_sub(1));
        self.byte = Some(byte);
        // The innermost field that contains the byte; its branch is unfolded.
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

    /// Selects the first line whose `label: text` matches. False if none does.
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

    /// Selects the first occurrence of `bytes` in the payloads.
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

/// The label of the tree's line for the message itself.
fn message_label(decoded: &dxgtrace_protocol::decode::Decoded<'_>) -> Option<String> {
    decoded.message?;
    Some(format!("{} {}", decoded.name(), decoded.part.name()))
}
