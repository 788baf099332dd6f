//! The assembler, fed with made-up records.

use dxgtrace_doctor::{VmbusChannels, VmbusOffer};
use dxgtrace_ebpf::record::{
    self, CHANNEL_GLOBAL, KIND_RECEIVE, KIND_SEND, KIND_SEND_RETURN, SendReturn,
};

use super::{Assembler, SEND_TIMEOUT};
use crate::clock::MonotonicClock;
use dxgtrace_protocol::record::header::{
    ChannelEvent, ChannelKind, Direction, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::EAGAIN;
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION};

const MILLISECOND: u64 = 1_000_000;

fn assembler() -> Assembler {
    Assembler::new(
        MonotonicClock::identity(),
        false,
        SEND_TIMEOUT,
        VmbusChannels::new,
    )
}

fn send(task: u64, time: u64, transaction: u64) -> record::PacketRecord {
    record::PacketRecord {
        kind: KIND_SEND,
        channel_kind: CHANNEL_GLOBAL,
        packet_type: 6,
        packet_flags: FLAG_COMPLETION_REQUESTED,
        view: 0,
        time,
        task: task << 32 | task,
        channel: 0xffff_8880_0000_1000,
        transaction,
        length: 8,
        kept: 8,
        lost_ring_full: 0,
        lost_unreadable: 0,
        relid: 20,
        cpu: 0,
        instance: [7; 2],
        comm: record::words(*b"app\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ioctl: 0,
        expected: 0,
    }
}

fn receive(time: u64, transaction: u64) -> record::PacketRecord {
    record::PacketRecord {
        kind: KIND_RECEIVE,
        packet_type: PACKET_COMPLETION,
        packet_flags: 0,
        ..send(999, time, transaction)
    }
}

fn end(of: &record::PacketRecord, value: i32) -> SendReturn {
    SendReturn {
        kind: KIND_SEND_RETURN,
        reserved: 0,
        reserved_too: 0,
        value,
        entry: of.time,
        task: of.task,
        time: of.time + 1,
    }
}

fn headers(assembler: &mut Assembler) -> Vec<RecordHeader> {
    let mut headers = Vec::new();
    while let Some(delivery) = assembler.next() {
        headers.push(*delivery.packet.header);
    }
    headers
}

#[test]
fn a_send_leaves_with_its_return_value_and_before_what_followed_it() {
    let mut assembler = assembler();
    let request = send(5, 100, 1);
    assembler.on_packet(&request, &[1; 8]);
    assembler.on_packet(&receive(110, 1), &[2; 8]);
    assert!(assembler.next().is_none());
    assembler.on_send_return(&end(&request, 0));
    let headers = headers(&mut assembler);
    assert_eq!(headers.len(), 2);
    assert_eq!(headers[0].direction, Direction::GuestToHost);
    assert!(
        headers[0]
            .known
            .has(KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH)
    );
    assert_eq!(headers[1].direction, Direction::HostToGuest);
}

#[test]
fn a_completion_belongs_to_the_requester_and_to_nobody_else() {
    let mut assembler = assembler();
    let request = send(5, 100, 1);
    assembler.on_packet(&request, &[1; 8]);
    assembler.on_send_return(&end(&request, 0));
    assembler.on_packet(&receive(110, 1), &[2; 8]);
    assembler.on_packet(&receive(120, 1), &[2; 8]);
    let headers = headers(&mut assembler);
    assert!(
        headers[1]
            .known
            .has(KnownFields::TASK | KnownFields::REQUESTER)
    );
    assert_eq!((headers[1].pid, headers[1].tid), (5, 5));
    assert_eq!(headers[2].known, KnownFields(0));
    assert_eq!(headers[2].pid, 0);
}

#[test]
fn an_answer_to_a_request_that_was_missed_comes_after_a_record_of_loss() {
    let mut assembler = assembler();
    for (time, id) in [(100, 1), (200, 3)] {
        let request = send(5, time, id);
        assembler.on_packet(&request, &[1; 8]);
        assembler.on_send_return(&end(&request, 0));
    }
    for (time, id) in [(300, 2), (310, 3), (320, 1), (330, 1)] {
        assembler.on_packet(&receive(time, id), &[2; 8]);
    }
    let headers = headers(&mut assembler);
    let kinds: Vec<RecordKind> = headers.iter().map(|header| header.kind).collect();
    let [packet, lost] = [RecordKind::Packet, RecordKind::Lost];
    assert_eq!(
        kinds,
        [packet, packet, lost, packet, packet, packet, packet]
    );
    assert_eq!(assembler.lost_total().missed_probes, 1);
}

#[test]
fn refused_attempts_are_counted_in_the_accepted_send() {
    let mut assembler = assembler();
    for attempt in 0..3 {
        let refused = send(5, attempt * MILLISECOND, 1);
        assembler.on_packet(&refused, &[1; 8]);
        assembler.on_send_return(&end(&refused, EAGAIN));
    }
    let accepted = send(5, 4 * MILLISECOND, 1);
    assembler.on_packet(&accepted, &[1; 8]);
    assembler.on_send_return(&end(&accepted, 0));
    let headers = headers(&mut assembler);
    assert_eq!(headers.len(), 1);
    assert_eq!(
        (headers[0].kind, headers[0].refused_attempts),
        (RecordKind::Packet, 3)
    );
}

#[test]
fn a_send_that_was_given_up_becomes_one_record_before_the_next() {
    let mut assembler = assembler();
    for attempt in 0..3 {
        let refused = send(5, attempt * MILLISECOND, 1);
        assembler.on_packet(&refused, &[1; 8]);
        assembler.on_send_return(&end(&refused, EAGAIN));
    }
    let other = send(5, 4 * MILLISECOND, 2);
    assembler.on_packet(&other, &[1; 8]);
    assembler.on_send_return(&end(&other, 0));
    let headers = headers(&mut assembler);
    assert_eq!(headers.len(), 2);
    assert_eq!(
        (headers[0].kind, headers[0].return_value),
        (RecordKind::Refused, EAGAIN)
    );
    assert_eq!(
        (headers[0].transaction, headers[0].refused_attempts),
        (1, 3)
    );
    assert_eq!(
        (headers[1].kind, headers[1].refused_attempts),
        (RecordKind::Packet, 0)
    );
}

#[test]
fn a_refused_send_that_may_have_been_accepted_among_lost_packets_is_no_record() {
    let mut assembler = assembler();
    let refused = send(5, 0, 1);
    assembler.on_packet(&refused, &[1; 8]);
    assembler.on_send_return(&end(&refused, EAGAIN));
    let other = record::PacketRecord {
        lost_ring_full: 1,
        ..send(5, 4 * MILLISECOND, 2)
    };
    assembler.on_packet(&other, &[1; 8]);
    assembler.on_send_return(&end(&other, 0));
    let kinds: Vec<_> = headers(&mut assembler)
        .iter()
        .map(|header| header.kind)
        .collect();
    assert_eq!(kinds, [RecordKind::Lost, RecordKind::Packet]);
}

#[test]
fn a_send_that_was_given_up_becomes_a_record_after_a_while() {
    let mut assembler = assembler();
    let refused = send(5, 0, 1);
    assembler.on_packet(&refused, &[1; 8]);
    assembler.on_send_return(&end(&refused, EAGAIN));
    assembler.on_idle(1000 * MILLISECOND);
    assert!(!assembler.is_ready());
    assembler.on_idle(2500 * MILLISECOND);
    assert_eq!(headers(&mut assembler)[0].kind, RecordKind::Refused);
}

#[test]
fn another_error_is_a_refused_send_with_the_attempts_before_it() {
    let mut assembler = assembler();
    for (time, value) in [(0, EAGAIN), (1, EAGAIN), (2, -19)] {
        let refused = send(5, time * MILLISECOND, 1);
        assembler.on_packet(&refused, &[1; 8]);
        assembler.on_send_return(&end(&refused, value));
    }
    let headers = headers(&mut assembler);
    assert_eq!(headers.len(), 1);
    assert_eq!(
        (headers[0].return_value, headers[0].refused_attempts),
        (-19, 2)
    );
}

#[test]
fn asynchronous_messages_of_another_length_are_other_messages() {
    let mut assembler = assembler();
    let refused = send(5, 0, 0);
    assembler.on_packet(&refused, &[1; 8]);
    assembler.on_send_return(&end(&refused, EAGAIN));
    let longer = record::PacketRecord {
        length: 16,
        ..send(5, MILLISECOND, 0)
    };
    assembler.on_packet(&longer, &[1; 16]);
    assembler.on_send_return(&end(&longer, 0));
    let kinds: Vec<RecordKind> = headers(&mut assembler)
        .iter()
        .map(|header| header.kind)
        .collect();
    assert_eq!(kinds, [RecordKind::Refused, RecordKind::Packet]);
}

#[test]
fn a_missing_return_delays_but_does_not_stop_the_stream() {
    let mut assembler = assembler();
    assembler.on_packet(&send(5, 0, 1), &[1; 8]);
    assembler.on_packet(&receive(10, 90), &[2; 8]);
    assembler.on_idle(SEND_TIMEOUT - 1);
    assert!(!assembler.is_ready());
    assembler.on_idle(SEND_TIMEOUT);
    let headers = headers(&mut assembler);
    assert_eq!(headers.len(), 2);
    assert!(!headers[0].known.has(KnownFields::RETURN_VALUE));
}

#[test]
fn the_next_send_of_a_thread_shows_that_the_return_of_the_last_was_missed() {
    let mut assembler = assembler();
    let first = send(5, 0, 1);
    assembler.on_packet(&first, &[1; 8]);
    let second = send(5, 10, 2);
    assembler.on_packet(&second, &[1; 8]);
    assert_eq!(headers(&mut assembler).len(), 1);
    // Late, and not the second's.
    assembler.on_send_return(&end(&first, EAGAIN));
    assert!(!assembler.is_ready());
    assembler.on_send_return(&end(&second, 0));
    assert!(
        headers(&mut assembler)[0]
            .known
            .has(KnownFields::RETURN_VALUE)
    );
}

#[test]
fn a_loss_is_a_record_between_its_neighbours() {
    let mut assembler = assembler();
    assembler.on_packet(&receive(10, 1), &[1; 8]);
    let after = record::PacketRecord {
        lost_ring_full: 3,
        lost_unreadable: 1,
        ..receive(20, 2)
    };
    assembler.on_packet(&after, &[1; 8]);
    assembler.on_packet(&record::PacketRecord { time: 30, ..after }, &[1; 8]);
    let mut kinds = Vec::new();
    while let Some(delivery) = assembler.next() {
        kinds.push(delivery.packet.header.kind);
        if delivery.packet.header.kind == RecordKind::Lost {
            assert_eq!(delivery.packet.payload[..8], 3u64.to_le_bytes());
            assert_eq!(delivery.packet.payload[24..], 1u64.to_le_bytes());
        }
    }
    assert_eq!(
        kinds,
        [
            RecordKind::Packet,
            RecordKind::Lost,
            RecordKind::Packet,
            RecordKind::Packet
        ]
    );
    assert_eq!(assembler.lost_total().total(), 4);
}

#[test]
fn a_loss_at_the_end_is_told_even_if_nothing_else_was_seen() {
    let mut assembler = assembler();
    assembler.on_loss_counts([2, 0]);
    let delivery = assembler.next().unwrap();
    assert_eq!(delivery.packet.header.kind, RecordKind::Lost);
    assert_eq!(delivery.channels.len(), 1);
    assembler.on_loss_counts([2, 0]);
    assert!(!assembler.is_ready());
}

#[test]
fn counts_out_of_order_are_no_loss() {
    let mut assembler = assembler();
    let later = record::PacketRecord {
        lost_ring_full: 3,
        ..receive(20, 2)
    };
    assembler.on_packet(&later, &[1; 8]);
    assembler.on_packet(
        &record::PacketRecord {
            lost_ring_full: 2,
            ..later
        },
        &[1; 8],
    );
    assert_eq!(assembler.lost_total().total(), 3);
}

fn event(event: u8, relid: u32, time: u64) -> record::ChannelRecord {
    let rescind = event == record::CHANNEL_RESCIND;
    record::ChannelRecord {
        kind: record::KIND_CHANNEL,
        channel_kind: if rescind { 0 } else { record::CHANNEL_VGPU },
        event,
        reserved: 0,
        value: 0,
        time,
        task: 5 << 32 | 6,
        instance: if rescind { [0; 2] } else { [relid.into(); 2] },
        relid,
        cpu: 1,
        lost_ring_full: 0,
        lost_unreadable: 0,
        comm: record::words(*b"kworker\0\0\0\0\0\0\0\0\0"),
    }
}

#[test]
fn the_life_of_a_channel_is_told_by_who_ran_and_in_order() {
    let mut assembler = assembler();
    let request = record::PacketRecord {
        channel_kind: record::CHANNEL_VGPU,
        relid: 30,
        instance: [30; 2],
        ..send(5, 20, 1)
    };
    assembler.on_channel_event(&event(record::CHANNEL_OFFER, 30, 1));
    let failed = record::ChannelRecord {
        value: -12,
        ..event(record::CHANNEL_OPEN, 30, 10)
    };
    assembler.on_channel_event(&failed);
    assembler.on_packet(&request, &[1; 8]);
    assembler.on_channel_event(&event(record::CHANNEL_CLOSE, 30, 30));
    assembler.on_send_return(&end(&request, 0));
    let mut seen = Vec::new();
    while let Some(delivery) = assembler.next() {
        let header = delivery.packet.header;
        assert_eq!((header.channel, delivery.packet.interface), (30, 0));
        if header.kind == RecordKind::Channel {
            assert_eq!((header.pid, header.tid), (5, 6));
            assert_eq!(header.channel_kind, ChannelKind::Vgpu);
        }
        let value = header.known.has(KnownFields::RETURN_VALUE);
        let value = value.then_some(header.return_value);
        seen.push((ChannelEvent::decode(delivery.packet.payload), value));
    }
    let wanted = [
        (Some(ChannelEvent::Offer), None),
        (Some(ChannelEvent::Open), Some(-12)),
        (None, Some(0)),
        (Some(ChannelEvent::Close), None),
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn a_channel_is_rescinded_once_and_those_of_other_devices_never() {
    let mut assembler = assembler();
    let rescind = |relid, time| event(record::CHANNEL_RESCIND, relid, time);
    assembler.on_channel_event(&rescind(30, 1));
    assembler.on_channel_event(&event(record::CHANNEL_OPEN, 30, 2));
    assembler.on_channel_event(&rescind(7, 3));
    assembler.on_channel_event(&rescind(30, 4));
    // By now, another device may have that number.
    assembler.on_channel_event(&rescind(30, 5));
    assembler.on_channel_event(&event(record::CHANNEL_OFFER, 30, 6));
    assembler.on_channel_event(&rescind(30, 7));
    let mut times = Vec::new();
    while let Some(delivery) = assembler.next() {
        times.push(delivery.packet.time);
    }
    assert_eq!(times, [2, 4, 6, 7]);
}

/// Three virtual GPUs, the LUIDs of which are in another order than the numbers
/// of their channels, and the global channel.
fn offered() -> VmbusChannels {
    let channel = |relid: u32, is_vgpu| VmbusOffer {
        is_vgpu,
        relid: Some(relid),
    };
    let instance = |luid: u64| record::bytes([luid, 1]);
    [
        (instance(0), channel(20, false)),
        (instance(0x300), channel(21, true)),
        (instance(0x2), channel(22, true)),
        (instance(0x1_0000_0000), channel(23, true)),
    ]
    .into()
}

#[test]
fn virtual_gpus_are_numbered_by_luid_whichever_is_seen_first() {
    let vgpu = |relid: u32, luid: u64| record::PacketRecord {
        channel_kind: record::CHANNEL_VGPU,
        relid,
        instance: [luid, 1],
        ..receive(1, 1)
    };
    let all = [vgpu(21, 0x300), vgpu(22, 0x2), vgpu(23, 0x1_0000_0000)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut assembler =
            Assembler::new(MonotonicClock::identity(), false, SEND_TIMEOUT, offered);
        for place in order {
            assembler.on_packet(&all[place], &[0; 8]);
        }
        assembler.on_packet(&vgpu(24, 0x1), &[0; 8]);
        let mut names: Vec<_> = assembler
            .channels()
            .iter()
            .map(|channel| (channel.relid, channel.name.clone()))
            .collect();
        names.sort();
        let wanted = [(21, "vgpu1"), (22, "vgpu0"), (23, "vgpu2"), (24, "vgpu3")];
        assert_eq!(names, wanted.map(|(relid, name)| (relid, name.to_owned())));
    }
}

#[test]
fn a_channel_that_was_never_used_is_known_when_it_is_rescinded() {
    let mut assembler = Assembler::new(MonotonicClock::identity(), false, SEND_TIMEOUT, offered);
    assembler.on_channel_event(&event(record::CHANNEL_RESCIND, 20, 1));
    assembler.on_channel_event(&event(record::CHANNEL_RESCIND, 23, 2));
    let names: Vec<_> = assembler
        .channels()
        .iter()
        .map(|c| c.name.clone())
        .collect();
    assert_eq!(names, ["global", "vgpu2"]);
    assert_eq!(headers(&mut assembler)[0].channel_kind, ChannelKind::Global);
}

#[test]
fn channels_of_which_nothing_else_is_known_are_named_in_the_order_of_their_first_packet() {
    let mut assembler = assembler();
    let vgpu = |relid: u32| record::PacketRecord {
        channel_kind: record::CHANNEL_VGPU,
        relid,
        instance: [relid.into(); 2],
        ..receive(1, 1)
    };
    for packet in [vgpu(30), receive(1, 1), vgpu(31), vgpu(30)] {
        assembler.on_packet(&packet, &[0; 8]);
    }
    let mut interfaces = Vec::new();
    while let Some(delivery) = assembler.next() {
        interfaces.push(delivery.packet.interface);
    }
    assert_eq!(interfaces, [0, 1, 2, 0]);
    let names: Vec<&str> = assembler
        .channels()
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["vgpu0", "global", "vgpu1"]);
}

#[test]
fn with_a_filter_completions_of_others_are_dropped_and_host_messages_are_not() {
    let mut assembler = Assembler::new(
        MonotonicClock::identity(),
        true,
        SEND_TIMEOUT,
        VmbusChannels::new,
    );
    let request = send(5, 1, 1);
    assembler.on_packet(&request, &[1; 8]);
    assembler.on_send_return(&end(&request, 0));
    assembler.on_packet(&receive(2, 77), &[1; 8]);
    assembler.on_packet(&receive(3, 1), &[1; 8]);
    assembler.on_packet(
        &record::PacketRecord {
            packet_type: 6,
            ..receive(4, 0)
        },
        &[1; 8],
    );
    let transactions: Vec<u64> = headers(&mut assembler)
        .iter()
        .map(|h| h.transaction)
        .collect();
    assert_eq!(transactions, [1, 1, 0]);
}

#[test]
fn at_the_end_everything_leaves() {
    let mut assembler = assembler();
    let refused = send(6, 0, 3);
    assembler.on_packet(&refused, &[1; 8]);
    assembler.on_send_return(&end(&refused, EAGAIN));
    assembler.on_packet(&send(5, 1, 1), &[1; 8]);
    assembler.on_packet(&receive(2, 90), &[2; 8]);
    assembler.finish();
    let kinds: Vec<RecordKind> = headers(&mut assembler)
        .iter()
        .map(|header| header.kind)
        .collect();
    assert_eq!(
        kinds,
        [RecordKind::Packet, RecordKind::Packet, RecordKind::Refused]
    );
}
