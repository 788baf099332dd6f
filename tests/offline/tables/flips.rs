//! One thing wrong at a time gives that one finding and no other.

use dxgtrace_protocol::decode::{PendingRequest, RegionOwner};
use dxgtrace_protocol::schema::{
    BytesOrigin, Field, FieldRule, FieldType, Layout, MessageSet, TailElement, TailLength, When,
};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::{EXTENDED, header};
use dxgtrace_session::check::{
    ByteCount, Code, FieldBits, FieldNumber, Finding, FindingKind, ItemCount,
};
use dxgtrace_tests::generate::{self, Counts, Framing, Made, Plan, get, put};

use super::{commands, decoded, findings, found_in, optional_tail, words};

/// A field at its place in a packet: the field, and the offset of its
/// structure's zero.
type Place = (&'static Field, usize);

/// The fields of the headers.
fn header_fields(made: &Made) -> Vec<Place> {
    let at = |layout: &'static Layout, base| layout.fields.iter().map(move |field| (field, base));
    let mut places: Vec<Place> = at(header(made.message.set), made.base()).collect();
    if made.base() > 0 {
        places.extend(at(&EXTENDED, 0));
    }
    places
}

/// The fields of the body that apply, those of array elements included.
fn body_fields(made: &Made) -> Vec<Place> {
    let Some(body) = &made.body else {
        return Vec::new();
    };
    let holds = |when: &When| when.holds(body.get(when.field));
    let fixed = body.layout.fields.iter();
    let mut places: Vec<Place> = fixed
        .filter(|field| field.when.as_ref().is_none_or(holds))
        .map(|field| (field, made.base()))
        .collect();
    for (tail, (at, count)) in body.layout.tails.iter().zip(&body.tails) {
        let TailElement::Struct(structure) = tail.element else {
            continue;
        };
        for index in 0..*count {
            let at = made.base() + at + index * usize::from(structure.size);
            let plain = structure.fields.iter().filter(|field| field.when.is_none());
            places.extend(plain.map(|field| (field, at)));
        }
    }
    places
}

/// The packet with another value in a field.
fn with(made: &Made, (field, base): Place, value: u64) -> Made {
    let mut payload = made.payload.clone();
    put(&mut payload, base, field, value);
    made.with_payload(payload)
}

/// Asserts that a changed packet has one finding: of this kind, at this offset.
fn assert_only(changed: &Made, kind: FindingKind, at: usize) {
    let found = found_in(changed);
    let place = format!("{} {kind:?}: {found:?}", changed.message.name);
    let [one] = found.as_slice() else {
        panic!("{place}");
    };
    assert_eq!(one.kind, kind, "{place}");
    assert_eq!(one.at as usize, at, "{place}");
}

fn width(field: &Field) -> u32 {
    field
        .bits
        .map_or(8 * u32::from(field.ty.size()), |(_, width)| {
            u32::from(width)
        })
}

/// The messages that the tests here change.
fn samples() -> Vec<Made> {
    commands(3, &[Counts::Near(0), Counts::Near(2)])
}

#[test]
fn every_reserved_bit_that_is_set_is_found() {
    let mut flipped = 0;
    for made in samples() {
        let places = header_fields(&made).into_iter().chain(body_fields(&made));
        for (field, base) in places.filter(|(field, _)| matches!(field.rule, FieldRule::Reserved)) {
            for bit in 0..width(field) {
                let changed = with(&made, (field, base), 1 << bit);
                let at = base + usize::from(field.at);
                let kind = FindingKind::ReservedNonzero {
                    field: field.name,
                    bits: FieldBits(1 << bit),
                };
                assert_only(&changed, kind, at);
                flipped += 1;
            }
        }
    }
    assert!(flipped > 1000);
}

#[test]
fn every_bit_of_padding_that_the_guest_sets_is_found() {
    let mut flipped = 0;
    for made in samples()
        .into_iter()
        .filter(|made| made.message.set != MessageSet::Host)
    {
        let command = (header(made.message.set), made.base(), BytesOrigin::Built);
        let body = made.body.as_ref().map(|body| body.layout);
        let body = body.map(|layout| (layout, made.base(), layout.origin));
        for (layout, base, origin) in std::iter::once(command).chain(body) {
            let gaps = layout.gaps.iter().filter(|(_, length)| *length > 0);
            let fixed = gaps.map(|(at, length)| (usize::from(*at), usize::from(*length)));
            let unused = decoded(&made).body.and_then(|body| body.unused_range());
            let unused = unused.filter(|_| !layout.tails.is_empty());
            for (at, length) in fixed.chain(unused.map(|range| (range.start, range.len()))) {
                for bit in 0..8 * length {
                    let mut payload = made.payload.clone();
                    payload[base + at + bit / 8] ^= 1 << (bit % 8);
                    let dirty = ByteCount(1);
                    let kind = match origin {
                        BytesOrigin::Built => FindingKind::PaddingNonzero { dirty },
                        BytesOrigin::Copied => FindingKind::PaddingUser { dirty },
                    };
                    assert_only(&made.with_payload(payload), kind, base + at);
                    flipped += 1;
                }
            }
        }
    }
    assert!(flipped > 1000);
}

#[test]
fn what_stands_in_meanings_that_do_not_apply_is_not_judged() {
    for made in samples() {
        let decoded = decoded(&made);
        for span in decoded.regions() {
            if let RegionOwner::InactiveAlternative = span.owner {
                let mut payload = made.payload.clone();
                payload[span.at..span.at + span.length].fill(0xff);
                let found = found_in(&made.with_payload(payload));
                assert!(
                    found.is_empty(),
                    "{}: {:?}",
                    made.message.name,
                    words(&found)
                );
            }
        }
    }
}

#[test]
fn every_bit_without_a_name_is_found() {
    let mut flipped = 0;
    for made in samples() {
        for (field, base) in body_fields(&made) {
            let (
                FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set),
                FieldRule::Any,
            ) = (field.ty, field.rule)
            else {
                continue;
            };
            for bit in (0..width(field)).filter(|bit| set.named_mask() >> bit & 1 == 0) {
                let value = get(&made.payload, base, field) | 1 << bit;
                let changed = with(&made, (field, base), value);
                let at = base + usize::from(field.at);
                let kind = FindingKind::FlagUnknown {
                    field: field.name,
                    bits: FieldBits(1 << bit),
                };
                assert_only(&changed, kind, at);
                flipped += 1;
            }
        }
    }
    assert!(flipped > 1000);
}

#[test]
fn every_number_without_a_name_is_found() {
    let mut changes = 0;
    for made in samples() {
        for (field, base) in body_fields(&made) {
            let (FieldType::Enum(names), FieldRule::Any) = (field.ty, field.rule) else {
                continue;
            };
            let most = u64::MAX >> (64 - width(field));
            let unnamed = (0..most)
                .rev()
                .find(|number| names.name_of(*number).is_none());
            let unnamed = unnamed.expect("no enumeration is full");
            let changed = with(&made, (field, base), unnamed);
            let at = base + usize::from(field.at);
            let kind = FindingKind::EnumUnknown {
                field: field.name,
                value: FieldNumber(unnamed),
            };
            assert_only(&changed, kind, at);
            changes += 1;
        }
    }
    assert!(changes > 50);
}

#[test]
fn a_truth_value_of_two_is_found() {
    let mut changes = 0;
    for made in samples() {
        for (field, base) in body_fields(&made) {
            if let (FieldType::Bool, FieldRule::Any) = (field.ty, field.rule) {
                let changed = with(&made, (field, base), 2);
                let at = base + usize::from(field.at);
                let kind = FindingKind::BoolValue {
                    field: field.name,
                    value: FieldNumber(2),
                };
                assert_only(&changed, kind, at);
                changes += 1;
            }
        }
    }
    assert!(changes > 20);
}

#[test]
fn a_value_that_no_driver_sends_is_found() {
    let mut flipped = 0;
    for made in samples() {
        let body = body_fields(&made);
        let headers = header_fields(&made)
            .into_iter()
            .filter(|(field, _)| field.name == "command_id");
        for (field, base) in headers.chain(body) {
            let FieldRule::Always(usual) = field.rule else {
                continue;
            };
            // The first word also tells the formats apart.
            let first = if base + usize::from(field.at) == 0 {
                32
            } else {
                0
            };
            for bit in first..width(field) {
                let value = usual ^ 1 << bit;
                let changed = with(&made, (field, base), value);
                let at = base + usize::from(field.at);
                let kind = FindingKind::ValueUnusual {
                    field: field.name,
                    bits: FieldBits(value),
                    usual: FieldBits(usual),
                };
                assert_only(&changed, kind, at);
                flipped += 1;
            }
        }
    }
    assert!(flipped > 1000);
}

#[test]
fn a_value_on_either_side_of_its_limits_is_found() {
    let mut changes = 0;
    for made in samples() {
        let Some(body) = &made.body else { continue };
        for (field, base) in body_fields(&made) {
            // Counts of tails would put the length wrong, too.
            let counts = body.tails.iter().any(|(_, count)| *count > 0);
            let (FieldRule::Range(low, high), false) = (field.rule, counts) else {
                continue;
            };
            let at = base + usize::from(field.at);
            let beyond = with(&made, (field, base), high + 1);
            let found = found_in(&beyond);
            let one = found.iter().find(|one| one.code() == Code::ValueRange);
            let one = one.expect("the limit is checked");
            let kind = |value, limit| FindingKind::ValueRange {
                field: field.name,
                value: FieldNumber(value),
                limit: FieldNumber(limit),
            };
            assert_eq!((one.kind, one.at as usize), (kind(high + 1, high), at));
            changes += 1;
            if let Some(below) = low.checked_sub(1) {
                let found = found_in(&with(&made, (field, base), below));
                let one = found.iter().find(|one| one.code() == Code::ValueRange);
                let one = one.expect("the limit is checked");
                assert_eq!((one.kind, one.at as usize), (kind(below, low), at));
            }
        }
    }
    assert!(changes > 0);
}

#[test]
fn bytes_behind_the_end_of_a_message_are_found() {
    for made in samples() {
        if made.body.is_none() {
            continue;
        }
        let steps: &[usize] = match made.message.set {
            MessageSet::Host => &[8, 16],
            MessageSet::Vgpu | MessageSet::Global => &[1, 2, 7, 8, 100],
        };
        for extra in steps {
            let end = made.payload.len();
            if let Some((at, size)) = optional_tail(&made)
                && end == at
                && size > 0
            {
                continue;
            }
            let layout = made.body.as_ref().map(|body| body.layout);
            if layout
                .is_some_and(|layout| layout.has_other_size((end + extra - made.base()) as u64))
            {
                continue;
            }
            let mut payload = made.payload.clone();
            payload.resize(end + extra, 0);
            let changed = made.with_payload(payload);
            let trailing = ByteCount(*extra as u64);
            assert_only(&changed, FindingKind::SizeTrailing { trailing }, end);
        }
    }
}

#[test]
fn bytes_behind_the_end_of_a_reply_are_found() {
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        for framing in Framing::ALL {
            let (request, reply) = generate::exchange(message, framing, 5);
            if reply.body.is_none() {
                continue;
            }
            let pending = PendingRequest::new(&decoded(&request));
            let mut payload = reply.payload.clone();
            let end = payload.len();
            payload.resize(end + 24, 0);
            let found = findings(&reply.with_payload(payload).packet(), Some(&pending));
            assert_eq!(words(&found), ["size.reply_long"], "{}", message.name);
            let trailing = ByteCount(24);
            let expected = Finding::new(FindingKind::SizeReplyLong { trailing }).at(end);
            assert_eq!(found, [expected], "{}", message.name);
        }
    }
}

#[test]
fn a_count_beyond_its_array_is_found_once() {
    let mut changes = 0;
    for made in samples() {
        let Some(body) = &made.body else { continue };
        for array in body.layout.fields.iter().filter(|field| field.count > 1) {
            let count = array
                .used_count
                .and_then(|used| body.layout.field(used.field));
            let Some(count) = count else { continue };
            let place = (count, made.base());
            let beyond = u64::from(array.count) + 1;
            let found = found_in(&with(&made, place, beyond));
            let (field, value) = (count.name, FieldNumber(beyond));
            let expected = match count.rule {
                FieldRule::Range(_, high) => FindingKind::ValueRange {
                    field,
                    value,
                    limit: FieldNumber(high),
                },
                _ => FindingKind::CountArray {
                    field,
                    count: value,
                    room: ItemCount(array.count.into()),
                },
            };
            let [one] = found.as_slice() else {
                panic!("{}: {:?}", count.name, words(&found));
            };
            assert_eq!(one.kind, expected);
            changes += 1;
        }
    }
    assert!(changes > 0);
}

#[test]
fn a_reply_whose_own_counts_run_past_its_end_is_found() {
    let mut changes = 0;
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        let plan = Plan::new(Framing::Extended, 2).counts(Counts::Near(2));
        let request = generate::request(message, plan);
        let reply = generate::reply(&request, plan);
        let Some(body) = &reply.body else { continue };
        let pending = PendingRequest::new(&decoded(&request));
        for tail in body.layout.tails {
            let TailLength::SumOf(counted, member) = tail.len else {
                continue;
            };
            let at = body
                .layout
                .tails
                .iter()
                .position(|tail| tail.name == counted);
            let at = at.expect("the description is resolved");
            let TailElement::Struct(structure) = body.layout.tails[at].element else {
                panic!("{counted} has members");
            };
            let field = structure.fields.iter().find(|field| field.name == member);
            let mut payload = reply.payload.clone();
            let field = field.expect("the description is resolved");
            put(&mut payload, body.tails[at].0, field, 0x10_0000);
            let found = findings(&reply.with_payload(payload).packet(), Some(&pending));
            assert_eq!(words(&found), ["count.beyond_end"], "{}", message.name);
            assert_eq!(found[0].part(), tail.name);
            changes += 1;
        }
    }
    assert!(changes > 0);
}
