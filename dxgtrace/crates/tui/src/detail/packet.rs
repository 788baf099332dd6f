//! The lines of the tree for everything but the message: pseudo-header, ioctl,
//! losses, findings.

use crate::store::CaptureStore;
use dxgtrace_protocol::decode::{Value, escaped};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::record::layout::IOCTL;
use dxgtrace_render::output::{TimeFormat, duration, wrap};
use dxgtrace_session::check::Finding;

use super::super::views::line_writer::columns;
use super::TreeLine;

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
        let way = match header.direction {
            Direction::GuestToHost => "guest to host",
            Direction::HostToGuest => "host to guest",
        };
        let what = match header.kind {
            RecordKind::Lost => "packets are missing here".to_owned(),
            RecordKind::Ioctl => "an ioctl has ended".to_owned(),
            RecordKind::Refused => format!("{} bytes, never sent", header.payload_length),
            RecordKind::Packet => format!(
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
        if header.kind == RecordKind::Lost {
            return;
        }
        if header.known.has(KnownFields::TASK) {
            self.push(1, "process", header.pid.to_string(), Some("dxg.pid"));
            self.push(1, "thread", header.tid.to_string(), Some("dxg.tid"));
            let name = format!("\"{}\"", escaped(&header.comm));
            self.push(1, "name", name, Some("dxg.comm"));
            self.push(1, "processor", header.cpu.to_string(), Some("dxg.cpu"));
        }
        if header.kind == RecordKind::Ioctl {
            self.call(header);
            return;
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
        if header.known.has(KnownFields::RETURN_VALUE) {
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
        if header.known.has(KnownFields::EXPECTED_REPLY) {
            let length = header.expected_reply_length.to_string();
            self.push(
                1,
                "expected reply length",
                length,
                Some("dxg.expected_reply_length"),
            );
        }
        self.call(header);
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

    /// Lines for the ioctl whose end is recorded, or in which the packet was sent.
    fn call(&mut self, header: &RecordHeader) {
        if header.known.has(KnownFields::IOCTL) {
            let name = Value::Enum(&IOCTL, header.ioctl.into()).to_string();
            self.push(1, "ioctl", name, Some("dxg.ioctl"));
        }
        if header.known.has(KnownFields::IOCTL_RESULT) {
            let result = header.ioctl_result.to_string();
            self.push(1, "ioctl result", result, Some("dxg.ioctl_result"));
        }
        if header.kind == RecordKind::Ioctl && header.known.has(KnownFields::RETURN_VALUE) {
            let value = header.return_value.to_string();
            self.push(1, "wait returned", value, Some("dxg.return_value"));
        }
    }

    pub(super) fn ioctl(&mut self, payload: &[u8]) {
        let end = IoctlEnd::decode(payload).unwrap_or_default();
        let took = duration(end.duration).to_string();
        self.push(0, "duration", took, Some("dxg.ioctl_duration"));
        let messages = end.messages.to_string();
        self.push(0, "messages", messages, Some("dxg.ioctl_messages"));
    }

    pub(super) fn lost(&mut self, payload: &[u8]) {
        let lost = LostPackets::decode(payload).unwrap_or_default();
        for (label, count) in [
            ("ring buffer full", lost.ring_full),
            ("probe not run", lost.missed_probes),
            ("queue full", lost.user_queue),
            ("memory not readable", lost.unreadable),
        ] {
            self.push(0, label, count.to_string(), None);
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
