//! Packets as they should be.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dxgtrace_protocol::decode::{self, Decoded, Payload, PendingRequest, RegionOwner};
use dxgtrace_protocol::schema::{Message, MessageSet};
use dxgtrace_protocol::table;
use dxgtrace_tests::generate::{self, Counts, Framing, Made, Plan, conversation};

use super::{decoded, findings};

/// Every packet that a message can be, replies with what their requests left.
fn each(
    message: &'static Message,
    mut visit: impl FnMut(&Made, Option<&PendingRequest>, &Decoded<'_>),
) {
    for framing in Framing::ALL {
        for counts in Counts::ALL {
            let seeds = if counts == Counts::Most { 1 } else { 6 };
            for seed in 0..seeds {
                let packets = conversation(message, Plan::new(framing, seed).counts(counts));
                let mut pending = None;
                for made in &packets {
                    match (pending, made.header.packet_type) {
                        (Some(pending), 11) => {
                            let packet = made.packet();
                            let reply = decode::reply(Payload::of_packet(&packet), &pending);
                            visit(made, Some(&pending), &reply);
                        }
                        _ => {
                            let decoded = decoded(made);
                            pending = Some(PendingRequest::new(&decoded));
                            visit(made, None, &decoded);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn generated_packets_decode_by_their_name_and_have_no_findings() {
    let mut wrong = BTreeSet::new();
    for message in table::all() {
        each(message, |made, pending, decoded| {
            assert_eq!(decoded.name(), message.name);
            for one in findings(&made.packet(), pending) {
                let side = decoded.part.name();
                wrong.insert(format!("{} {side} {:?} {one}", message.name, one.code()));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_spans_of_every_packet_add_up_to_its_bytes() {
    for message in table::all() {
        each(message, |made, _, decoded| {
            let mut at = 0;
            for span in decoded.regions() {
                let place = format!("{} {} at {at}", message.name, decoded.part.name());
                assert_eq!(span.at, at, "{place}");
                assert!(span.length > 0, "{place}");
                let known = made.body.is_some();
                match span.owner {
                    RegionOwner::Trailing | RegionOwner::UnlocatedTails => {
                        panic!("{place}: {:?}", span.owner)
                    }
                    RegionOwner::Opaque => assert!(!known, "{place}"),
                    RegionOwner::Padding | RegionOwner::Unused | RegionOwner::RingPadding => {
                        let bytes = &made.payload[at..at + span.length];
                        assert!(bytes.iter().all(|byte| *byte == 0), "{place}");
                    }
                    RegionOwner::Header(_)
                    | RegionOwner::Field(_)
                    | RegionOwner::Tail(_)
                    | RegionOwner::InactiveAlternative => {}
                }
                at += span.length;
            }
            assert_eq!(at, made.payload.len(), "{}", message.name);
        });
    }
}

#[test]
fn the_spans_are_where_the_fields_and_tails_are() {
    for message in table::all() {
        each(message, |_, _, decoded| {
            let owned = |at: usize| {
                decoded
                    .regions()
                    .find(|span| span.at == at)
                    .map(|span| span.owner)
            };
            let Some(body) = &decoded.body else { return };
            for spot in body.fields() {
                match owned(spot.at) {
                    Some(RegionOwner::Field(field)) => assert_eq!(field.at, spot.field.at),
                    other => panic!("{}.{}: {other:?}", message.name, spot.field.name),
                }
            }
            for tail in body.tails().filter(|tail| tail.size() > 0) {
                match owned(tail.at) {
                    Some(RegionOwner::Tail(owner)) => assert_eq!(owner.name, tail.tail.name),
                    other => panic!("{}.{}: {other:?}", message.name, tail.tail.name),
                }
            }
        });
    }
}

#[test]
fn the_decoder_finds_every_tail_where_the_generator_put_it() {
    for message in table::all() {
        each(message, |made, _, decoded| {
            let (Some(made), Some(body)) = (&made.body, &decoded.body) else {
                return;
            };
            assert_eq!(
                body.described,
                Some(made.bytes.len() as u64),
                "{}",
                message.name
            );
            let found: Vec<_> = body
                .tails()
                .map(|tail| (tail.at - decoded.base, tail.count))
                .collect();
            assert_eq!(found, made.tails, "{}", message.name);
        });
    }
}

#[test]
fn every_value_of_a_whole_message_can_be_shown() {
    for message in table::all() {
        each(message, |_, _, decoded| {
            let Some(body) = &decoded.body else { return };
            let mut text = String::new();
            for spot in body.fields() {
                let value = spot.value().expect("the message is whole");
                write!(text, "{value}").expect("text takes everything");
                assert!(!text.is_empty(), "{}.{}", message.name, spot.field.name);
                text.clear();
            }
        });
    }
}

#[test]
fn the_same_seed_makes_the_same_capture_and_another_seed_another() {
    let bytes = |seed| -> Vec<_> {
        let capture = generate::capture(seed).into_iter();
        capture
            .map(|made| (made.number, made.header, made.payload))
            .collect()
    };
    assert!(bytes(1) == bytes(1));
    assert!(bytes(1) != bytes(2));
}

#[test]
fn a_capture_holds_every_message_in_both_formats_under_ids_of_their_own() {
    let capture = generate::capture(7);
    let seen: BTreeSet<_> = capture
        .iter()
        .map(|made| (made.message.name, made.header.interface_version))
        .collect();
    assert_eq!(seen.len(), 2 * table::COUNT);
    let mut asked = BTreeSet::new();
    for made in &capture {
        let (id, flags) = (made.header.transaction, made.header.packet_flags);
        match (made.header.packet_type, flags) {
            (11, _) => assert!(asked.contains(&id), "a reply follows its request"),
            (_, 1) => assert!(asked.insert(id), "transaction {id} occurs twice"),
            _ => assert_eq!(id, 0),
        }
    }
    let events = capture
        .iter()
        .filter(|made| made.message.set == MessageSet::Host);
    assert!(events.count() > 0);
}
