//! What a filter costs for each packet: `cargo bench -p dxgtrace-tests --bench filter`.

use std::hint::black_box;
use std::time::Instant;

use dxgtrace_protocol::decode::{self, Decoded, Payload, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_query::filter::{Filter, FilterRecord};
use dxgtrace_tests::generate;

/// How often all packets are asked; once if only run as a test.
fn rounds() -> u32 {
    if std::env::args().any(|argument| argument == "--bench") {
        400
    } else {
        1
    }
}

fn decoded<'a>(packet: &Packet<'a>, last: Option<&PendingRequest>) -> Option<Decoded<'a>> {
    let payload = Payload::of_packet(packet);
    match (packet.header.packet_type, packet.header.direction as u8) {
        (11, _) => last.map(|pending| decode::reply(payload, pending)),
        (_, 0) => decode::request(payload).ok(),
        _ => decode::event(payload).ok(),
    }
}

fn main() {
    let rounds = rounds();
    let made = generate::capture(1);
    let packets: Vec<Packet<'_>> = made.iter().map(|made| made.packet()).collect();
    let mut last = None;
    let messages: Vec<(Option<PendingRequest>, Option<Decoded<'_>>)> = packets
        .iter()
        .map(|packet| {
            let pending = last;
            let decoded = decoded(packet, pending.as_ref());
            if let Some(request) = decoded.as_ref().filter(|decoded| decoded.from_guest()) {
                last = Some(PendingRequest::new(request));
            }
            (pending, decoded)
        })
        .collect();
    let count = packets.len() as f64 * f64::from(rounds);
    #[expect(clippy::print_stdout, reason = "the bench's result")]
    let report = |name: &str, start: Instant, passed: usize| {
        let each = start.elapsed().as_nanos() as f64 / count;
        println!(
            "{each:8.1} ns  {:5.1} %  {name}",
            passed as f64 / count * 100.0
        );
    };
    let start = Instant::now();
    let mut passed = 0;
    for _ in 0..rounds {
        for (packet, (pending, _)) in packets.iter().zip(&messages) {
            passed +=
                usize::from(black_box(decoded(black_box(packet), pending.as_ref())).is_some());
        }
    }
    report("(decoding alone)", start, passed);
    for text in [
        "",
        "dxg.pid == 4711",
        "make_resident",
        "make_resident.alloc_count > 3",
        "make_resident.allocations == 0x40000001",
        "dxg.status == STATUS_PENDING",
        "dxg.device == 0x40000001",
        "dxg.allocation == 0x40000001",
        "dxg.message in {evict, escape} and dxg.comm contains \"python\"",
        "dxg.comm matches \"python|ollama\"",
    ] {
        let filter = match Filter::parse(text) {
            Ok(filter) => filter,
            Err(error) => return report(&error.to_string(), Instant::now(), 0),
        };
        let start = Instant::now();
        let mut passed = 0;
        for _ in 0..rounds {
            for (packet, (_, decoded)) in packets.iter().zip(&messages) {
                let record = FilterRecord::new(black_box(packet)).with_decoded(decoded.as_ref());
                passed += usize::from(black_box(filter.matches(&record)));
            }
        }
        report(text, start, passed);
    }
}
