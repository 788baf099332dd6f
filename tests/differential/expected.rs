//! Derives the expected output of the dissector from the decoder.

use std::collections::BTreeSet;
use std::io::Read;

use anyhow::Result;
use dxgtrace_file::Reader;
use dxgtrace_protocol::decode::{self, Decoded, FieldRef, LocatedBody, Payload, escaped, summary};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{LENGTH, RecordKind};
use dxgtrace_protocol::record::{CHANNEL_LIFE, IOCTL_END, LOST, RECORD};
use dxgtrace_protocol::schema::{Field, FieldRule, FieldType, ObjectKind, TailElement};
use dxgtrace_render::export::reported_in_wireshark;
use dxgtrace_session::Session;
use dxgtrace_session::check::Code;

/// Bytes of the tags before the pseudo-header.
const TAGS: usize = 16;
/// Elements of one array that the dissector shows at most.
const SHOWN_ELEMENTS: usize = 256;

/// The expected value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedValue {
    /// A number, and its size in bytes.
    Number(u64, u16),
    /// Text.
    Text(String),
    /// Opaque bytes.
    Bytes(Vec<u8>),
}

/// A field of a frame.
#[derive(Debug, Clone)]
pub struct ExpectedField {
    /// Its filter name.
    pub name: String,
    /// Offset in the frame.
    pub at: usize,
    /// Its value.
    pub what: ExpectedValue,
}

/// The expected output for a frame.
#[derive(Debug, Default)]
pub struct Frame {
    /// The line.
    pub line: String,
    /// The message's name, if known.
    pub message: Option<&'static str>,
    /// Request, reply or event.
    pub part: Option<&'static str>,
    /// Of a reply: the request's frame and the nanoseconds since.
    pub request: Option<(usize, u64)>,
    /// Of a request: the reply's frame.
    pub reply: Option<usize>,
    /// Codes and sentences of its findings.
    pub findings: BTreeSet<(String, String)>,
    /// Bytes that were not captured.
    pub missing: usize,
    /// All other fields.
    pub entries: Vec<ExpectedField>,
}

/// Walks a capture.
pub fn expected(input: impl Read) -> Result<Vec<Frame>> {
    let mut reader = Reader::new(input)?;
    let mut session = Session::new();
    let mut frames: Vec<Frame> = Vec::new();
    let reported: Vec<Code> = reported_in_wireshark().collect();
    while let Some(record) = reader.next_record()? {
        let packet = record.packet;
        let mut frame = Frame::default();
        let seen = session.analyze(&packet, &mut |finding| {
            if reported.contains(&finding.code()) {
                let code = finding.code().word().to_owned();
                frame.findings.insert((code, finding.to_string()));
            }
        });
        if let Some(request) = session.answered_request() {
            let time = request.latency(&packet);
            let from = request.number as usize;
            frame.request = Some((from, time));
            let number = frames.len() + 1;
            if let Some(asked) = frames.get_mut(from - 1) {
                asked.reply = Some(number);
            }
        }
        let decoded = seen.decoded;
        frame.line = summary(&packet, decoded.as_ref()).to_string();
        frame.missing =
            (packet.header.payload_length as usize).saturating_sub(packet.payload.len());
        frame.fields(&packet, decoded.as_ref());
        frames.push(frame);
    }
    Ok(frames)
}

impl Frame {
    fn fields(&mut self, packet: &Packet<'_>, decoded: Option<&Decoded<'_>>) {
        let header = packet.header.encode();
        let mut walk = Walk {
            entries: &mut self.entries,
            origin: TAGS,
        };
        for spot in decode::locate_layout(&RECORD, Payload::whole(&header)).fields() {
            match spot.field.ty {
                FieldType::Byte => {
                    let comm = escaped(spot.bytes).to_string();
                    walk.push(spot.field.name, spot.at, ExpectedValue::Text(comm));
                }
                _ => walk.field_ref("", &spot),
            }
        }
        walk.origin += LENGTH;
        let layout = match packet.header.kind {
            RecordKind::Lost => Some(&LOST),
            RecordKind::Ioctl => Some(&IOCTL_END),
            RecordKind::Channel => Some(&CHANNEL_LIFE),
            RecordKind::Packet | RecordKind::Refused => None,
        };
        if let Some(layout) = layout {
            let body = decode::locate_layout(layout, Payload::of_packet(packet));
            walk.located("", &body);
            walk.trailing(&body);
        }
        let Some(decoded) = decoded else { return };
        for header in decoded.headers() {
            walk.located("", &header);
        }
        if let Some(body) = &decoded.body {
            let prefix = format!("{}.", decoded.name());
            walk.located(&prefix, body);
            walk.trailing(body);
            if let (Some(status), decode::MessagePart::Reply, Some(at)) =
                (decoded.status(), decoded.part, body.layout.status)
            {
                walk.push(
                    "status",
                    usize::from(at),
                    ExpectedValue::Number(status.into(), 4),
                );
            }
        }
        if let Some(short) = &decoded.short_reply
            && let Some(status) = short.status
        {
            walk.push(
                "status",
                short.status_at,
                ExpectedValue::Number(status.into(), 4),
            );
        }
        self.message = decoded.message.map(|message| message.name);
        self.part = Some(decoded.part.name());
    }
}

/// Writes down the fields of one frame.
struct Walk<'w> {
    entries: &'w mut Vec<ExpectedField>,
    origin: usize,
}

impl Walk<'_> {
    fn push(&mut self, name: &str, at: usize, what: ExpectedValue) {
        self.entries.push(ExpectedField {
            name: format!("dxg.{name}"),
            at: self.origin + at,
            what,
        });
    }

    fn bytes(&mut self, name: &str, at: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.push(name, at, ExpectedValue::Bytes(bytes.to_vec()));
        }
    }

    /// One number, its bits, and the kinds of object that it names.
    fn number(&mut self, name: &str, ty: FieldType, output: bool, at: usize, raw: u64) {
        self.push(name, at, ExpectedValue::Number(raw, ty.size()));
        if let FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) = ty {
            for bit in set.bits {
                let name = format!("{name}.{}", bit.name);
                self.push(
                    &name,
                    at,
                    ExpectedValue::Number(bit.extract(raw), ty.size()),
                );
            }
        }
        let kinds = match ty {
            FieldType::Handle(kinds) => kinds,
            FieldType::Event => &[ObjectKind::GuestEvent],
            _ => return,
        };
        if raw != 0 && !output {
            for kind in kinds {
                self.push(kind.name(), at, ExpectedValue::Number(raw, ty.size()));
            }
        }
    }

    fn field_ref(&mut self, prefix: &str, spot: &FieldRef<'_>) {
        let Field { ty, count, .. } = *spot.field;
        let name = format!("{prefix}{}", spot.field.name);
        let output = matches!(spot.field.rule, FieldRule::Output);
        match (ty, spot.value()) {
            (FieldType::Byte, _) if count > 1 => self.bytes(&name, spot.at, spot.bytes),
            (FieldType::Utf16, Some(value)) if count > 1 && !spot.bytes.is_empty() => {
                let text = value.to_string();
                let text = text.get(1..text.len() - 1).unwrap_or_default();
                self.push(&name, spot.at, ExpectedValue::Text(text.to_owned()));
            }
            (_, Some(value)) if count > 1 => {
                let size = usize::from(ty.size());
                let elements = value
                    .elements()
                    .take(spot.used_elements.min(SHOWN_ELEMENTS));
                for (index, element) in elements.enumerate() {
                    let raw = element.as_number().unwrap_or_default();
                    self.number(&name, ty, output, spot.at + index * size, raw);
                }
                let used = spot.used_elements * size;
                let rest = spot.bytes.get(used..).unwrap_or_default();
                self.bytes("padding", spot.at + used, rest);
            }
            _ => {
                if let Some(raw) = spot.number() {
                    let whole = |(shift, width): &(u8, u8)| shift % 8 == 0 && width % 8 == 0;
                    let skipped = spot
                        .field
                        .bits
                        .filter(whole)
                        .map_or(0, |(shift, _)| shift / 8);
                    self.number(&name, ty, output, spot.at + usize::from(skipped), raw);
                }
            }
        }
    }

    fn located(&mut self, prefix: &str, body: &LocatedBody<'_>) {
        for spot in body.fields() {
            self.field_ref(prefix, &spot);
        }
        for (at, length) in body.layout.gaps {
            let at = usize::from(at);
            self.bytes("padding", body.base + at, body.bytes(at, length.into()));
        }
        for tail in body.tails() {
            let name = format!("{prefix}{}", tail.tail.name);
            let output = matches!(tail.tail.rule, FieldRule::Output);
            match tail.tail.element {
                TailElement::Struct(structure) => {
                    let whole = tail.bytes.len() / usize::from(structure.size);
                    for index in 0..whole.min(SHOWN_ELEMENTS) {
                        for spot in tail.members(index) {
                            self.field_ref(&format!("{name}."), &spot);
                        }
                    }
                }
                TailElement::Value(FieldType::Byte) => self.bytes(&name, tail.at, tail.bytes),
                TailElement::Value(ty) => {
                    let size = usize::from(ty.size());
                    let elements = tail.bytes.chunks_exact(size).take(SHOWN_ELEMENTS);
                    for (index, bytes) in elements.enumerate() {
                        let raw = bytes
                            .iter()
                            .rev()
                            .fold(0, |raw, byte| raw << 8 | u64::from(*byte));
                        self.number(&name, ty, output, tail.at + index * size, raw);
                    }
                }
            }
            if !tail.bytes.is_empty() {
                for spot in tail.view_fields() {
                    self.field_ref(&format!("{name}."), &spot);
                }
            }
        }
        if let Some(unused) = body.unused_range() {
            let bytes = body.bytes(unused.start, unused.len());
            self.bytes("padding", body.base + unused.start, bytes);
        }
    }

    fn trailing(&mut self, body: &LocatedBody<'_>) {
        let Some(described) = body.described.and_then(|end| usize::try_from(end).ok()) else {
            return;
        };
        if body.length > described {
            let bytes = body.bytes(described, body.length - described);
            self.bytes("trailing", body.base + described, bytes);
        }
    }
}
