//! A reply that is too short is a status or nothing: never a field.

use dxgtrace_protocol::decode::{self, Decoded, Payload, PendingRequest, tree};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{Message, MessageSet};
use dxgtrace_protocol::table;
use dxgtrace_query::filter::{Filter, FilterRecord, fields};
use dxgtrace_tests::generate::{self, Framing, Made};

use super::{decoded, findings, words};

/// A status with a name, one without, and the one of success.
const NAMED: u32 = 0xC000_009A;
const UNNAMED: u32 = 0xC026_2505;
const SUCCESS: u32 = 0;

/// A reply of `length` bytes that begins with a status, zero behind it.
fn refusal(of: &Made, status: u32, length: usize) -> Made {
    let mut made = of.clone();
    made.payload = status.to_le_bytes().to_vec();
    made.payload.resize(length, 0);
    made.header.payload_length = length as u32;
    made
}

/// Every message whose reply is longer than `length` bytes, with the request of the
/// reply, in both formats.
fn longer(length: usize) -> impl Iterator<Item = (&'static Message, PendingRequest, Made)> {
    let messages = table::all().filter(|message| message.set != MessageSet::Host);
    messages
        .flat_map(|message| Framing::ALL.map(|framing| (message, framing)))
        .filter_map(move |(message, framing)| {
            let (request, reply) = generate::exchange(message, framing, 1);
            let expected = reply.body.as_ref().map_or(0, |body| body.expected);
            let pending = PendingRequest::new(&decoded(&request));
            (expected > length).then_some((message, pending, reply))
        })
}

fn matches(filter: &str, packet: &Packet<'_>, decoded: &Decoded<'_>) -> bool {
    let filter = Filter::parse(filter).unwrap();
    filter.matches(&FilterRecord::new(packet).with_decoded(Some(decoded)))
}

#[test]
fn a_status_in_a_short_reply_is_shown_by_name_and_never_as_a_field() {
    let mut seen = 0;
    for length in [4, 8, 16] {
        for (message, pending, reply) in longer(length) {
            let made = refusal(&reply, NAMED, length);
            let packet = made.packet();
            let decoded = decode::reply(Payload::of_packet(&packet), &pending);
            let name = message.name;
            assert_eq!(decoded.status(), Some(NAMED), "{name}");
            let line = decoded.summary().to_string();
            assert_eq!(line, format!("{name} reply STATUS_INSUFFICIENT_RESOURCES"));
            let nodes = tree(&decoded, 8);
            let shown: Vec<_> = nodes
                .iter()
                .filter_map(|node| node.field.as_deref())
                .collect();
            assert_eq!(shown, ["dxg.status"], "{name}");
            let found = findings(&packet, Some(&pending));
            assert_eq!(words(&found), ["size.reply_short"], "{name}");
            assert!(matches("status == 0xc000009a", &packet, &decoded), "{name}");
            assert!(matches(
                "status == STATUS_INSUFFICIENT_RESOURCES",
                &packet,
                &decoded
            ));
            assert!(!matches("status == 0", &packet, &decoded), "{name}");
            let own = format!("dxg.{name}.");
            for field in fields().filter(|field| field.name.starts_with(&own)) {
                assert!(!matches(&field.name, &packet, &decoded), "{}", field.name);
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_status_without_a_name_is_one_if_nothing_follows_it() {
    let mut unknown = 0;
    for (message, pending, reply) in longer(16) {
        let status_of = |length| {
            let made = refusal(&reply, UNNAMED, length);
            let packet = made.packet();
            decode::reply(Payload::of_packet(&packet), &pending).status()
        };
        assert_eq!((status_of(4), status_of(8)), (Some(UNNAMED), Some(UNNAMED)));
        // Of a longer one, the layout tells where a status is, if anywhere.
        let layout = decode::reply(Payload::of_packet(&reply.packet()), &pending).layout();
        let own = layout.and_then(|layout| layout.status).map(usize::from);
        let expected = own.filter(|at| at + 4 <= 16);
        assert_eq!(
            status_of(16).is_some(),
            expected.is_some(),
            "{}",
            message.name
        );
        unknown += usize::from(own.is_none());
    }
    assert!(unknown > 5, "{unknown}");
}

#[test]
fn zeros_are_a_success_only_where_the_layout_has_a_status() {
    for (message, pending, reply) in longer(8) {
        let made = refusal(&reply, SUCCESS, 8);
        let packet = made.packet();
        let decoded = decode::reply(Payload::of_packet(&packet), &pending);
        let own = decoded.layout().and_then(|layout| layout.status);
        let expected = own.filter(|at| *at <= 4).map(|_| SUCCESS);
        assert_eq!(decoded.status(), expected, "{}", message.name);
        assert!(decoded.body.is_none());
    }
}

#[test]
fn what_was_not_captured_of_a_short_reply_is_no_status() {
    for (message, pending, reply) in longer(8) {
        let made = refusal(&reply, NAMED, 8);
        let mut packet = made.packet();
        packet.payload = &made.payload[..3];
        let decoded = decode::reply(Payload::of_packet(&packet), &pending);
        assert_eq!(decoded.status(), None, "{}", message.name);
        assert!(tree(&decoded, 8).iter().all(|node| node.range.end <= 8));
    }
}
