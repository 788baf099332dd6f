//! The example in `docs/capture-format.md` is what the program reads and writes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use dxgtrace_file::{CaptureOrigin, FlushPolicy, Reader, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};

const DOCUMENT: &str = include_str!("../../docs/capture-format.md");

fn example() -> Vec<u8> {
    let (_, after) = DOCUMENT.split_once("```hex\n").expect("no hex example");
    let (hex, _) = after.split_once("```").expect("the example does not end");
    hex.lines()
        .filter_map(|line| line.split(';').next())
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

const TIME: u64 = 1_767_225_606_795_638_421;

fn channel() -> Channel {
    Channel {
        name: "global".to_owned(),
        kind: ChannelKind::Global,
        relid: 20,
        instance: Some(*b"\xe4\xa2\xc1\x5a\x37\x7a\xd1\x4b\xa5\xa2\x0f\x3f\x7a\x1c\x9e\x01"),
    }
}

fn first() -> RecordHeader {
    RecordHeader {
        kind: RecordKind::Packet,
        direction: Direction::HostToGuest,
        channel_kind: ChannelKind::Global,
        packet_type: 11,
        packet_flags: 0,
        known: KnownFields(KnownFields::TASK | KnownFields::REQUESTER),
        channel: 20,
        transaction: 1,
        pid: 25,
        tid: 26,
        comm: *b"kworker/u4:1\0\0\0\0",
        return_value: 0,
        refused_attempts: 0,
        expected_reply_length: 0,
        interface_version: 40,
        ioctl: 0,
        ioctl_result: 0,
        cpu: 1,
        payload_length: 8,
    }
}

fn second() -> RecordHeader {
    RecordHeader {
        kind: RecordKind::Lost,
        packet_type: 0,
        known: KnownFields(0),
        transaction: 0,
        pid: 0,
        tid: 0,
        comm: [0; 16],
        cpu: 0,
        payload_length: 32,
        ..first()
    }
}

const LOST: LostPackets = LostPackets {
    ring_full: 2,
    missed_probes: 1,
    user_queue: 0,
    unreadable: 0,
};
const MESSAGE: &[u8] = b"\x0d\0\0\xc0\0\0\0\0";

#[test]
fn the_example_is_read_as_the_text_says() {
    let bytes = example();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!(record.packet.number, 1);
    assert_eq!(record.packet.time, TIME);
    assert_eq!(*record.packet.header, first());
    assert_eq!(record.packet.payload, MESSAGE);
    assert_eq!(record.comments().collect::<Vec<_>>(), ["status.failed"]);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!(*record.packet.header, second());
    assert_eq!(LostPackets::decode(record.packet.payload), Some(LOST));
    assert_eq!(record.drop_count(), 3);
    assert!(reader.next_record().unwrap().is_none());
    assert_eq!(reader.channels(), [channel()]);
}

#[test]
fn the_example_is_what_the_writer_writes() {
    let about = CaptureOrigin {
        hardware: String::new(),
        os: "Linux".to_owned(),
        application: "dxgtrace".to_owned(),
    };
    let mut writer = Writer::new(Vec::new(), &about, FlushPolicy::EveryRecord).unwrap();
    let lost = LOST.encode();
    let headers = [first(), second()];
    let packet = |number, header, payload| Packet {
        number,
        time: TIME + (number - 1) * 1000,
        interface: 0,
        header,
        payload,
    };
    let comments = ["status.failed".to_owned()];
    writer
        .write(&packet(1, &headers[0], MESSAGE), &[channel()], &comments)
        .unwrap();
    writer
        .write(&packet(2, &headers[1], &lost), &[channel()], &[])
        .unwrap();
    let written = writer.finish().unwrap();
    for (at, (written, documented)) in written.iter().zip(example()).enumerate() {
        assert_eq!(*written, documented, "byte {at}");
    }
    assert_eq!(written.len(), example().len());
}

#[test]
fn the_offsets_in_the_table_add_up() {
    let (_, table) = DOCUMENT.split_once("### Pseudo-header").unwrap();
    let mut end = 0;
    for row in table.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, at, size, _, _, _] = cells[..] else {
            if end > 0 {
                break;
            }
            continue;
        };
        if let (Ok(at), Ok(size)) = (at.parse::<usize>(), size.parse::<usize>()) {
            assert_eq!(at, end, "{row}");
            end = at + size;
        }
    }
    assert_eq!(end, dxgtrace_protocol::record::header::LENGTH);
}
