//! Messages that end too early, and captures that do.

use dxgtrace_protocol::decode::PendingRequest;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::Direction;
use dxgtrace_protocol::schema::MessageSet;
use dxgtrace_protocol::table;
use dxgtrace_session::check::{ByteCount, Finding, FindingKind, Layer};
use dxgtrace_tests::generate::{self, Counts, Framing, Made, Plan};

use super::{commands, decoded, findings, optional_tail, words};

/// The packet with only its first `length` bytes sent.
fn shortened(made: &Made, length: usize) -> Made {
    let mut made = made.clone();
    made.payload.truncate(length);
    made.header.payload_length = length as u32;
    made
}

/// The packet with only its first `length` bytes captured.
fn snapped(made: &Made, length: usize) -> Packet<'_> {
    let mut packet = made.packet();
    packet.payload = &made.payload[..length];
    packet
}

/// Every length below the packet's own. Of messages beyond 4 KiB, whose end is
/// an array, only some of those within the array.
fn lengths(made: &Made) -> impl Iterator<Item = usize> {
    let end = made.payload.len();
    (0..end).filter(move |length| *length < 4096 || length % 997 == 0 || end - length < 64)
}

/// The part that a message which ends at `end` of its body lacks: its name,
/// its offset in the body, the bytes it takes.
fn lacking(made: &Made, end: usize) -> (&'static str, usize, usize) {
    let body = made.body.as_ref().expect("the layout is known");
    let fields = body.layout.fields.iter();
    for field in fields {
        if usize::from(field.end()) > end {
            return (field.name, usize::from(field.at), usize::from(field.size()));
        }
    }
    let fixed = usize::from(body.layout.tails_at);
    if fixed > end {
        return ("the padding of the fixed part", end, fixed - end);
    }
    let mut behind = fixed;
    for (tail, (at, count)) in body.layout.tails.iter().zip(&body.tails) {
        let size = count * usize::from(tail.element.size());
        if at + size > end {
            return (tail.name, *at, size);
        }
        behind = at + size;
    }
    let unused = body.bytes.len() - behind;
    ("the unused bytes at the end", behind, unused)
}

/// What a command of `length` bytes should give.
fn expected(made: &Made, length: usize) -> Vec<Finding> {
    let base = made.base();
    let wanted = base + 24;
    if length < wanted {
        // Without its first word nobody knows of an extended header.
        let wanted = if length < 4 { 24 } else { wanted };
        return vec![Finding::new(FindingKind::FramingShort {
            needed: ByteCount(wanted as u64),
            present: ByteCount(length as u64),
        })];
    }
    let Some(body) = &made.body else {
        return Vec::new();
    };
    if let Some((at, size)) = optional_tail(made)
        && length >= at
        && length < at + size
    {
        let trailing = ByteCount((length - at) as u64);
        return if trailing.0 > 0 {
            vec![Finding::new(FindingKind::SizeTrailing { trailing }).at(at)]
        } else {
            Vec::new()
        };
    }
    if length >= base + body.bytes.len() {
        return Vec::new();
    }
    let end = length - base;
    let (part, at, size) = lacking(made, end);
    let needed = ByteCount(size as u64);
    let present = ByteCount(end.saturating_sub(at) as u64);
    let kind = match body.layout.tails.iter().any(|tail| tail.name == part) {
        true => FindingKind::CountBeyondEnd {
            part,
            needed,
            present,
        },
        false => FindingKind::SizeShort {
            part,
            needed,
            present,
        },
    };
    let mut finding = Finding::new(kind).at(base + at);
    if made.header.direction == Direction::HostToGuest {
        finding.layer = Layer::Host;
    }
    vec![finding]
}

#[test]
fn a_message_cut_at_any_length_says_which_part_lacks_how_much() {
    for made in commands(2, &[Counts::Near(0), Counts::Few]) {
        for length in lengths(&made) {
            let found = findings(&shortened(&made, length).packet(), None);
            let place = format!("{} cut at {length}", made.message.name);
            assert_eq!(found, expected(&made, length), "{place}");
        }
    }
}

#[test]
fn a_message_that_ends_within_its_body_still_decodes() {
    for made in commands(1, &[Counts::Few]) {
        let whole_header = made.base() + 24;
        for length in lengths(&made).filter(|length| *length >= whole_header) {
            let cut = made.with_payload(made.payload[..length].to_vec());
            let decoded = decoded(&cut);
            assert_eq!(decoded.name(), made.message.name);
            let covered: usize = decoded.regions().map(|span| span.length).sum();
            assert_eq!(covered, length, "{} cut at {length}", made.message.name);
        }
    }
}

#[test]
fn a_reply_that_is_too_short_for_the_driver_says_so() {
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        for framing in Framing::ALL {
            for seed in 0..3 {
                let (request, reply) = generate::exchange(message, framing, seed);
                let pending = PendingRequest::new(&decoded(&request));
                let wanted = reply.body.as_ref().map_or(0, |body| body.expected);
                assert_eq!(pending.expected_reply_length().unwrap_or(0), wanted as u64);
                for length in 0..reply.payload.len() {
                    let found = findings(&shortened(&reply, length).packet(), Some(&pending));
                    let short = Finding::new(FindingKind::SizeReplyShort {
                        needed: ByteCount(wanted as u64),
                        present: ByteCount(length as u64),
                    });
                    let expected = if length < wanted {
                        vec![short]
                    } else {
                        Vec::new()
                    };
                    assert_eq!(found, expected, "{} cut at {length}", message.name);
                }
            }
        }
    }
}

#[test]
fn a_capture_cut_at_any_length_is_no_fault_of_the_message() {
    for made in commands(2, &[Counts::Near(2), Counts::Few]) {
        for length in lengths(&made) {
            let found = findings(&snapped(&made, length), None);
            let place = format!("{} captured up to {length}", made.message.name);
            assert!(found.is_empty(), "{place}: {:?}", words(&found));
        }
    }
}

#[test]
fn a_reply_is_not_blamed_for_what_was_not_captured_of_its_request() {
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        for framing in Framing::ALL {
            let plan = Plan::new(framing, 3).counts(Counts::Near(2));
            let request = generate::request(message, plan);
            let reply = generate::reply(&request, plan);
            for length in request.base() + 24..request.payload.len().min(4096) {
                let mut cut = request.clone();
                cut.payload.truncate(length);
                let pending = PendingRequest::new(&decoded(&cut));
                for captured in [0, reply.payload.len() / 2, reply.payload.len()] {
                    let found = findings(&snapped(&reply, captured), Some(&pending));
                    let place = format!("{} captured up to {length}", message.name);
                    assert!(found.is_empty(), "{place}: {:?}", words(&found));
                }
            }
        }
    }
}

#[test]
fn the_tree_of_a_cut_capture_says_which_arrays_cannot_be_placed() {
    let mut cuts = 0;
    for made in commands(1, &[Counts::Near(2)]) {
        let Some(body) = &made.body else { continue };
        let optional = body.tails.iter().all(|(_, count)| *count == 0);
        if optional || body.layout.fixed_total.is_some() {
            continue;
        }
        let mut cut = made.clone();
        cut.payload.truncate(made.base() + 24);
        let lines = dxgtrace_protocol::decode::tree(&decoded(&cut), 16);
        let line = lines
            .iter()
            .find(|line| line.label == "counts not captured");
        let line = line.unwrap_or_else(|| panic!("{}: {lines:#?}", made.message.name));
        assert_eq!(line.range.end, made.payload.len(), "{}", made.message.name);
        cuts += 1;
    }
    assert!(cuts > 20);
}
