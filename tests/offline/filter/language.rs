//! What filters mean, and what they say when they mean nothing.

use dxgtrace_protocol::encode;
use dxgtrace_protocol::packet::Channel;
use dxgtrace_query::filter::{Exchange, Filter, FilterNeeds};
use dxgtrace_session::check::{ByteCount, FieldBits, Finding, FindingKind};

use super::support::{Case, changed, exchange, parse, refused};

#[test]
fn a_message_is_found_by_its_name_and_its_fields() {
    let (request, reply) = exchange("make_resident");
    let (request_case, reply_case) = (Case::new(&request, None), Case::new(&reply, Some(&request)));
    for case in [&request_case, &reply_case] {
        case.yes("make_resident");
        case.yes("dxg.make_resident");
        case.yes("dxg.message == make_resident");
        case.yes("message contains resident");
        case.yes("message matches \"^MAKE_\"");
        case.no("evict");
        case.no("dxg.message in {evict, escape}");
    }
    request_case.yes("dxg.part == request and dxg.set == vgpu");
    reply_case.yes("dxg.part == reply");
    request_case.yes("make_resident.alloc_count");
    reply_case.no("make_resident.alloc_count");
    reply_case.yes("make_resident.paging_fence_value");
    request_case.yes("dxg.ext.command_offset == 16");
    reply_case.no("dxg.ext.command_offset");
    request_case.yes("dxg.command == 11 && dxg.channel_type == VGPU_TO_HOST");
}

#[test]
fn arrays_pass_if_one_element_does() {
    let (made, _) = exchange("make_resident");
    let allocations = [0x4000_0001_u32, 0x4000_0002, 0x4000_0003];
    let message = encode::request("make_resident").set("allocations", &allocations);
    let made = made.with_payload(message.build().unwrap().payload);
    let case = Case::new(&made, None);
    case.yes("make_resident.alloc_count == 3");
    case.yes("make_resident.allocations == 0x40000002");
    case.yes("dxg.allocation == 0x40000003");
    case.no("dxg.allocation == 0x40000004");
    // `!=` is that all differ, as in Wireshark since 4.0.
    case.no("make_resident.allocations != 0x40000002");
    case.yes("make_resident.allocations != 0x40000009");
    case.yes("make_resident.allocations !== 0x40000002");
    case.yes("make_resident.allocations ~= 0x40000002");
    case.yes("make_resident.allocations any_ne 0x40000002");
    case.no("make_resident.allocations === 0x40000002");
    case.yes("all make_resident.allocations >= 0x40000001");
    case.no("all make_resident.allocations > 0x40000001");
    case.yes("any make_resident.allocations > 0x40000002");
    case.yes("make_resident.allocations in {0x40000000..0x40000001}");
    case.no("make_resident.allocations not in {0x40000000..0x40000001}");
    case.yes("make_resident.allocations not in {1..5, 7}");
    // What is not there neither equals nor differs.
    case.no("evict.allocations == 1");
    case.no("evict.allocations != 1");
    case.no("all evict.allocations > 0");
    case.yes("not evict.allocations == 1");
}

#[test]
fn numbers_flags_and_statuses_are_read_by_name_or_number() {
    let (made, mut reply) = exchange("make_resident");
    let made = changed(&made, "flags", 2);
    reply.payload[16..20].copy_from_slice(&0x103_u32.to_le_bytes());
    let case = Case::new(&made, None);
    case.yes("make_resident.flags & 0x2");
    case.no("make_resident.flags & 0x4");
    case.yes("make_resident.flags & 0x6 == 0x2");
    case.yes("make_resident.flags & must_succeed");
    case.yes("make_resident.flags.must_succeed == 1");
    case.yes("make_resident.flags.must_succeed == true");
    case.yes("make_resident.flags.cant_trim_further == false");
    case.yes("make_resident.flags.cant_trim_further");
    case.yes("make_resident.flags == must_succeed");
    let case = Case::new(&reply, Some(&made));
    case.yes("dxg.status == STATUS_PENDING");
    case.yes("status == pending");
    case.yes("status == 0x103");
    case.yes("make_resident.status in {STATUS_PENDING, 0}");
    case.yes("status < 0x80000000");
    case.yes("status contains PEND");
    case.no("status matches \"^status_success$\"");
    case.no("status == SUCCESS");
}

#[test]
fn signed_enumerators_compare_as_signed() {
    let (made, _) = exchange("create_paging_queue");
    let made = changed(&made, "priority", -1);
    let case = Case::new(&made, None);
    case.yes("create_paging_queue.priority == BELOW_NORMAL");
    case.yes("create_paging_queue.priority == -1");
    case.yes("create_paging_queue.priority == 0xffffffff");
    case.yes("create_paging_queue.priority < NORMAL");
    // The slot for the reply holds nothing that would name a queue.
    case.no("dxg.paging_queue");
    case.yes("create_paging_queue.paging_queue");
}

#[test]
fn the_recorder_s_knowledge_is_asked_without_decoding() {
    let (mut made, _) = exchange("evict");
    made.header.pid = 4321;
    made.header.comm = *b"cuda-\"\\x\xff\0\0\0\0\0\0\0";
    made.header.channel = 7;
    made.number = 12;
    let mut case = Case::new(&made, None);
    case.decoded = None;
    case.channels = vec![Channel {
        name: "vgpu0".to_owned(),
        kind: dxgtrace_protocol::record::header::ChannelKind::Vgpu,
        relid: 7,
        instance: None,
    }];
    case.packet.interface = 0;
    case.yes("dxg.pid == 4321");
    case.yes("pid > 4000 and pid lt 5000");
    case.yes("dxg.comm contains \"cuda\"");
    case.yes("dxg.comm == \"cuda-\\\"\\\\x\\xff\"");
    case.yes("dxg.comm matches \"^CUDA\"");
    case.no("dxg.comm matches \"(?-i)^CUDA\"");
    case.yes("frame.number == 12");
    case.yes("frame.interface_name == vgpu0");
    case.yes("frame.time_relative == 1.5s and frame.time_relative > 1499ms");
    case.yes("direction == guest_to_host && kind == packet && packet_type == inband");
    case.yes("dxg.packet_flags.completion_requested == 1");
    case.yes("dxg");
    case.no("dxg.ioctl");
    case.no("make_resident");
    for (filter, needs) in [
        (
            "dxg.pid == 1 and frame.number > 3 or dxg.part == reply",
            FilterNeeds::PACKET,
        ),
        ("not (dxg.pid == 1 or dxg.device)", FilterNeeds::DECODE),
        ("dxg.finding", FilterNeeds::FINDINGS),
        (
            "dxg.time > 1ms and evict",
            FilterNeeds::PAIRING.union(FilterNeeds::DECODE),
        ),
        ("", FilterNeeds::PACKET),
    ] {
        assert_eq!(parse(filter).needs(), needs, "{filter}");
    }
}

#[test]
fn findings_and_pairs_can_be_asked_for() {
    let (made, _) = exchange("evict");
    let mut case = Case::new(&made, None);
    case.no("dxg.finding");
    case.no("dxg.severity");
    case.findings = vec![
        Finding::new(FindingKind::SizeTrailing {
            trailing: ByteCount(8),
        }),
        Finding::new(FindingKind::FlagUnknown {
            field: "flags",
            bits: FieldBits(8),
        }),
    ];
    case.exchange = Exchange {
        request_in: Some(3),
        reply_in: None,
        time: Some(1_500_000),
    };
    case.yes("dxg.finding == size.trailing");
    case.yes("dxg.finding contains size");
    case.no("dxg.finding == size.short");
    case.yes("dxg.severity >= warn");
    case.no("dxg.severity == error");
    case.yes("dxg.severity in {note..warn}");
    case.yes("dxg.request_in == 3 and not dxg.reply_in");
    case.yes("dxg.time == 1.5ms");
    case.yes("dxg.time > 0.001 and dxg.time < 2ms");
}

#[test]
fn bytes_can_be_searched_and_sliced() {
    let (made, _) = exchange("escape");
    let message = encode::request("escape").set("priv_drv_data", b"\xde\xad\xbe\xefHELLO");
    let made = made.with_payload(message.build().unwrap().payload);
    let case = Case::new(&made, None);
    case.yes("escape.priv_drv_data contains ad:be");
    case.yes("escape.priv_drv_data contains \"HELL\"");
    case.yes("escape.priv_drv_data[0:4] == de:ad:be:ef");
    case.yes("escape.priv_drv_data[0-3] == deadbeef");
    case.yes("escape.priv_drv_data[4:] == \"HELLO\"");
    case.yes("escape.priv_drv_data[1] in {ac, ad}");
    case.yes("escape.priv_drv_data matches \"\\xadhello|hello$\"");
    case.no("escape.priv_drv_data[8:4]");
    case.no("escape.priv_drv_data == de:ad");
}

#[test]
fn words_bind_as_in_wireshark() {
    let (made, _) = exchange("evict");
    let case = Case::new(&made, None);
    case.yes("evict or escape and escape");
    case.no("(evict or escape) and escape");
    case.yes("!escape && !(escape)");
    case.yes("not not evict");
    assert_eq!(
        parse("!(evict||(escape && dxg.pid eq 3))").to_string(),
        "not (dxg.evict or dxg.escape and dxg.pid == 3)"
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (filter, shown) in [
        (
            "dxg.make_resident.alloc_cnt > 3",
            "error: make_resident has no field `alloc_cnt`; did you mean `alloc_count`?
  dxg.make_resident.alloc_cnt > 3
                    ^^^^^^^^^",
        ),
        (
            "make_residnet",
            "error: no field is called `make_residnet`; did you mean `make_resident`?
  make_residnet
  ^^^^^^^^^^^^^",
        ),
        (
            "dxg.comm < \"a\"",
            "error: `<` compares what has an order; dxg.comm is text
  dxg.comm < \"a\"
           ^",
        ),
        (
            "status == STATUS_PENDIGN",
            "error: `STATUS_PENDIGN` is not a number or the name of a status; did you mean `STATUS_PENDING`?
  status == STATUS_PENDIGN
            ^^^^^^^^^^^^^^",
        ),
        (
            "create_sync_object.type == 1",
            "error: create_sync_object has no field `type`; did you mean `info.type`?
  create_sync_object.type == 1
                     ^^^^",
        ),
        (
            "dxg.direction == out",
            "error: `out` is not one of guest_to_host, host_to_guest
  dxg.direction == out
                   ^^^",
        ),
        (
            "dxg.pid ==",
            "error: a value should follow
  dxg.pid ==
            ^",
        ),
        (
            "dxg.pid == 5000000000",
            "error: 5000000000 does not fit into the 32 bits of dxg.pid
  dxg.pid == 5000000000
             ^^^^^^^^^^",
        ),
        (
            "evict == 3",
            "error: dxg.evict has no value to compare; it stands alone, or one of its fields is meant
  evict == 3
        ^^",
        ),
        (
            "dxg.comm matches \"(\"",
            "error: the pattern is no regular expression: unclosed group
  dxg.comm matches \"(\"
                   ^^^",
        ),
        (
            "evict escape",
            "error: `and` or `or` is missing before this
  evict escape
        ^^^^^^",
        ),
        (
            "dxg.device contains 3",
            "error: `contains` looks into text and bytes; dxg.device is a handle
  dxg.device contains 3
             ^^^^^^^^",
        ),
        (
            "\u{1b}[2J\n(",
            "error: this letter means nothing outside of quotes
  \u{fffd}[2J (
  ^",
        ),
    ] {
        assert_eq!(refused(filter), shown);
    }
}

#[test]
fn an_unfinished_filter_is_told_from_a_wrong_one() {
    for unfinished in [
        "dxg.pid ==",
        "evict and",
        "(evict",
        "dxg.pid in {3,",
        "not ",
    ] {
        assert!(
            Filter::parse(unfinished).unwrap_err().is_incomplete(),
            "{unfinished}"
        );
    }
    for wrong in ["evict)", "dxg.pid == x", "no_such_field", "and"] {
        assert!(
            !Filter::parse(wrong).unwrap_err().is_incomplete(),
            "{wrong}"
        );
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = format!("{}evict{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(refused(&deep).contains("nested too deep"));
    let long = vec!["evict"; 20_000].join(" or ");
    assert_eq!(parse(&long).to_string().matches("evict").count(), 20_000);
    parse(&format!("{} evict", "not ".repeat(100_001)));
    assert!(Filter::parse(&"a".repeat(1 << 20)).is_err());
    assert!(Filter::parse("dxg.comm matches \"(a{1000}){1000}\"").is_err());
}

#[test]
fn cut_packets_have_only_what_was_captured() {
    let (mut made, _) = exchange("make_resident");
    made.payload.truncate(16 + 38);
    let case = Case::new(&made, None);
    case.yes("make_resident.flags");
    case.no("make_resident.alloc_count");
    case.no("make_resident.allocations");
    case.no("dxg.allocation");
    // A count of any size does not make it walk what is not there.
    let (mut made, _) = exchange("create_allocation");
    made.header.payload_length = u32::MAX;
    let at = 16
        + dxgtrace_query::filter::field("create_allocation.alloc_count").map_or(0, |_| {
            let layout = super::support::message("create_allocation").request_at(40);
            usize::from(
                layout
                    .and_then(|layout| layout.field("alloc_count"))
                    .expect("a field")
                    .at,
            )
        });
    made.payload[at..at + 4].fill(0x7f);
    Case::new(&made, None).no("create_allocation.alloc_info.flags == 0x12345678");
}
