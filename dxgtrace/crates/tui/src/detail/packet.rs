//! The lines of the tree for everything but the message: pseudo-header, ioctl,
//! losses, findings.

use crate::store::CaptureStore;
use dxgtrace_protocol::decode::{FieldRef, Payload, escaped, locate_layout};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{Direction, IoctlEnd, RecordHeader, RecordKind};
use dxgtrace_protocol::record::{CHANNEL_LIFE, LOST, RECORD};
use dxgtrace_protocol::schema::FieldType;
use dxgtrace_render::output::{TimeFormat, duration, wrap};
use dxgtrace_session::check::Finding;

use super::super::views::line_writer::columns;
use super::TreeLine;

/// Fields of the pseudo-header that the packet's first line tells, or that say how
/// the header is to be read.
const IN_FIRST_LINE: [&str; 7] = [
    "version",
    "kind",
    "header_length",
    "direction",
    "channel_kind",
    "known",
    "payload_length",
];

const _: () = {
    let mut i = 0;
    while i < IN_FIRST_LINE.len() {
        assert!(RECORD.field(IN_FIRST_LINE[i]).is_some());
        i += 1;
    }
};

/// What a record is, in the packet's first line.
fn what(header: &RecordHeader, channel: &str) -> String {
    let length = header.payload_length;
    let way = match header.direction {
        Direction::GuestToHost => "guest to host",
        Direction::HostToGuest => "host to guest",
    };
    match header.kind {
        RecordKind::Lost => "packets are missing here".to_owned(),
        RecordKind::Ioctl => "an ioctl has ended".to_owned(),
        RecordKind::Channel => format!("what happened to {channel}"),
        RecordKind::Refused => format!("{length} bytes, never sent"),
        RecordKind::Packet => format!("{way} on {channel}, {length} bytes"),
    }
}

/// Appends lines for one packet to a tree.
pub(super) struct Lines<'a> {
    pub(super) lines: &'a mut Vec<TreeLine>,
    /// Index of the packet in [`super::PacketDetail::halves`].
    pub(super) half: usize,
    /// Width of the tree, in columns.
    pub(super) width: usize,
}

impl Lines<'_> {
    fn push(&mut self, depth: u8, label: &str, text: String, field: Option<&str>) {
        self.lines.push(TreeLine {
            depth,
            label: label.to_owned(),
            text,
            half: self.half,
            field: field.map(str::to_owned),
            ..TreeLine::default()
        });
    }

    pub(super) fn packet(
        &mut self,
        store: &CaptureStore,
        row: u32,
        packet: &Packet<'_>,
        time: TimeFormat,
    ) {
        let header = packet.header;
        let Some(found) = store.row(row) else {
            return;
        };
        let number = packet.number;
        let what = what(header, store.channel_name(found));
        self.push(
            0,
            "packet",
            format!("{number}, {what}"),
            Some("frame.number"),
        );
        let previous = row.checked_sub(1).and_then(|row| store.row(row));
        let previous = previous.map_or(packet.time, |row| row.time());
        let relative = time.text(packet.time, store.start(), previous).to_string();
        self.push(1, "time", relative, None);
        if time != TimeFormat::Date {
            let date = TimeFormat::Date.text(packet.time, 0, 0).to_string();
            self.push(1, "date", date, None);
        }
        if header.kind == RecordKind::Lost {
            return;
        }
        self.header(header);
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

    /// The fields of the pseudo-header that say something, as described.
    fn header(&mut self, header: &RecordHeader) {
        let encoded = header.encode();
        for spot in locate_layout(&RECORD, Payload::whole(&encoded)).fields() {
            let field = spot.field;
            // 0 says that there is none, but of processors.
            let none = spot.number() == Some(0) && field.when.is_none() && field.name != "cpu";
            if !none && !IN_FIRST_LINE.contains(&field.name) {
                self.field(1, field.name, &spot);
            }
        }
    }

    /// One field of the description.
    fn field(&mut self, depth: u8, label: &str, spot: &FieldRef<'_>) {
        let text = match (spot.field.ty, spot.value()) {
            (FieldType::Byte, _) => format!("\"{}\"", escaped(spot.bytes)),
            (_, Some(value)) => value.to_string(),
            (_, None) => return,
        };
        let name = format!("dxg.{}", spot.field.name);
        self.push(depth, &label.replace('_', " "), text, Some(&name));
    }

    pub(super) fn ioctl(&mut self, payload: &[u8]) {
        let end = IoctlEnd::decode(payload).unwrap_or_default();
        let took = duration(end.duration).to_string();
        self.push(0, "duration", took, Some("dxg.ioctl_duration"));
        let messages = end.messages.to_string();
        self.push(0, "messages", messages, Some("dxg.ioctl_messages"));
    }

    pub(super) fn channel(&mut self, payload: &[u8]) {
        for spot in locate_layout(&CHANNEL_LIFE, Payload::whole(payload)).fields() {
            self.field(0, "event", &spot);
        }
    }

    /// How many packets were lost, by cause.
    pub(super) fn lost(&mut self, payload: &[u8]) {
        for spot in locate_layout(&LOST, Payload::whole(payload)).fields() {
            let name = spot.field.name;
            let cause = name.strip_prefix("lost.").unwrap_or(name);
            self.field(0, cause, &spot);
        }
    }

    pub(super) fn finding(&mut self, finding: &Finding, length: usize) {
        let description = finding.description();
        let label = format!("{} {}", description.severity.name(), description.word);
        let at = finding.at as usize;
        self.lines.push(TreeLine {
            label,
            text: finding.to_string(),
            range: (at > 0 && at < length).then_some(at..at + 1),
            half: self.half,
            field: Some("dxg.finding".to_owned()),
            severity: Some(description.severity),
            ..TreeLine::default()
        });
        self.wrap_last();
        for (label, text) in [
            ("layer", description.layer.name()),
            ("cause", description.cause),
            ("next step", description.next),
        ] {
            self.push(1, label, text.to_owned(), None);
            self.wrap_last();
        }
    }

    /// Wraps the text of the last line into further lines.
    fn wrap_last(&mut self) {
        let Some(last) = self.lines.last_mut() else {
            return;
        };
        // Two columns per depth, two for the fold mark, and two because further
        // lines are one level deeper.
        let width = self.width.saturating_sub(2 * usize::from(last.depth) + 4);
        // The first line begins two columns further left, which `: ` uses up.
        let taken = columns(&last.label);
        let whole = std::mem::take(&mut last.text);
        let mut parts = wrap::lines(&whole, width.saturating_sub(taken), width).into_iter();
        last.text = parts.next().unwrap_or_default().to_owned();
        let rest = TreeLine {
            depth: last.depth + 1,
            severity: last.severity,
            half: last.half,
            ..TreeLine::default()
        };
        let further = parts.map(|text| TreeLine {
            text: text.to_owned(),
            ..rest.clone()
        });
        let further: Vec<TreeLine> = further.collect();
        last.whole = Some(whole);
        self.lines.extend(further);
    }
}
