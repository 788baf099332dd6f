//! Encoding and decoding are each other's inverse.

use dxgtrace_protocol::decode::{
    self, ArrayRef, Decoded, FieldRef, MessagePart, Payload, PendingRequest,
};
use dxgtrace_protocol::encode;
use dxgtrace_protocol::schema::{FieldType, Message, MessageSet, TailElement};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::EXTENDED;
use dxgtrace_tests::generate::{
    Body, ChosenMember, Counts, Framing, Made, Plan, TailContent, conversation,
};

/// Every packet that a message can be, with what it decodes to, and of a reply
/// its request.
fn each(
    message: &'static Message,
    mut visit: impl FnMut(&Made, &Decoded<'_>, Option<&Decoded<'_>>),
) {
    for framing in Framing::ALL {
        for counts in Counts::ALL {
            let seeds = if counts == Counts::Most { 2 } else { 12 };
            for seed in 0..seeds {
                let packets = conversation(message, Plan::new(framing, seed).counts(counts));
                let mut request: Option<Decoded<'_>> = None;
                for made in &packets {
                    let decoded = match &request {
                        Some(request) if made.header.packet_type == 11 => {
                            let payload = Payload::of_packet(&made.packet());
                            decode::reply(payload, &PendingRequest::new(request))
                        }
                        _ => super::decoded(made),
                    };
                    let answers = request
                        .as_ref()
                        .filter(|_| decoded.part == MessagePart::Reply);
                    visit(made, &decoded, answers);
                    if decoded.part == MessagePart::Request {
                        request = Some(decoded);
                    }
                }
            }
        }
    }
}

/// The number of every element of a field.
fn numbers(spot: &FieldRef<'_>) -> Vec<u64> {
    match spot.field.count {
        1 => vec![spot.number().expect("a whole message")],
        _ => elements(spot.field.ty, spot.bytes),
    }
}

fn elements(ty: FieldType, bytes: &[u8]) -> Vec<u64> {
    let element = |bytes: &[u8]| {
        let value = decode::Value::from_bytes(ty, bytes).and_then(|value| value.as_number());
        // The number as it stands, without its sign.
        value.expect("a number") & u64::MAX >> (64 - 8 * u32::from(ty.size()))
    };
    bytes.chunks_exact(ty.size().into()).map(element).collect()
}

/// The fields of a structure, by name.
fn members<'a>(spots: impl Iterator<Item = FieldRef<'a>>) -> Vec<ChosenMember> {
    let mut members: Vec<_> = spots
        .map(|spot| (spot.field.name, numbers(&spot)))
        .collect();
    members.sort();
    members
}

fn sorted(chosen: &[ChosenMember]) -> Vec<ChosenMember> {
    let mut sorted = chosen.to_vec();
    sorted.sort();
    sorted
}

/// Asserts that a decoded body holds what was chosen for it, and nothing else.
/// Returns how many fields and tails were compared.
fn assert_holds(decoded: &Decoded<'_>, chosen: &Body) -> usize {
    let place = format!("{} {}", decoded.name(), decoded.part.name());
    let body = decoded.body.as_ref().expect("a known layout");
    assert!(body.shortfall.is_none(), "{place}: {:?}", body.shortfall);
    let fields = chosen.fields.iter();
    let fields: Vec<_> = fields
        .map(|field| (field.name, field.numbers.clone()))
        .collect();
    assert_eq!(members(body.fields()), sorted(&fields), "{place}");
    let found: Vec<ArrayRef<'_>> = body.tails().collect();
    assert_eq!(found.len(), chosen.contents.len(), "{place}");
    for (tail, content) in found.iter().zip(&chosen.contents) {
        assert_holds_tail(tail, content, &format!("{place} {}", tail.tail.name));
    }
    fields.len() + found.len()
}

fn assert_holds_tail(tail: &ArrayRef<'_>, content: &TailContent, place: &str) {
    match (content, tail.tail.element) {
        (TailContent::Numbers(chosen), TailElement::Value(ty)) => {
            assert_eq!(&elements(ty, tail.bytes), chosen, "{place}");
        }
        (TailContent::Bytes(chosen, view), TailElement::Value(_)) => {
            assert_eq!(members(tail.view_fields()), sorted(view), "{place}");
            let viewed = match (view.is_empty(), tail.view) {
                (false, Some(structure)) => usize::from(structure.size),
                _ => 0,
            };
            assert_eq!(tail.bytes.len(), chosen.len(), "{place}");
            assert_eq!(tail.bytes[viewed..], chosen[viewed..], "{place}");
        }
        (TailContent::Structs(chosen), TailElement::Struct(_)) => {
            assert_eq!(tail.count, chosen.len(), "{place}");
            for (index, element) in chosen.iter().enumerate() {
                let found = members(tail.members(index));
                assert_eq!(found, sorted(element), "{place} [{index}]");
            }
        }
        _ => panic!("{place}: {content:?}"),
    }
}

#[test]
fn what_is_encoded_decodes_to_the_same_values() {
    let (mut messages, mut parts, mut forms) = (0, 0, std::collections::BTreeSet::new());
    for message in table::all() {
        each(message, |made, decoded, _| {
            let Some(chosen) = &made.body else { return };
            parts += assert_holds(decoded, chosen);
            messages += 1;
            forms.insert((
                message.name,
                decoded.part.name(),
                std::ptr::from_ref(chosen.layout),
            ));
        });
    }
    // Every form of the table was among them.
    for message in table::all() {
        let has = |part, layout| {
            assert!(
                forms.contains(&(message.name, part, layout)),
                "{} {part}",
                message.name
            )
        };
        for layout in message.requests.layouts() {
            let part = if message.set == MessageSet::Host {
                "event"
            } else {
                "request"
            };
            has(part, std::ptr::from_ref(layout));
        }
        for layout in message.replies.layouts().filter(|layout| layout.is_read) {
            has("reply", std::ptr::from_ref(layout));
        }
    }
    assert!(messages > 10_000, "{messages}");
    assert!(parts > 40_000, "{parts}");
}

#[test]
fn what_is_decoded_encodes_to_the_same_bytes() {
    let mut compared = 0;
    for message in table::all() {
        each(message, |made, decoded, request| {
            let builder = match (request, made.body.as_ref(), &decoded.body) {
                (None, ..) => encode::copy_of(decoded),
                (Some(request), Some(_), Some(body)) => encode::reply_to(request).set_all(body),
                (Some(_), ..) => return,
            };
            let encoded = builder.build().expect("what was decoded is encoded again");
            let bytes = match decoded.part {
                MessagePart::Request => encoded.payload,
                MessagePart::Reply | MessagePart::Event => encoded.on_ring(),
            };
            assert!(
                bytes == made.payload,
                "{} {}",
                message.name,
                decoded.part.name()
            );
            compared += 1;
        });
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn what_is_decoded_encodes_in_the_other_framing_with_the_same_values() {
    for message in table::all() {
        each(message, |made, decoded, _| {
            let (Some(chosen), Some(body), MessagePart::Request) =
                (&made.body, &decoded.body, decoded.part)
            else {
                return;
            };
            let other = Framing::ALL[usize::from(made.base() == 0)];
            let builder = encode::request_at(message.name, other.version());
            let encoded = builder.set_all(body).build().expect("the same message");
            let again = encoded.decode().expect("a message");
            assert_eq!(again.base, other.base());
            assert_holds(&again, chosen);
        });
    }
}

#[test]
fn headers_hold_what_they_were_given() {
    for message in table::all() {
        for framing in Framing::ALL {
            let part = match message.set {
                MessageSet::Host => MessagePart::Event,
                _ => MessagePart::Request,
            };
            let builder = encode::MessageBuilder::new(message, part, framing.version());
            let builder = builder
                .process(0x1234_5678)
                .vgpu_luid(0x0102_0304_0506_0708);
            let encoded = builder.asynchronous().build().expect("a message");
            let decoded = encoded.decode().expect("headers");
            let frame = decoded.frame.expect("headers");
            assert_eq!(frame.process, 0x1234_5678, "{}", message.name);
            assert_eq!(frame.set(), Some(message.set), "{}", message.name);
            assert_eq!(frame.command, message.id);
            assert!(frame.is_async() && frame.is_canonical(), "{}", message.name);
            let luid = frame.extended.map(|extended| extended.vgpu_luid);
            let wanted = (part == MessagePart::Request && framing == Framing::Extended)
                .then_some(0x0102_0304_0506_0708);
            assert_eq!(luid, wanted, "{}", message.name);
            assert_eq!(EXTENDED.size as usize, Framing::Extended.base());
        }
    }
}
