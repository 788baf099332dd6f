//! The table as such: names, documentation, numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use dxgtrace_protocol::schema::{
    BytesOrigin, Field, FieldRule, FieldType, Layout, Message, MessageSet, ReplyMode, Struct, Tail,
    TailElement,
};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::{COMMAND, COMMAND_GLOBAL, EXTENDED};
use dxgtrace_protocol::table::ioctls::{self, IOCTLS};
use dxgtrace_protocol::table::lookup;
use dxgtrace_protocol::table::statuses::STATUSES;

/// The layouts of a message.
fn layouts(message: &'static Message) -> impl Iterator<Item = &'static Layout> {
    message.layouts()
}

fn structure(element: TailElement) -> Option<&'static Struct> {
    match element {
        TailElement::Struct(structure) => Some(structure),
        TailElement::Value(_) => None,
    }
}

/// The structures of a tail: its elements, and what opaque data begin with.
fn structures(tail: &'static Tail) -> impl Iterator<Item = &'static Struct> {
    let viewed = tail.view.map(|(structure, _)| structure);
    structure(tail.element).into_iter().chain(viewed)
}

/// Every field: of the headers, of messages, of structures.
fn fields() -> Vec<(&'static str, &'static Field)> {
    let mut all = Vec::new();
    for header in [&EXTENDED, &COMMAND, &COMMAND_GLOBAL] {
        all.extend(header.fields.iter().map(|field| ("header", field)));
    }
    for message in table::all() {
        for layout in layouts(message) {
            all.extend(layout.fields.iter().map(|field| (message.name, field)));
            for one in layout.tails.iter().flat_map(structures) {
                all.extend(one.fields.iter().map(|field| (one.name, field)));
            }
        }
    }
    all
}

fn is_snake_case(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .chars()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
            && !word.ends_with('_')
            && !word.contains("__")
    })
}

/// Whether a text reads as a sentence.
fn is_documentation(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|first| !first.is_lowercase()) && text.ends_with('.') && !text.contains("  ")
}

#[test]
fn there_are_87_messages_of_which_59_are_sent_and_5_come_from_the_host() {
    let count = |wanted: fn(&Message) -> bool| table::all().filter(|one| wanted(one)).count();
    assert_eq!(table::COUNT, 87);
    assert_eq!(count(|one| one.set == MessageSet::Vgpu), 68);
    assert_eq!(count(|one| one.set == MessageSet::Global), 14);
    assert_eq!(count(|one| one.set == MessageSet::Host), 5);
    let sent = |one: &Message| matches!(one.mode, ReplyMode::Sync | ReplyMode::Async);
    assert_eq!(
        table::all()
            .filter(|one| sent(one) && one.set == MessageSet::Vgpu)
            .count(),
        51
    );
    assert_eq!(
        table::all()
            .filter(|one| sent(one) && one.set == MessageSet::Global)
            .count(),
        8
    );
    assert_eq!(count(|one| one.mode == ReplyMode::Async), 4);
    assert_eq!(count(|one| one.mode == ReplyMode::NeverSent), 23);
}

#[test]
fn only_the_host_sends_without_ever_a_reply() {
    for message in table::all() {
        let one_way = message.mode == ReplyMode::OneWay;
        assert_eq!(one_way, message.set == MessageSet::Host, "{}", message.name);
    }
}

#[test]
fn every_message_that_the_guest_sends_has_a_request_and_a_reply_in_both_formats() {
    for message in table::all() {
        if matches!(message.mode, ReplyMode::Sync | ReplyMode::Async) {
            for version in [0, 16, 27, 39, 40, u32::MAX] {
                assert!(message.request_at(version).is_some(), "{}", message.name);
                assert!(message.reply_at(version).is_some(), "{}", message.name);
            }
        }
    }
}

#[test]
fn every_number_leads_back_to_its_message() {
    for message in table::all() {
        let found = lookup(message.set, message.id).map(|found| found.name);
        assert_eq!(found, Some(message.name));
        let found = table::by_name(message.name).map(|found| found.id);
        assert_eq!(found, Some(message.id));
    }
    let mut found = 0;
    for set in [MessageSet::Vgpu, MessageSet::Global, MessageSet::Host] {
        for id in 0..5000 {
            found += usize::from(lookup(set, id).is_some());
        }
        assert!(lookup(set, u32::MAX).is_none());
    }
    assert_eq!(found, table::COUNT);
}

#[test]
fn names_are_unique_and_in_snake_case() {
    let mut names = BTreeSet::new();
    let mut constants = BTreeSet::new();
    for message in table::all() {
        assert!(is_snake_case(message.name), "{}", message.name);
        assert!(names.insert(message.name), "{}", message.name);
        assert!(constants.insert((message.set.name(), message.constant)));
        for tail in layouts(message).flat_map(|layout| layout.tails) {
            assert!(is_snake_case(tail.name), "{}.{}", message.name, tail.name);
        }
    }
    for (owner, field) in fields() {
        assert!(is_snake_case(field.name), "{owner}.{}", field.name);
    }
}

#[test]
fn everything_is_documented() {
    for message in table::all() {
        let name = message.name;
        assert!(is_documentation(message.doc), "{name}: {}", message.doc);
        let cause = message.cause;
        assert!(
            cause.is_empty() || is_documentation(cause),
            "{name}: {cause}"
        );
        for note in message.notes {
            assert!(is_documentation(note), "{name}: {note}");
        }
        for tail in layouts(message).flat_map(|layout| layout.tails) {
            assert!(
                is_documentation(tail.doc),
                "{name}.{}: {}",
                tail.name,
                tail.doc
            );
            for structure in structures(tail) {
                assert!(is_documentation(structure.doc), "{}", structure.name);
            }
        }
    }
    for (owner, field) in fields() {
        assert!(
            is_documentation(field.doc),
            "{owner}.{}: {}",
            field.name,
            field.doc
        );
    }
    for status in STATUSES {
        assert!(
            is_documentation(status.doc),
            "{}: {}",
            status.name,
            status.doc
        );
    }
}

#[test]
fn enumerations_and_flags_have_a_name_for_every_value_and_each_once() {
    let mut kinds = 0;
    for (owner, field) in fields() {
        let place = format!("{owner}.{}", field.name);
        match field.ty {
            FieldType::Enum(names) => {
                assert!(
                    !names.name.is_empty() && !names.values.is_empty(),
                    "{place}"
                );
                let named: BTreeSet<_> = names.values.iter().map(|value| value.name).collect();
                assert_eq!(named.len(), names.values.len(), "{}", names.name);
                assert!(named.iter().all(|name| !name.is_empty()), "{}", names.name);
                kinds += 1;
            }
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                let width = 8 * u32::from(field.ty.size());
                let mut below = 0;
                for bit in set.bits {
                    assert!(is_snake_case(bit.name), "{}.{}", set.name, bit.name);
                    assert!(u32::from(bit.shift) >= below, "{}.{}", set.name, bit.name);
                    below = u32::from(bit.shift + bit.width);
                    assert!(below <= width, "{place}: {}.{}", set.name, bit.name);
                }
                let named: BTreeSet<_> = set.bits.iter().map(|bit| bit.name).collect();
                assert_eq!(named.len(), set.bits.len(), "{}", set.name);
                kinds += 1;
            }
            _ => {}
        }
    }
    assert!(kinds > 50);
}

#[test]
fn a_name_means_the_same_type_in_request_and_reply() {
    let mut wrong = Vec::new();
    for message in table::all() {
        let mut types = BTreeMap::new();
        for layout in layouts(message) {
            let fields = layout.fields.iter();
            let fields = fields.map(|field| (field.name, (field.ty, field.count > 1)));
            let tails = layout.tails.iter().filter_map(|tail| match tail.element {
                TailElement::Value(ty) => Some((tail.name, (ty, true))),
                TailElement::Struct(_) => None,
            });
            for (name, (ty, many)) in fields.chain(tails) {
                let kind = (discriminant(&ty), many);
                if *types.entry(name).or_insert(kind) != kind {
                    wrong.push(format!("{}.{name}", message.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_tail_has_no_name_of_a_field_in_the_same_part() {
    for message in table::all() {
        for layout in layouts(message) {
            let mut names: BTreeSet<_> = layout.fields.iter().map(|field| field.name).collect();
            for tail in layout.tails {
                assert!(names.insert(tail.name), "{}.{}", message.name, tail.name);
            }
        }
    }
}

#[test]
fn every_bit_of_a_word_with_bit_fields_of_a_request_is_described() {
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        let requests = message.requests.layouts();
        let fields =
            requests.flat_map(|layout| layout.fields.iter().map(move |field| (layout, field)));
        for (layout, field) in fields {
            if field.bits.is_none() {
                continue;
            }
            let same = layout.fields.iter().filter(|other| other.at == field.at);
            let all = same.fold(0, |mask, other| mask | other.mask());
            let word = u64::MAX >> (64 - 8 * u32::from(field.ty.size()));
            assert_eq!(all, word, "{}.{}", message.name, field.name);
        }
    }
}

#[test]
fn statuses_are_sorted_and_each_is_found() {
    assert!(STATUSES.is_sorted_by(|a, b| a.value < b.value));
    for status in STATUSES {
        let found = table::status(status.value).map(|found| found.name);
        assert_eq!(found, Some(status.name));
    }
    assert!(table::status(0xDEAD_BEEF).is_none());
}

#[test]
fn every_ioctl_is_found_by_its_number_and_sends_messages_that_exist() {
    assert!(IOCTLS.is_sorted_by(|a, b| a.number < b.number));
    for ioctl in IOCTLS {
        let found = ioctls::by_request(ioctl.request()).map(|found| found.number);
        assert_eq!(found, Some(ioctl.number));
        assert!(ioctl.function.starts_with("D3DKMT"), "{}", ioctl.function);
        for name in ioctl.messages {
            let message = table::by_name(name).unwrap_or_else(|| panic!("no {name}"));
            let sent = matches!(message.mode, ReplyMode::Sync | ReplyMode::Async);
            assert!(sent, "{}: {name}", ioctl.function);
        }
    }
    assert!(ioctls::by_request(0xC000_4600).is_none());
}

#[test]
fn an_echo_names_a_field_of_a_request() {
    let mut echoes = 0;
    for (owner, field) in fields() {
        if let FieldRule::Echoes {
            message,
            field: name,
        } = field.rule
        {
            let origin = table::by_name(message).map(|message| &message.requests);
            let origin = origin.and_then(|forms| forms.layouts().find_map(|one| one.field(name)));
            assert!(
                origin.is_some(),
                "{owner}.{} echoes {message}.{name}",
                field.name
            );
            echoes += 1;
        }
    }
    assert!(echoes > 0);
}

#[test]
fn only_requests_are_copied_from_the_application() {
    let mut copied = 0;
    for message in table::all() {
        let request = message.requests.layouts();
        copied += request
            .filter(|layout| layout.origin == BytesOrigin::Copied)
            .count();
        for reply in message.replies.layouts() {
            assert_eq!(reply.origin, BytesOrigin::Built, "{}", message.name);
        }
    }
    assert_eq!(copied, 16);
}
