//! Drivers of other generations and hosts of other kinds: what they rightly do
//! is not called wrong.
#![allow(clippy::unwrap_used, reason = "a test")]

use dxgtrace_protocol::decode::{MessagePart, Payload, request};
use dxgtrace_protocol::record::header::{ChannelKind, KnownFields};
use dxgtrace_protocol::schema::{FieldRole, FieldRule, ReplyMode};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, VERSION_OLD};
use dxgtrace_session::Session;
use dxgtrace_session::check::{Finding, Severity};
use dxgtrace_tests::conversation::{Conversation, GLOBAL};
use dxgtrace_tests::synthetic::{Owned, load, numbered, see_all};
use dxgtrace_tests::{findings, samples};

/// The findings from `least` on, as text.
fn at_least(least: Severity, found: &[(u64, Finding)]) -> Vec<String> {
    found
        .iter()
        .filter(|(_, finding)| finding.severity() >= least)
        .map(|(number, finding)| format!("{number} {}: {finding}", finding.code().word()))
        .collect()
}

fn started(version: u32) -> Conversation {
    let mut talk = Conversation::new(version);
    talk.start_driver().unwrap();
    talk.create_process(findings::PROCESS, 100).unwrap();
    talk.create_device(findings::DEVICE).unwrap();
    talk.create_allocations(findings::DEVICE, &[findings::ALLOCATION])
        .unwrap();
    talk
}

#[test]
fn lengths_that_some_driver_once_used_are_no_fault() {
    for version in [VERSION_OLD, 40] {
        for extra in [8, 16] {
            let mut talk = started(version);
            talk.add_exchange(
                "set_existing_sysmem_store",
                &[
                    ("device", &[findings::DEVICE]),
                    ("allocation", &[findings::ALLOCATION]),
                    ("gpadl", &[0x000e_1e11]),
                ],
                &[],
            )
            .unwrap();
            let at = talk.packets.len() - 2;
            let sent = &mut talk.packets[at];
            let end = sent.payload.len();
            // A size where padding was, and an address behind it.
            sent.payload[end - 4..].copy_from_slice(&0x2000_u32.to_le_bytes());
            sent.payload.resize(end + extra, 0x88);
            sent.header.payload_length = sent.payload.len() as u32;
            let (_, found) = see_all(talk.packets());
            assert_eq!(at_least(Severity::Note, &found), fallback(version));
        }
    }
}

/// What is noted of a driver of that version.
fn fallback(version: u32) -> Vec<String> {
    let mut talk = Conversation::new(version);
    talk.start_driver().unwrap();
    let (_, found) = see_all(talk.packets());
    at_least(Severity::Note, &found)
}

#[test]
fn room_that_some_driver_once_made_for_a_reply_is_no_fault() {
    for (room, fine) in [(784, true), (780, true), (776, false)] {
        let mut talk = started(40);
        talk.add_exchange("query_statistics", &[], &[]).unwrap();
        let reply = talk.last().unwrap();
        reply.header.known.0 |= KnownFields::EXPECTED_REPLY;
        reply.header.expected_reply_length = room;
        let (_, found) = see_all(talk.packets());
        assert_eq!(at_least(Severity::Note, &found).is_empty(), fine, "{room}");
    }
}

#[test]
fn every_version_that_a_driver_may_declare_has_its_format() {
    for version in 16..=40 {
        let talk = started(version);
        let (session, found) = see_all(talk.packets());
        assert_eq!(session.declared_version(), Some(version));
        assert_eq!(at_least(Severity::Warn, &found), [""; 0], "{version}");
    }
}

#[test]
fn a_host_need_not_fill_in_what_the_driver_does_not_read() {
    for name in ["v40-basic", "v40-leak", "v27"] {
        let (_, mut packets) = load(&samples().join(format!("{name}.pcapng"))).unwrap();
        let before = at_least(Severity::Warn, &see_all(numbered(&packets)).1);
        let mut session = Session::new();
        let mut cleared = 0;
        for (number, packet) in (1..).zip(&mut packets) {
            let copy = packet.clone();
            let seen_packet = copy.packet(number);
            let seen = session.analyze(&seen_packet, &mut |_| ());
            let Some(decoded) = seen.decoded.filter(|one| one.part == MessagePart::Reply) else {
                continue;
            };
            for spot in decoded.body.iter().flat_map(|body| body.fields()) {
                let unread = spot.field.doc.contains("gnored by the guest")
                    || spot.field.doc.contains("Not used by the guest")
                    || matches!(spot.field.rule, FieldRule::Reserved)
                    || matches!(spot.field.role, FieldRole::Version | FieldRole::Compatible);
                if unread && spot.field.bits.is_none() {
                    packet.payload[spot.at..spot.at + spot.bytes.len()].fill(0);
                    cleared += 1;
                }
            }
        }
        assert!(cleared > 2, "{name}");
        let after = at_least(Severity::Warn, &see_all(numbered(&packets)).1);
        assert_eq!(after, before, "{name}");
    }
}

/// A recording as the same driver would have made it on a host that switches
/// async mode on: all on the global channel, with its transaction ids, and
/// four messages without a reply.
fn in_async_mode(packets: Vec<Owned>) -> Vec<Owned> {
    let mut out: Vec<Owned> = Vec::new();
    let mut ids = std::collections::HashMap::new();
    let mut next = 0;
    let mut on = false;
    let mut session = Session::new();
    for (number, packet) in (1..).zip(packets) {
        let mut new = packet.clone();
        let original = packet.packet(number);
        let seen = session.analyze(&original, &mut |_| ());
        let key = (packet.header.channel, packet.header.transaction);
        let Some(decoded) = seen.decoded else {
            out.push(new);
            continue;
        };
        let vgpu = packet.header.channel_kind == ChannelKind::Vgpu;
        if on && vgpu {
            new.header.channel = GLOBAL;
            new.header.channel_kind = ChannelKind::Global;
            new.channel = 0;
        }
        match decoded.part {
            MessagePart::Request => {
                let message = decoded.message.unwrap();
                if on && message.mode == ReplyMode::Async {
                    new.payload[decoded.base + 13] |= 1;
                    new.header.packet_flags &= !FLAG_COMPLETION_REQUESTED;
                    new.header.transaction = 0;
                } else if new.header.channel == GLOBAL {
                    next += 1;
                    ids.insert(key, next);
                    new.header.transaction = next;
                } else {
                    ids.insert(key, key.1);
                }
                out.push(new);
            }
            MessagePart::Reply => {
                let info = decoded.name() == "get_internal_adapter_info";
                if info {
                    new.payload[12] |= 1 << 6;
                }
                // Opened on its own channel; answered there.
                if let Some(id) = ids.get(&key) {
                    new.header.transaction = *id;
                    out.push(new);
                }
                on |= info;
            }
            MessagePart::Event => out.push(new),
        }
    }
    out
}

#[test]
fn a_recording_told_in_async_mode_has_no_more_faults_than_before() {
    for name in ["v40-basic", "v40-leak", "v40-opens", "v40-hostmsg"] {
        let (channels, mut packets) = load(&samples().join(format!("{name}.pcapng"))).unwrap();
        // As in conversations, the global channel has this number.
        let global = channels
            .iter()
            .position(|channel| channel.kind == ChannelKind::Global);
        for packet in &mut packets {
            if Some(packet.channel as usize) == global {
                packet.header.channel = GLOBAL;
            }
        }
        let words = |found: &[(u64, Finding)]| {
            let mut words: Vec<_> = found
                .iter()
                .filter(|(_, finding)| finding.severity() >= Severity::Warn)
                .map(|(_, finding)| format!("{} {finding}", finding.code().word()))
                .collect();
            words.sort();
            words.dedup();
            words
        };
        let (_, before) = see_all(numbered(&packets));
        let changed = in_async_mode(packets);
        let quiet = changed.iter().filter(|packet| {
            request(Payload::whole(&packet.payload))
                .is_ok_and(|decoded| decoded.frame.is_some_and(|frame| frame.is_async()))
        });
        assert!(name != "v40-basic" || quiet.count() > 2);
        let (session, after) = see_all(numbered(&changed));
        assert_eq!(session.async_mode(), Some(true), "{name}");
        let (before, after) = (words(&before), words(&after));
        for word in &after {
            assert!(before.contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn a_handle_may_be_given_out_again_while_its_owner_is_being_destroyed() {
    let mut talk = started(40);
    let asked = talk
        .add_request("destroy_device", &[("device", &[findings::DEVICE])])
        .unwrap();
    talk.pid = 101;
    talk.create_device(0x4000_0500).unwrap();
    // The host has ended the first device with all that was on it already.
    talk.create_allocations(0x4000_0500, &[findings::ALLOCATION])
        .unwrap();
    talk.pid = 100;
    talk.add_reply(&asked, &[]).unwrap();
    let (_, found) = see_all(talk.packets());
    assert_eq!(at_least(Severity::Error, &found), [""; 0]);
}
