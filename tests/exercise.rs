//! Runs all code that reads packets on arbitrary bytes, for property tests and fuzz
//! targets.
//!
//! The bytes of a target are a list of records: [`RECORD`] bytes that stand for the
//! record header, then the payload. [`encode`] writes this form, so that generated and
//! captured packets can seed a corpus.

use std::fmt::{self, Write};
use std::io::{Cursor, sink};

use dxgtrace_doctor::ConfigSpace;
use dxgtrace_file::{RandomReader, Reader};
use dxgtrace_protocol::decode::{ArrayRef, Decoded, FieldRef, MessagePart, PendingRequest, tree};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::TailElement;
use dxgtrace_query::filter::{FieldOptions, Filter, FilterRecord, complete, fields};
use dxgtrace_render::output::{JsonLines, TextDetail, TextWriter, TimeFormat};
use dxgtrace_session::Session;
use dxgtrace_session::check;
use dxgtrace_session::entry::{Entry, Sink};

/// Bytes before the payload of a record: direction, channel, packet type,
/// flags, what is known (one byte each but the last), 2 spare, then payload
/// length, captured length, expected reply length.
pub const RECORD: usize = 20;

/// Checks and reads the one packet that the bytes describe.
pub fn packet(data: &[u8]) {
    if let Some((header, payload, _)) = decode(data) {
        run(&whole(&header, payload), None);
    }
}

/// Checks and reads the packets that the bytes describe, each completion as the reply
/// to the request before it.
pub fn exchange(mut data: &[u8]) {
    let mut pending = None;
    while let Some((header, payload, rest)) = decode(data) {
        if let Some(decoded) = run(&whole(&header, payload), pending.as_ref())
            && decoded.part == MessagePart::Request
        {
            pending = Some(PendingRequest::new(&decoded));
        }
        data = rest;
    }
}

/// Reads the bytes as a capture file: runs the session, formats findings, comments, a
/// line and JSON for each packet, and reads each record again at its offset.
pub fn file(data: &[u8]) {
    let Ok(mut reader) = Reader::new(data) else {
        return;
    };
    let mut session = Session::new();
    let mut text = TextWriter::new(sink(), TimeFormat::Relative, TextDetail::default(), false);
    let Ok(mut json) = JsonLines::new(sink(), "", false) else {
        return;
    };
    let mut places = Vec::new();
    let mut findings = Vec::new();
    while let Ok(Some(record)) = reader.next_record() {
        findings.clear();
        let seen = session.analyze(&record.packet, &mut |finding| findings.push(finding));
        let entry = Entry {
            packet: &record.packet,
            channels: record.channels,
            analysis: &seen,
            request: session.answered_request(),
            findings: &findings,
            changes: session.object_changes(),
            reply_in: None,
            capture_start: 0,
            previous_captured: 0,
            previous_shown: 0,
        };
        // The output is dropped, so writing cannot fail.
        let _ = text.entry(&entry).and_then(|()| json.entry(&entry));
        record.comments().for_each(drop);
        record.drop_count();
        if places.len() < 64 {
            places.push((record.packet.number, record.at));
        }
    }
    session.finish(&mut |_, finding| {
        let _ = finding.to_string();
    });
    session.objects();
    session.memory_accounts();
    session.cpu_waits();
    session.queues();
    session.held_queues();
    session.interrupted_waits().for_each(drop);
    let mut again = RandomReader::new(Cursor::new(data), reader.into_layout());
    for (number, at) in places {
        // It was read once, from the same bytes.
        assert!(again.read_at(number, at).is_ok(), "packet {number}");
    }
}

/// Reads the bytes as a saved PCI configuration space, or as the listing of
/// some.
pub fn config_space(data: &[u8]) {
    for (_, space) in ConfigSpace::of_file(data).into_iter().flatten() {
        let offered = |_: &[u8; 16]| data.first().map(|byte| byte % 2 == 0);
        for fact in [space.facts(None), space.facts(Some(&offered))].concat() {
            let shown = format!("{}{}", fact.text, fact.fix);
            assert!(!shown.contains('\u{1b}'), "{shown}");
        }
    }
}

/// The configuration space of a virtual GPU with these registers.
pub fn virtual_gpu(channel: &[u8; 16], version: u32, luid: u64, capabilities: u32) -> Vec<u8> {
    let mut space = vec![0; 256];
    space[..4].copy_from_slice(&[0x14, 0x14, 0x8e, 0]);
    space[192..208].copy_from_slice(channel);
    space[208..212].copy_from_slice(&version.to_le_bytes());
    space[212..220].copy_from_slice(&luid.to_le_bytes());
    space[220..224].copy_from_slice(&capabilities.to_le_bytes());
    space
}

/// Parses the text before the first NUL as a filter, and applies it to the packet that
/// the bytes after the NUL describe. The printed filter must have the same result.
pub fn filter(data: &[u8]) {
    let (text, rest) = match data.iter().position(|byte| *byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let text = String::from_utf8_lossy(text);
    complete(&text, text.len());
    complete(&text, text.len() / 2);
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            let shown = format!("{error}{}", error.caret());
            assert!(!shown.contains('\u{1b}'), "{shown}");
            return;
        }
    };
    let printed = filter.to_string();
    let again = Filter::parse(&printed);
    assert!(again.is_ok(), "{printed}: {again:?}");
    let Ok(again) = again else { return };
    assert_eq!(again.to_string(), printed);
    if let Some((header, payload, _)) = decode(rest) {
        let packet = whole(&header, payload);
        let mut decoded = None;
        check::decode_and_check(&packet, None, &mut decoded, &mut |_| {});
        let record = FilterRecord::new(&packet).with_decoded(decoded.as_ref());
        assert_eq!(filter.matches(&record), again.matches(&record), "{printed}");
    }
}

/// Writes every field of a packet as a column.
fn columns(packet: &Packet<'_>, decoded: &Decoded<'_>) {
    let record = FilterRecord::new(packet).with_decoded(Some(decoded));
    let options = FieldOptions::default();
    let mut text = String::new();
    for field in fields() {
        text.clear();
        field.append(&record, &options, &mut text);
        assert!(!text.contains(char::is_control), "{}: {text:?}", field.name);
    }
}

/// Checks a packet and reads all of it. Returns the decoded message.
pub fn run<'a>(packet: &Packet<'a>, pending: Option<&PendingRequest>) -> Option<Decoded<'a>> {
    let mut said = 0;
    let mut decoded = None;
    check::decode_and_check(packet, pending, &mut decoded, &mut |finding| {
        said += show(&finding)
    });
    let decoded = decoded?;
    columns(packet, &decoded);
    let work = read(&decoded);
    // Each field and each byte of an array is read a few times at most.
    let room = 4096 + 16 * packet.payload.len();
    assert!(
        work < room,
        "{work} steps for {} bytes",
        packet.payload.len()
    );
    Some(decoded)
}

/// Reads every field, tail, element and value. Returns their number.
pub fn read(decoded: &Decoded<'_>) -> usize {
    let mut work = 0;
    for part in decoded.headers().chain(decoded.body) {
        work += part.fields().map(|spot| value(&spot)).sum::<usize>();
        work += part.tails().map(|tail| elements(&tail)).sum::<usize>();
    }
    let mut at = 0;
    for span in decoded.regions() {
        assert_eq!(span.at, at, "spans follow each other");
        at += span.length;
        work += 1;
    }
    assert_eq!(at, decoded.payload.length, "spans add up");
    for node in tree(decoded, 16) {
        assert!(node.range.start <= node.range.end, "{node:?}");
        assert!(node.range.end <= at, "{node:?} within {at} bytes");
        show(&node.text);
    }
    work + decoded.status().map_or(0, |_| 1)
}

fn elements(tail: &ArrayRef<'_>) -> usize {
    let mut work = tail.view_fields().map(|spot| value(&spot)).sum::<usize>();
    for index in 0..tail.captured_elements() {
        work += match tail.tail.element {
            TailElement::Struct(_) => tail.members(index).map(|spot| value(&spot)).sum(),
            TailElement::Value(_) => usize::from(!tail.element(index).is_empty()),
        };
    }
    work
}

fn value(spot: &FieldRef<'_>) -> usize {
    let shown = spot.value().map_or(0, |value| show(&value));
    usize::from(spot.number().is_some()) + usize::from(shown > 0)
}

/// Formats `text`, and returns its length.
fn show(text: &impl fmt::Display) -> usize {
    struct Length(usize);
    impl Write for Length {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            assert!(text.chars().all(|letter| !letter.is_control()), "{text:?}");
            self.0 += text.len();
            Ok(())
        }
    }
    let mut length = Length(0);
    assert!(
        write!(length, "{text}").is_ok(),
        "nothing refuses to be shown"
    );
    length.0
}

/// Appends a packet in the form that [`packet`] and [`exchange`] read.
pub fn encode(packet: &Packet<'_>, out: &mut Vec<u8>) {
    let header = packet.header;
    out.push(header.direction as u8);
    out.push(header.channel_kind as u8);
    out.push(header.packet_type as u8);
    out.push(header.packet_flags as u8);
    out.extend(header.known.0.to_le_bytes());
    out.extend([0; 2]);
    out.extend(header.payload_length.to_le_bytes());
    out.extend((packet.payload.len() as u32).to_le_bytes());
    out.extend(header.expected_reply_length.to_le_bytes());
    out.extend(packet.payload);
}

/// The header and the payload of the first record, and what follows it.
fn decode(data: &[u8]) -> Option<(RecordHeader, &[u8], &[u8])> {
    let (record, rest) = data.split_first_chunk::<RECORD>()?;
    let [direction, channel, kind, flags, known @ ..] = record;
    let number = |at: usize| {
        let bytes = record.get(at..).and_then(|bytes| bytes.first_chunk());
        u32::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    let captured = (number(12) as usize).min(rest.len());
    let (payload, rest) = rest.split_at(captured);
    let header = RecordHeader {
        kind: RecordKind::Packet,
        direction: match direction & 1 {
            0 => Direction::GuestToHost,
            _ => Direction::HostToGuest,
        },
        channel_kind: match channel % 3 {
            0 => ChannelKind::Unknown,
            1 => ChannelKind::Global,
            _ => ChannelKind::Vgpu,
        },
        packet_type: u16::from(*kind),
        packet_flags: u16::from(*flags),
        known: KnownFields(u16::from_le_bytes([known[0], known[1]])),
        channel: 14,
        transaction: 1,
        pid: 1,
        tid: 1,
        comm: [0; 16],
        return_value: 0,
        refused_attempts: 0,
        expected_reply_length: number(16),
        interface_version: 0,
        ioctl: 0,
        ioctl_result: 0,
        cpu: 0,
        payload_length: number(8),
    };
    Some((header, payload, rest))
}

fn whole<'a>(header: &'a RecordHeader, payload: &'a [u8]) -> Packet<'a> {
    Packet {
        number: 1,
        time: 0,
        interface: 0,
        header,
        payload,
    }
}
