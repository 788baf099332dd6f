//! Reading and writing of capture files: round trips, cuts, damage, files of other
//! programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::{self, Cursor, Read, Write};

use dxgtrace_file::{
    BlockDamage, CaptureOrigin, FileSummary, FlushPolicy, NotACapture, RandomReader, ReadError,
    Reader, RecordAt, WriteError, Writer,
};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_tests::samples;
use dxgtrace_tests::synthetic::Owned;
use proptest::prelude::*;

type Read_ = (Vec<Owned>, Vec<Vec<String>>, Vec<RecordAt>);

/// Reads all that can be read, and the error that ended it.
fn read(bytes: &[u8]) -> (Read_, Vec<Channel>, FileSummary, Option<ReadError>) {
    read_from(bytes)
}

fn read_from(input: impl Read) -> (Read_, Vec<Channel>, FileSummary, Option<ReadError>) {
    let (mut packets, mut comments, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(error) => {
            let nothing = (packets, comments, places);
            return (nothing, Vec::new(), FileSummary::default(), Some(error));
        }
    };
    let error = loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                packets.push(Owned::new(&record.packet));
                comments.push(record.comments().map(|text| text.into_owned()).collect());
                places.push(record.at);
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(
        matches!(reader.next_record(), Ok(None)),
        "one error, then nothing"
    );
    let summary = reader.summary();
    let channels = reader.channels().to_vec();
    ((packets, comments, places), channels, summary, error)
}

fn channels() -> Vec<Channel> {
    let channel = |name: &str, kind, relid, first| Channel {
        name: name.to_owned(),
        kind,
        relid,
        instance: Some([first; 16]),
    };
    vec![
        channel("global", ChannelKind::Global, 20, 1),
        channel("vgpu0", ChannelKind::Vgpu, 21, 2),
        channel("vgpu1", ChannelKind::Vgpu, 22, 3),
    ]
}

fn header() -> RecordHeader {
    RecordHeader {
        kind: RecordKind::Packet,
        direction: Direction::GuestToHost,
        channel_kind: ChannelKind::Global,
        packet_type: 6,
        packet_flags: 1,
        known: KnownFields(KnownFields::TASK),
        channel: 20,
        transaction: 1,
        pid: 2,
        tid: 3,
        comm: *b"app\0\0\0\0\0\0\0\0\0\0\0\0\0",
        return_value: 0,
        refused_attempts: 0,
        expected_reply_length: 0,
        interface_version: 40,
        ioctl: 0,
        ioctl_result: 0,
        cpu: 0,
        payload_length: 0,
    }
}

fn owned(channel: u32, payload: &[u8]) -> Owned {
    Owned {
        time: 1_700_000_000_123_456_789,
        channel,
        header: RecordHeader {
            payload_length: payload.len() as u32,
            channel: 20u32.wrapping_add(channel),
            ..header()
        },
        payload: payload.to_vec(),
    }
}

fn write(packets: &[(Owned, Vec<String>)]) -> Vec<u8> {
    let mut writer = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )
    .unwrap();
    for (index, (packet, comments)) in packets.iter().enumerate() {
        let packet = packet.packet(index as u64 + 1);
        writer.write(&packet, &channels(), comments).unwrap();
    }
    writer.finish().unwrap()
}

fn plain(packets: &[Owned]) -> Vec<u8> {
    let packets: Vec<_> = packets.iter().map(|one| (one.clone(), vec![])).collect();
    write(&packets)
}

prop_compose! {
    fn any_header()(
        kind in prop_oneof![Just(RecordKind::Packet), Just(RecordKind::Refused)],
        direction in prop_oneof![Just(Direction::GuestToHost), Just(Direction::HostToGuest)],
        words in any::<[u32; 8]>(),
        halves in any::<[u16; 3]>(),
        transaction in any::<u64>(),
        comm in any::<[u8; 16]>(),
        signed in any::<[i32; 2]>(),
    ) -> RecordHeader {
        RecordHeader {
            kind,
            direction,
            channel_kind: ChannelKind::Global,
            packet_type: halves[0],
            packet_flags: halves[1],
            known: KnownFields(halves[2]),
            channel: words[0],
            transaction,
            pid: words[1],
            tid: words[2],
            comm,
            return_value: signed[0],
            refused_attempts: words[3],
            expected_reply_length: words[4],
            interface_version: words[5],
            ioctl: words[6],
            ioctl_result: signed[1],
            cpu: words[7],
            payload_length: 0,
        }
    }
}

prop_compose! {
    fn any_packet()(
        header in any_header(),
        time in any::<u64>(),
        channel in 0u32..3,
        payload in prop::collection::vec(any::<u8>(), 0..300),
        cut in prop_oneof![Just(0u32), any::<u32>()],
        comments in prop::collection::vec("\\PC{0,40}", 0..3),
    ) -> (Owned, Vec<String>) {
        let payload_length = (payload.len() as u32).saturating_add(cut);
        (Owned { time, channel, header: RecordHeader { payload_length, ..header }, payload }, comments)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(packets in prop::collection::vec(any_packet(), 0..12)) {
        let bytes = write(&packets);
        let ((read, comments, places), names, summary, error) = read(&bytes);
        prop_assert!(error.is_none());
        prop_assert_eq!(summary.packets, packets.len() as u64);
        let known = channels();
        for (got, (want, _)) in read.iter().zip(&packets) {
            prop_assert_eq!(&names[got.channel as usize], &known[want.channel as usize]);
            prop_assert_eq!(got.time, want.time);
            prop_assert_eq!(got.header, want.header);
            prop_assert_eq!(&got.payload, &want.payload);
        }
        let wanted: Vec<_> = packets.iter().map(|(_, comments)| comments.clone()).collect();
        prop_assert_eq!(comments, wanted);

        let mut reader = Reader::new(&bytes[..]).unwrap();
        while reader.next_record().unwrap().is_some() {}
        let mut random = RandomReader::new(Cursor::new(&bytes), reader.into_layout());
        for (index, at) in places.iter().enumerate().rev() {
            let record = random.read_at(index as u64 + 1, *at).unwrap();
            prop_assert_eq!(Owned::new(&record.packet), read[index].clone());
        }
    }

    #[test]
    fn no_damage_to_a_sample_makes_it_panic_or_hang(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut bytes = std::fs::read(samples().join("v40-errors.pcapng")).unwrap();
        for (at, value) in damage {
            *at.get_mut(&mut bytes) = value;
        }
        let (_, _, summary, _) = read(&bytes);
        prop_assert!(summary.packets <= 63 && summary.records <= 63);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
        let mut tail = plain(&[owned(0, b"first")]);
        tail.extend(bytes);
        let ((packets, ..), ..) = read(&tail);
        prop_assert!(!packets.is_empty());
    }
}

/// Gives one byte at a time, as a slow pipe may.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(to), Some((from, rest))) = (buffer.first_mut(), self.0.split_first()) else {
            return Ok(0);
        };
        *to = *from;
        self.0 = rest;
        Ok(1)
    }
}

#[test]
fn a_pipe_that_trickles_is_read_as_a_file() {
    let bytes = plain(&[owned(0, b"first"), owned(1, b"second")]);
    let (whole, trickled) = (read(&bytes), read_from(Trickle(&bytes)));
    assert_eq!(whole.0, trickled.0);
    assert!(trickled.3.is_none());
}

#[test]
fn a_record_is_given_out_before_the_next_one_arrives() {
    struct Stops<'a>(&'a [u8]);
    impl Read for Stops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("would wait")),
                count => Ok(count),
            }
        }
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::new(
        &mut bytes,
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )
    .unwrap();
    let first = owned(0, b"first");
    writer.write(&first.packet(1), &channels(), &[]).unwrap();
    drop(writer);
    let mut reader = Reader::new(Stops(&bytes)).unwrap();
    assert_eq!(
        reader.next_record().unwrap().unwrap().packet.payload,
        b"first"
    );
    assert!(matches!(reader.next_record(), Err(ReadError::Io { .. })));
}

#[test]
fn a_file_cut_anywhere_gives_all_whole_records_and_one_error() {
    let packets = [owned(0, b"one"), owned(1, b"twotwo"), owned(0, &[7; 100])];
    let bytes = plain(&packets);
    let ((_, _, places), ..) = read(&bytes);
    for cut in 0..bytes.len() {
        let ((read, ..), _, summary, error) = read(&bytes[..cut]);
        let whole = places
            .iter()
            .filter(|at| at.offset + u64::from(at.length) <= cut as u64)
            .count();
        assert_eq!(read, packets[..whole], "cut at {cut}");
        match error {
            // Between two blocks nothing shows that something lacks.
            None => assert_eq!(summary.records, whole as u64),
            Some(ReadError::Cut {
                offset,
                records,
                missing,
                at_least,
            }) => {
                assert_eq!(records, whole as u64);
                let length = u64::from(u32::from_le_bytes(
                    bytes[offset as usize + 4..][..4].try_into().unwrap(),
                ));
                let lacking = offset + length - cut as u64;
                assert!(missing == lacking || (at_least && missing < lacking));
            }
            Some(ReadError::NotACapture(_)) => assert!(cut < 4),
            Some(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn no_flipped_bit_makes_it_panic_hang_or_lose_earlier_records() {
    let bytes = write(&[
        (owned(0, b"one"), vec!["comment".to_owned()]),
        (owned(1, b"twotwo"), vec![]),
        (owned(0, b"three"), vec![]),
    ]);
    let ((good, _, places), ..) = read(&bytes);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let ((packets, ..), _, summary, error) = read(&flipped);
            // Flips in the section header or an interface may concern all.
            if at as u64 >= places[1].offset {
                assert_eq!(packets.first(), good.first(), "bit {bit} of byte {at}");
            }
            let accounted =
                summary.packets + summary.foreign + summary.unsupported + summary.damaged;
            assert_eq!(summary.records, accounted);
            if summary.damaged > 0 {
                assert!(error.is_some());
            }
        }
    }
}

#[test]
fn lengths_from_a_damaged_file_do_not_allocate() {
    let mut bytes = plain(&[owned(0, b"first")]);
    let end = bytes.len();
    bytes.extend(6u32.to_le_bytes());
    bytes.extend(0xffff_fff0u32.to_le_bytes());
    bytes.extend([0; 8]);
    let ((packets, ..), _, _, error) = read(&bytes);
    assert_eq!(packets.len(), 1);
    assert!(matches!(
        error,
        Some(ReadError::Damaged { offset, records: 1, what: BlockDamage::TooLong { length: 0xffff_fff0, .. } })
            if offset == end as u64
    ));
}

#[test]
fn a_file_of_nothing_but_headers_is_bounded() {
    let too_many = |bytes: &[u8]| match read(bytes).3 {
        Some(ReadError::Damaged { what, .. }) => matches!(what, BlockDamage::TooMany { .. }),
        _ => false,
    };
    let empty = plain(&[]);
    assert!(too_many(&empty.repeat(70_000)));
    let one = plain(&[owned(0, b"x")]);
    let interface = &one[empty.len()..][..152];
    assert_eq!(interface[..4], [1, 0, 0, 0]);
    assert!(too_many(&[&empty[..], &interface.repeat(2_000)].concat()));
}

#[test]
fn a_tail_of_zeros_is_named() {
    let mut bytes = plain(&[owned(0, b"first")]);
    bytes.extend([0; 64]);
    let ((packets, ..), _, _, error) = read(&bytes);
    assert_eq!(packets.len(), 1);
    assert!(matches!(
        error,
        Some(ReadError::Damaged {
            what: BlockDamage::Zeros,
            ..
        })
    ));
}

#[test]
fn one_damaged_record_costs_only_itself() {
    let bytes = plain(&[owned(0, b"one"), owned(0, b"two"), owned(0, b"three")]);
    let ((_, _, places), ..) = read(&bytes);
    let mut damaged = bytes.clone();
    // The captured length of the second.
    damaged[places[1].offset as usize + 20..][..4].fill(0xff);
    let ((packets, ..), _, summary, error) = read(&damaged);
    let payloads: Vec<_> = packets.iter().map(|one| &one.payload[..]).collect();
    assert_eq!(payloads, [&b"one"[..], b"three"]);
    assert_eq!((summary.records, summary.damaged), (3, 1));
    let error = error.unwrap();
    assert!(matches!(
        error,
        ReadError::Damaged { offset, records: 1, what: BlockDamage::CapturedLength { .. } }
            if offset == places[1].offset
    ));
    assert!(error.to_string().starts_with("damaged at byte "));
}

#[test]
fn what_is_no_capture_is_named() {
    let what = |bytes: &[u8]| match read(bytes).3 {
        Some(ReadError::NotACapture(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(b""), NotACapture::Empty);
    assert_eq!(what(b"hello\n"), NotACapture::Text);
    assert_eq!(
        what(b"{\"type\": \"msg\", \"number\": 1}\n"),
        NotACapture::Text
    );
    assert_eq!(what(b"\x1f\x8b\x08\0\0\0\0\0"), NotACapture::Gzip);
    assert_eq!(what(b"\x28\xb5\x2f\xfd\0\0"), NotACapture::Zstd);
    assert_eq!(what(&[0; 40]), NotACapture::Other([0; 4]));
    let folder = dxgtrace_file::open(&samples());
    assert!(matches!(
        folder.err(),
        Some(ReadError::NotACapture(NotACapture::Directory))
    ));
}

#[test]
fn records_of_a_later_version_are_counted_not_lost() {
    let bytes = plain(&[owned(0, b"one"), owned(0, b"two")]);
    let ((_, _, places), ..) = read(&bytes);
    let mut later = bytes.clone();
    // The kind of the first: block head, tags, version, kind.
    later[places[0].offset as usize + 28 + 16 + 1] = 77;
    let ((packets, ..), _, summary, error) = read(&later);
    assert_eq!(packets.len(), 1);
    assert_eq!(summary.unsupported, 1);
    assert!(error.is_none());
}

#[test]
fn joined_files_of_one_capture_share_their_channels() {
    let mut bytes = plain(&[owned(0, b"one")]);
    bytes.extend(plain(&[owned(1, b"two"), owned(0, b"three")]));
    let ((packets, _, places), names, summary, error) = read(&bytes);
    assert!(error.is_none());
    assert_eq!(summary.packets, 3);
    assert_eq!(names, channels()[..2]);
    let order: Vec<u32> = packets.iter().map(|one| one.channel).collect();
    assert_eq!(order, [0, 1, 0]);

    let mut reader = Reader::new(&bytes[..]).unwrap();
    while reader.next_record().unwrap().is_some() {}
    let mut random = RandomReader::new(Cursor::new(&bytes), reader.into_layout());
    let third = random.read_at(3, places[2]).unwrap();
    assert_eq!(third.packet.payload, b"three");
    assert_eq!(third.packet.interface, 0);
}

#[test]
fn a_changed_file_is_noticed_when_a_record_is_fetched() {
    let bytes = plain(&[owned(0, b"one"), owned(0, b"two")]);
    let ((_, _, places), ..) = read(&bytes);
    let mut reader = Reader::new(&bytes[..]).unwrap();
    while reader.next_record().unwrap().is_some() {}
    let layout = reader.into_layout();
    let short = &bytes[..places[1].offset as usize + 10];
    let mut random = RandomReader::new(Cursor::new(short), layout);
    assert!(random.read_at(1, places[0]).is_ok());
    assert!(random.read_at(2, places[1]).is_err());
    let nonsense = RecordAt {
        offset: 3,
        length: u32::MAX,
    };
    assert!(random.read_at(9, nonsense).is_err());
}

#[test]
fn a_snap_length_cuts_messages_but_keeps_their_length() {
    let writer = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )
    .unwrap();
    let mut writer = writer.with_snap_length(4);
    let packet = owned(0, b"0123456789");
    writer.write(&packet.packet(1), &channels(), &[]).unwrap();
    let ((packets, ..), ..) = read(&writer.finish().unwrap());
    assert_eq!(packets[0].payload, b"0123");
    assert_eq!(packets[0].header.payload_length, 10);
    assert!(packets[0].packet(1).is_cut());
}

#[test]
fn a_loss_is_a_record_with_its_drop_count_and_needs_no_channel() {
    let lost = LostPackets {
        ring_full: 5,
        user_queue: 2,
        ..LostPackets::default()
    };
    let notice = Owned {
        header: RecordHeader {
            kind: RecordKind::Lost,
            payload_length: 32,
            ..header()
        },
        ..owned(u32::MAX, &lost.encode())
    };
    let bytes = plain(&[notice, owned(1, b"after")]);
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!(record.drop_count(), 7);
    assert_eq!(LostPackets::decode(record.packet.payload), Some(lost));
    assert_eq!(reader.next_record().unwrap().unwrap().drop_count(), 0);
    assert_eq!(reader.channels()[0].name, "none");
}

/// Accepts a number of calls, then fails like a full disk, in the middle of a call.
struct Disk {
    calls: usize,
    bytes: Vec<u8>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.calls {
            0 => Err(io::ErrorKind::StorageFull.into()),
            1 => {
                self.calls = 0;
                let half = bytes.len() / 2;
                self.bytes.extend(&bytes[..half]);
                Ok(half)
            }
            _ => {
                self.calls -= 1;
                self.bytes.extend(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_costs_the_last_block_only_and_is_told() {
    let mut disk = Disk {
        calls: 4,
        bytes: Vec::new(),
    };
    let mut writer = Writer::new(
        &mut disk,
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )
    .unwrap();
    let mut write = |payload: &[u8]| writer.write(&owned(0, payload).packet(1), &channels(), &[]);
    // One call for the section, one per record.
    assert!(write(b"one").is_ok());
    assert!(write(b"two").is_ok());
    assert!(matches!(write(b"three"), Err(WriteError::Io(_))));
    assert!(matches!(write(b"four"), Err(WriteError::Failed)));
    drop(writer);
    let ((packets, ..), _, _, error) = read(&disk.bytes);
    assert_eq!(packets.len(), 2);
    assert!(matches!(error, Some(ReadError::Cut { records: 2, .. })));
}

#[test]
fn collected_blocks_go_out_whole() {
    struct Whole(usize);
    impl Write for Whole {
        fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len();
            while let Some(block) = bytes.get(4..8) {
                let block = u32::from_le_bytes(block.try_into().unwrap()) as usize;
                bytes = bytes.get(block..).expect("a half block went out");
                self.0 += 1;
            }
            Ok(length)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(
        Whole(0),
        &CaptureOrigin::default(),
        FlushPolicy::Collect(1000),
    )
    .unwrap();
    for number in 1..=50 {
        let packet = owned(0, &[1; 33]);
        writer
            .write(&packet.packet(number), &channels(), &[])
            .unwrap();
    }
    // Section, interface, records, statistics.
    assert_eq!(writer.finish().unwrap().0, 1 + 1 + 50 + 1);
}

#[test]
fn a_packet_without_channel_or_too_long_is_refused_but_does_no_harm() {
    let mut writer = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )
    .unwrap();
    let stray = owned(9, b"x");
    assert!(matches!(
        writer.write(&stray.packet(1), &channels(), &[]),
        Err(WriteError::UnknownChannel { interface: 9, .. })
    ));
    let huge = owned(0, &vec![0; 17 << 20]);
    assert!(matches!(
        writer.write(&huge.packet(1), &channels(), &[]),
        Err(WriteError::TooLong { .. })
    ));
    let comments = vec!["ä".repeat(40_000); 40];
    let good = owned(0, b"good");
    writer
        .write(&good.packet(1), &channels(), &comments)
        .unwrap();
    let ((packets, read_comments, _), ..) = read(&writer.finish().unwrap());
    assert_eq!(packets.len(), 1);
    assert!(read_comments[0].iter().all(|text| text.len() == 32 << 10));
}

/// A file in the other byte order, with foreign interfaces, old block types and
/// blocks that are no packets, as another program may write it.
fn foreign_file(endianness: pcap_file::Endianness) -> Vec<u8> {
    use pcap_file::DataLink;
    use pcap_file::pcapng::blocks::custom::CustomBlock;
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
    use pcap_file::pcapng::blocks::interface_description::*;
    use pcap_file::pcapng::blocks::packet::PacketBlock;
    use pcap_file::pcapng::blocks::simple_packet::SimplePacketBlock;
    use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
    use std::time::Duration;

    let mut data = b"\x00\x0c\x00\x08dxgtrace\x00\x00\x00\x00".to_vec();
    data.extend(header().encode());
    let other = b"\x00\x0c\x00\x04dns\x00\x00\x00\x00\x00rest".to_vec();
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
    let mut block = |block: pcap_file::pcapng::Block<'_>| {
        writer.write_block(&block).unwrap();
    };
    let mut milliseconds = InterfaceDescriptionBlock::new(DataLink::WIRESHARK_UPPER_PDU, 0);
    milliseconds
        .options
        .push(InterfaceDescriptionOption::IfTsResol(
            InterfaceTsResolution::MILLI,
        ));
    block(milliseconds.into_block());
    block(InterfaceDescriptionBlock::new(DataLink::ETHERNET, 0).into_block());
    let packet = |interface_id, data: &[u8]| {
        EnhancedPacketBlock {
            interface_id,
            timestamp: Duration::from_millis(1500),
            original_len: data.len() as u32,
            data: data.to_vec().into(),
            options: vec![],
        }
        .into_block()
    };
    block(packet(0, &data));
    block(packet(1, &data));
    block(packet(0, &other));
    let custom = CustomBlock::<true> {
        pen: 1,
        payload: vec![1, 2, 3, 4].into(),
    };
    block(custom.into_block());
    block(
        SimplePacketBlock {
            original_len: data.len() as u32,
            data: data.clone().into(),
        }
        .into_block(),
    );
    block(
        PacketBlock {
            interface_id: 0,
            drop_count: 0,
            timestamp: Duration::from_millis(2500),
            original_len: data.len() as u32,
            data: data.clone().into(),
            options: vec![],
        }
        .into_block(),
    );
    writer.into_inner()
}

#[test]
fn files_of_other_programs_are_read_in_both_byte_orders() {
    for endianness in [pcap_file::Endianness::Big, pcap_file::Endianness::Little] {
        let bytes = foreign_file(endianness);
        let ((packets, _, places), names, summary, error) = read(&bytes);
        assert!(error.is_none(), "{error:?}");
        let times: Vec<u64> = packets.iter().map(|one| one.time).collect();
        assert_eq!(times, [1_500_000_000, 0, 2_500_000_000]);
        assert_eq!((summary.records, summary.foreign), (6, 3));
        assert!(packets.iter().all(|one| one.header == header()));
        assert_eq!(names.len(), 1);
        assert_eq!((names[0].name.as_str(), names[0].relid), ("global", 20));

        let mut reader = Reader::new(&bytes[..]).unwrap();
        let mut numbers = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            numbers.push(record.packet.number);
        }
        assert_eq!(numbers, [1, 5, 6], "counted as frames");
        let mut random = RandomReader::new(Cursor::new(&bytes), reader.into_layout());
        for (index, at) in places.iter().enumerate() {
            let record = random.read_at(1, *at).unwrap();
            assert_eq!(Owned::new(&record.packet), packets[index]);
        }
    }
}

#[test]
fn classic_pcap_is_read() {
    for (magic, fraction, big) in [(0xa1b2_3c4d_u32, 789u32, false), (0xa1b2_c3d4, 789, true)] {
        let word = |value: u32| {
            if big {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let mut data = b"\x00\x0c\x00\x08dxgtrace\x00\x00\x00\x00".to_vec();
        data.extend(header().encode());
        data.extend(b"message");
        let mut bytes = word(magic).to_vec();
        let version = if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
        bytes.extend(version);
        for value in [0, 0, 262_144, 252] {
            bytes.extend(word(value));
        }
        let start = bytes.len();
        for value in [7, fraction, data.len() as u32, data.len() as u32] {
            bytes.extend(word(value));
        }
        bytes.extend(&data);
        let ((packets, _, places), names, _, error) = read(&bytes);
        assert!(error.is_none());
        assert_eq!(packets[0].payload, b"message");
        let unit = if big { 1000 } else { 1 };
        assert_eq!(packets[0].time, 7_000_000_000 + u64::from(fraction) * unit);
        assert_eq!(names[0].name, "global");
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while reader.next_record().unwrap().is_some() {}
        let mut random = RandomReader::new(Cursor::new(&bytes), reader.into_layout());
        let again = random.read_at(1, places[0]).unwrap();
        assert_eq!(Owned::new(&again.packet), packets[0]);
        for cut in start + 1..bytes.len() {
            let ((packets, ..), _, _, error) = read(&bytes[..cut]);
            assert!(packets.is_empty());
            assert!(matches!(error, Some(ReadError::Cut { records: 0, .. })));
        }
    }
}

#[test]
fn every_sample_survives_rewriting() {
    for entry in std::fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "pcapng")
        {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let ((packets, ..), names, _, _) = read(&bytes);
        let mut writer = Writer::new(
            Vec::new(),
            &CaptureOrigin::default(),
            FlushPolicy::Collect(1),
        )
        .unwrap();
        for (index, packet) in packets.iter().enumerate() {
            let packet: Packet<'_> = packet.packet(index as u64 + 1);
            writer.write(&packet, &names, &[]).unwrap();
        }
        let ((again, ..), ..) = read(&writer.finish().unwrap());
        assert_eq!(again, packets, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_capture_even_if_the_file_was_there_before() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("dxgtrace-mode-{}", std::process::id()));
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    dxgtrace_file::create(&path).unwrap();
    assert_eq!(
        (mode(), std::fs::metadata(&path).unwrap().len()),
        (0o600, 0)
    );
    std::fs::remove_file(&path).unwrap();
    dxgtrace_file::create(&path).unwrap();
    assert_eq!(mode(), 0o600);
    std::fs::remove_file(&path).unwrap();
}
