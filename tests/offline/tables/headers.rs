//! Headers, channels and directions that contradict each other.

use dxgtrace_protocol::record::header::{ChannelKind, Direction};
use dxgtrace_protocol::schema::{MessageSet, ReplyMode};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, header};
use dxgtrace_session::check::{ChannelType, CommandNumber, FieldBits, FindingKind, PacketType};
use dxgtrace_tests::generate::{Counts, Framing, Made, Plan, exchange, put, request};

use super::{commands, found_in, is_sent, words};

/// The packet with another value in a field of its command header.
fn with(made: &Made, name: &str, value: u64) -> Made {
    let mut payload = made.payload.clone();
    let field = header(made.message.set)
        .field(name)
        .expect("a header field");
    put(&mut payload, made.base(), field, value);
    made.with_payload(payload)
}

fn samples() -> Vec<Made> {
    let mut all = commands(2, &[Counts::Few]);
    all.retain(|made| is_sent(made.message));
    all
}

fn from_guest() -> impl Iterator<Item = Made> {
    samples()
        .into_iter()
        .filter(|made| made.message.set != MessageSet::Host)
}

#[test]
fn a_message_that_may_not_go_without_a_reply_is_found() {
    for made in from_guest().filter(|made| made.message.set == MessageSet::Vgpu) {
        let mut changed = with(&made, "async_msg", 1);
        changed.header.packet_flags = 0;
        let expected: &[&str] = match made.message.mode {
            ReplyMode::Async => &[],
            _ => &["async.unexpected"],
        };
        assert_eq!(
            words(&found_in(&changed)),
            expected,
            "{}",
            made.message.name
        );
    }
}

#[test]
fn the_async_bit_and_the_completion_flag_must_agree() {
    for made in from_guest() {
        let mut silent = made.clone();
        silent.header.packet_flags = 0;
        assert_eq!(words(&found_in(&silent)), ["packet.completion_flag"]);
    }
    for message in table::all().filter(|message| message.mode == ReplyMode::Async) {
        for framing in Framing::ALL {
            let mut made = request(message, Plan::new(framing, 1).in_async_mode());
            assert!(found_in(&made).is_empty());
            made.header.packet_flags = FLAG_COMPLETION_REQUESTED;
            assert_eq!(words(&found_in(&made)), ["packet.completion_flag"]);
        }
    }
}

#[test]
fn a_message_of_the_host_that_the_guest_sends_is_found() {
    for made in samples()
        .into_iter()
        .filter(|made| made.message.set == MessageSet::Host)
    {
        let mut changed = made.clone();
        changed.header.direction = Direction::GuestToHost;
        assert_eq!(words(&found_in(&changed)), ["packet.direction"]);
    }
}

#[test]
fn a_message_of_the_guest_that_the_host_sends_is_found() {
    for made in
        from_guest().filter(|made| made.message.set == MessageSet::Global && made.base() == 0)
    {
        let mut changed = made.clone();
        changed.header.direction = Direction::HostToGuest;
        assert_eq!(words(&found_in(&changed)), ["packet.direction"]);
    }
}

#[test]
fn a_completion_that_the_guest_sends_is_found() {
    for message in table::all().filter(|message| message.set != MessageSet::Host) {
        let (_, mut reply) = exchange(message, Framing::Extended, 1);
        reply.header.direction = Direction::GuestToHost;
        assert_eq!(words(&found_in(&reply)), ["packet.direction"]);
    }
}

#[test]
fn a_host_message_without_a_channel_type_is_still_one() {
    for made in samples()
        .into_iter()
        .filter(|made| made.message.set == MessageSet::Host)
    {
        let unset = with(&made, "channel_type", 0);
        assert!(found_in(&unset).is_empty(), "{}", made.message.name);
        assert_eq!(super::decoded(&unset).name(), made.message.name);
    }
}

#[test]
fn a_message_on_the_channel_of_another_kind_is_found() {
    for made in samples() {
        let mut changed = made.clone();
        changed.header.channel_kind = match made.message.set {
            MessageSet::Vgpu => ChannelKind::Global,
            MessageSet::Global | MessageSet::Host => ChannelKind::Vgpu,
        };
        let expected: &[&str] = match made.message.set {
            // In async mode everything travels on the global channel.
            MessageSet::Vgpu => &[],
            MessageSet::Global | MessageSet::Host => &["channel.wrong"],
        };
        assert_eq!(
            words(&found_in(&changed)),
            expected,
            "{}",
            made.message.name
        );
        changed.header.channel_kind = ChannelKind::Unknown;
        assert!(found_in(&changed).is_empty(), "{}", made.message.name);
    }
}

#[test]
fn a_channel_type_without_a_meaning_is_found() {
    for made in samples() {
        for channel in [3, 4, 0x7f, 0xff] {
            let changed = with(&made, "channel_type", channel);
            let found = found_in(&changed);
            assert_eq!(words(&found), ["channel.type"], "{}", made.message.name);
            let channel_type = ChannelType(channel as u32);
            assert_eq!(found[0].kind, FindingKind::ChannelType { channel_type });
            assert_eq!(found[0].at as usize, made.base() + 12);
        }
    }
}

#[test]
fn the_global_set_has_no_bits_beside_the_channel_type() {
    for made in from_guest().filter(|made| made.message.set == MessageSet::Global) {
        for bit in 8..32 {
            let changed = with(&made, "channel_type", 1 | 1 << bit);
            let found = found_in(&changed);
            assert_eq!(words(&found), ["channel.type"], "{}", made.message.name);
            let channel_type = ChannelType(1 | 1 << bit);
            assert_eq!(found[0].kind, FindingKind::ChannelType { channel_type });
        }
    }
}

#[test]
fn a_number_without_a_message_is_found() {
    for made in samples() {
        let numbers = (0..200).chain(900..1300).chain([u64::from(u32::MAX)]);
        for number in numbers {
            if table::lookup(made.message.set, number as u32).is_some() {
                continue;
            }
            let found = found_in(&with(&made, "command", number));
            assert_eq!(words(&found), ["command.unknown"], "{number}");
            let kind = FindingKind::CommandUnknown {
                set: made.message.set.name(),
                command: CommandNumber(number as u32),
            };
            assert_eq!(
                (found[0].kind, found[0].at as usize),
                (kind, made.base() + 16)
            );
        }
    }
}

#[test]
fn a_first_word_that_begins_neither_format_is_found() {
    for made in from_guest() {
        for word in [1u32, 8, 15, 17, 24, 32, u32::MAX] {
            let mut payload = made.payload.clone();
            payload[..4].copy_from_slice(&word.to_le_bytes());
            let found = found_in(&made.with_payload(payload));
            assert_eq!(words(&found), ["framing.foreign"]);
            let word = FieldBits(word.into());
            assert_eq!(found[0].kind, FindingKind::FramingForeign { word });
        }
    }
}

#[test]
fn a_packet_type_that_the_protocol_does_not_use_is_found() {
    for made in samples() {
        for kind in [0, 1, 5, 7, 10, 12, u16::MAX] {
            let mut changed = made.clone();
            changed.header.packet_type = kind;
            let found = found_in(&changed);
            assert_eq!(found.len(), 1);
            let packet_type = PacketType(kind);
            assert_eq!(found[0].kind, FindingKind::PacketType { packet_type });
        }
    }
}
