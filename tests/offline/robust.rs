//! No bytes make the decoder or the checks panic, or work longer than their
//! length allows. Overflow checks are on in this profile.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use dxgtrace_protocol::decode::{MessagePart, PendingRequest};
use dxgtrace_protocol::schema::{Message, MessageSet};
use dxgtrace_protocol::table;
use dxgtrace_tests::exercise;
use dxgtrace_tests::generate::{self, Counts, Framing, Made, Plan, conversation, put};
use proptest::prelude::*;

/// A recording with all that the driver does.
const CAPTURE: &[u8] = include_bytes!("../../samples/v40-errors.pcapng");

fn message() -> impl Strategy<Value = &'static Message> {
    (0..table::COUNT).prop_map(|at| table::all().nth(at).expect("within the table"))
}

fn plan() -> impl Strategy<Value = Plan> {
    let counts = prop_oneof![
        Just(Counts::Near(0)),
        Just(Counts::Near(1)),
        Just(Counts::Few)
    ];
    (any::<bool>(), counts, any::<u64>()).prop_map(|(extended, counts, seed)| {
        let framing = Framing::ALL[usize::from(extended)];
        Plan::new(framing, seed).counts(counts)
    })
}

/// One change of a packet's bytes or of what is claimed of them.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Word(prop::sample::Index, u32),
    Cut(prop::sample::Index),
    Claim(u32),
    Reverse,
}

fn change() -> impl Strategy<Value = Change> {
    let word = prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(u32::MAX / 4 + 1),
        Just(0x8000_0000),
        any::<u32>()
    ];
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
        4 => (any::<prop::sample::Index>(), word).prop_map(|(at, word)| Change::Word(at, word)),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        1 => any::<u32>().prop_map(Change::Claim),
        1 => Just(Change::Reverse),
    ]
}

fn apply(made: &mut Made, change: &Change) {
    use dxgtrace_protocol::record::header::Direction::{GuestToHost, HostToGuest};
    let length = made.payload.len();
    match change {
        Change::Flip(at, bits) if length > 0 => made.payload[at.index(length)] ^= bits,
        Change::Word(at, word) if length >= 4 => {
            let at = at.index(length / 4) * 4;
            made.payload[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        Change::Cut(at) if length > 0 => made.payload.truncate(at.index(length)),
        Change::Claim(length) => made.header.payload_length = *length,
        Change::Reverse => {
            made.header.direction = match made.header.direction {
                GuestToHost => HostToGuest,
                HostToGuest => GuestToHost,
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_harm(data in prop::collection::vec(any::<u8>(), 0..600)) {
        exercise::packet(&data);
        exercise::exchange(&data);
    }

    #[test]
    fn any_bytes_are_taken_as_a_configuration_space(
        data in prop::collection::vec(any::<u8>(), 0..400),
        registers in any::<([u8; 16], u32, u64, u32)>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        exercise::config_space(&data);
        let (channel, version, luid, capabilities) = registers;
        let mut space = exercise::virtual_gpu(&channel, version % 64, luid, capabilities % 4);
        exercise::config_space(&space);
        for (at, byte) in &changes {
            let at = at.index(space.len());
            space[at] = *byte;
        }
        exercise::config_space(&space);
        space.truncate(data.len());
        exercise::config_space(&space);
    }

    #[test]
    fn any_text_is_taken_as_a_listing(
        text in "([0-9a-f]{2}: ([0-9a-f]{2} ){15,16}\n|[ -~]{0,20}\n){0,20}",
    ) {
        exercise::config_space(text.as_bytes());
    }

    #[test]
    fn any_changes_of_a_capture_file_are_read_without_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..16),
        cut in any::<prop::sample::Index>(),
        head in any::<bool>(),
    ) {
        let mut file = CAPTURE.to_vec();
        for (at, byte) in &changes {
            // The first blocks say how everything behind is read.
            let range = if head { 512 } else { file.len() };
            let at = at.index(range.min(file.len()));
            file[at] = *byte;
        }
        exercise::file(&file);
        file.truncate(cut.index(file.len() + 1));
        exercise::file(&file);
    }

    #[test]
    fn any_changes_of_a_conversation_are_read_without_harm(
        message in message(),
        plan in plan(),
        changes in prop::collection::vec((0..3usize, change()), 1..12),
    ) {
        let mut packets = conversation(message, plan);
        for (packet, change) in &changes {
            let at = packet % packets.len();
            apply(&mut packets[at], change);
        }
        let mut pending = None;
        for made in &packets {
            let packet = made.packet();
            if let Some(decoded) = exercise::run(&packet, pending.as_ref())
                && decoded.part == MessagePart::Request
            {
                pending = Some(PendingRequest::new(&decoded));
            }
        }
    }

    #[test]
    fn a_reply_to_another_request_is_read_without_harm(
        asked in message(), answered in message(), plan in plan(),
    ) {
        let request = sent(asked, plan);
        let other = sent(answered, plan);
        let reply = generate::reply(&other, plan);
        let packet = request.packet();
        if let Some(decoded) = exercise::run(&packet, None) {
            exercise::run(&reply.packet(), Some(&PendingRequest::new(&decoded)));
        }
    }
}

/// A message as its sender sends it: the guest or the host.
fn sent(message: &'static Message, plan: Plan) -> Made {
    match message.set {
        MessageSet::Host => generate::event(message, plan),
        MessageSet::Global | MessageSet::Vgpu => generate::request(message, plan),
    }
}

#[test]
fn a_count_of_all_ones_costs_no_more_than_the_bytes_that_are_there() {
    for message in table::all() {
        for framing in Framing::ALL {
            let plan = Plan::new(framing, 1).counts(Counts::Near(1));
            for made in conversation(message, plan) {
                let Some(body) = &made.body else { continue };
                for field in body.layout.fields.iter().filter(|field| field.size() == 4) {
                    for claimed in [made.payload.len() as u32, u32::MAX] {
                        let mut changed = made.clone();
                        put(
                            &mut changed.payload,
                            made.base(),
                            field,
                            u64::from(u32::MAX),
                        );
                        changed.header.payload_length = claimed;
                        let decoded = exercise::run(&changed.packet(), None);
                        let pending = decoded.map(|decoded| PendingRequest::new(&decoded));
                        exercise::run(&changed.packet(), pending.as_ref());
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_fuzzer_is_given_is_what_was_generated() {
    let mut bytes = Vec::new();
    for made in generate::capture(1) {
        bytes.clear();
        exercise::encode(&made.packet(), &mut bytes);
        assert_eq!(bytes.len(), exercise::RECORD + made.payload.len());
        assert_eq!(&bytes[exercise::RECORD..], made.payload);
        exercise::packet(&bytes);
    }
}
