//! What one line of a builder does. That every message and form survives is
//! tested over generated values.

use super::*;
use crate::decode::{Decoded, MessagePart};

fn number(decoded: &Decoded<'_>, field: &str) -> u64 {
    decoded
        .body
        .as_ref()
        .unwrap()
        .number_by_name(field)
        .unwrap()
}

fn tail<'a>(decoded: &Decoded<'a>, name: &str) -> &'a [u8] {
    let body = decoded.body.as_ref().unwrap();
    let found = body.tails().find(|tail| tail.tail.name == name);
    found.unwrap().bytes
}

fn error(builder: MessageBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn what_is_not_set_is_what_every_driver_sends() {
    let encoded = request("open_adapter").build().unwrap();
    let decoded = encoded.decode().unwrap();
    assert_eq!(number(&decoded, "vmbus_interface_version"), 0);
    assert_eq!(
        number(&decoded, "vmbus_last_compatible_interface_version"),
        16
    );
    assert!(decoded.frame.unwrap().is_canonical());
    assert_eq!(encoded.payload.len(), 16 + 40);
}

#[test]
fn only_requests_of_newer_versions_have_an_extended_header() {
    let newer = request_at("create_device", 40)
        .vgpu_luid(7)
        .build()
        .unwrap();
    let older = request_at("create_device", 27)
        .vgpu_luid(7)
        .build()
        .unwrap();
    assert_eq!(
        newer.payload[..16],
        [16, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(newer.payload[16..], older.payload);
    let told = event_at("signal_guest_event", 40).build().unwrap();
    assert_eq!(told.decode().unwrap().base, 0);
}

#[test]
fn counts_follow_from_arrays() {
    let encoded = request("wait_for_sync_object_from_cpu")
        .set("objects", &[0x40_u32, 0x80])
        .set("fence_values", &[5_u64])
        .build()
        .unwrap();
    let decoded = encoded.decode().unwrap();
    assert_eq!(number(&decoded, "object_count"), 2);
    assert_eq!(tail(&decoded, "objects"), [0x40, 0, 0, 0, 0x80, 0, 0, 0]);
    assert_eq!(
        tail(&decoded, "fence_values")[..9],
        [5, 0, 0, 0, 0, 0, 0, 0, 0]
    );
}

#[test]
fn a_count_that_is_set_stands() {
    let objects = request("signal_sync_object").set("object_count", 3);
    let encoded = objects.clone().set("objects", &[1_u32]).build().unwrap();
    let decoded = encoded.decode().unwrap();
    assert_eq!(tail(&decoded, "objects").len(), 12);
    assert_eq!(tail(&decoded, "fence_values").len(), 0);
    assert_eq!(
        error(objects.set("objects", &[1_u32, 2, 3, 4])),
        "signal_sync_object.objects: 4 elements, but room for 3"
    );
}

#[test]
fn one_element_that_is_always_there_needs_no_count() {
    let about = |builder: MessageBuilder| {
        let encoded = builder.build().unwrap();
        let decoded = encoded.decode().unwrap();
        let lengths = (
            tail(&decoded, "allocations").len(),
            tail(&decoded, "priorities").len(),
        );
        (number(&decoded, "allocation_count"), lengths)
    };
    let message = || request("set_allocation_priority");
    assert_eq!(about(message()), (0, (0, 4)));
    assert_eq!(about(message().set("priorities", &[9_u32])), (0, (0, 4)));
    assert_eq!(about(message().set("priorities", &[9_u32, 8])), (2, (8, 8)));
    assert_eq!(about(message().set("allocations", &[9_u32])), (1, (4, 4)));
}

#[test]
fn the_number_of_used_elements_follows_from_an_array_in_the_fixed_part() {
    let encoded = request("submit_command")
        .set("broadcast_context", &[0x40_u32, 0x80])
        .build()
        .unwrap();
    let decoded = encoded.decode().unwrap();
    assert_eq!(number(&decoded, "broadcast_context_count"), 2);
    let many = vec![1_u32; 65];
    assert_eq!(
        error(request("submit_command").set("broadcast_context", &many)),
        "submit_command.broadcast_context: 65 elements, but room for 64"
    );
}

#[test]
fn structures_are_set_by_column_or_one_after_the_other() {
    let columns = request("create_allocation")
        .set("alloc_info.flags", "primary")
        .set("alloc_info.vidpn_source_id", &[3_u32, 4])
        .build()
        .unwrap();
    let elements = request("create_allocation")
        .add_element("alloc_info", [("flags", 1), ("vidpn_source_id", 3)])
        .add_element("alloc_info", [("vidpn_source_id", 4)])
        .build()
        .unwrap();
    assert_eq!(columns.payload, elements.payload);
    assert_eq!(number(&columns.decode().unwrap(), "alloc_count"), 2);
}

#[test]
fn a_length_that_elements_tell_follows_where_there_is_one_element() {
    let one = request("create_allocation").add_element("alloc_info", [("flags", 0)]);
    let encoded = one.set("alloc_priv_drv_data", b"abc").build().unwrap();
    assert_eq!(
        tail(&encoded.decode().unwrap(), "alloc_priv_drv_data"),
        b"abc"
    );
    let two = request("create_allocation")
        .set("alloc_info.priv_drv_data_size", &[1_u32, 2])
        .set("alloc_priv_drv_data", b"abc");
    assert!(two.clone().build().is_ok());
    assert_eq!(
        error(two.set("alloc_priv_drv_data", b"abcd")),
        "create_allocation.alloc_priv_drv_data: 4 elements, but room for 3"
    );
}

#[test]
fn opaque_data_are_set_by_the_structure_that_they_begin_with() {
    let message = request("create_allocation")
        .set("flags", "standard_allocation")
        .set("priv_drv_data.existing_heap_data.size", 0x5000);
    let encoded = message.clone().build().unwrap();
    let decoded = encoded.decode().unwrap();
    assert_eq!(number(&decoded, "priv_drv_data_size"), 24);
    assert_eq!(tail(&decoded, "priv_drv_data")[8..10], [0, 0x50]);
    assert_eq!(
        error(message.set("flags", 0)),
        "create_allocation.priv_drv_data does not apply: `flags` says otherwise"
    );
}

#[test]
fn an_alternative_applies_whichever_order_things_are_set_in() {
    let fence = request("create_sync_object").set("info.monitored_fence.engine_affinity", 3);
    let set = fence.clone().set("info.type", 5).build().unwrap();
    assert_eq!(
        number(
            &set.decode().unwrap(),
            "info.monitored_fence.engine_affinity"
        ),
        3
    );
    assert_eq!(
        error(fence.set("info.type", 1)),
        "create_sync_object.info.monitored_fence.engine_affinity does not apply: \
         `info.type` says otherwise"
    );
    assert_eq!(
        error(
            request("update_gpu_virtual_address")
                .add_element("operations", [("operation", 1_u64), ("map.size", 4096)])
        ),
        "update_gpu_virtual_address.map.size does not apply: `operation` says otherwise"
    );
}

#[test]
fn values_have_names() {
    let wait = request("create_sync_object")
        .set("info.type", "D3DDDI_MONITORED_FENCE")
        .set("info.flags", "shared | nt_security_sharing")
        .build()
        .unwrap();
    let decoded = wait.decode().unwrap();
    assert_eq!(number(&decoded, "info.type"), 5);
    assert_eq!(number(&decoded, "info.flags"), 0b11);
    let reply = heap_reply("STATUS_DEVICE_REMOVED").build().unwrap();
    assert_eq!(reply.decode().unwrap().status(), Some(0xC000_02B6));
    assert_eq!(
        error(heap_reply("STATUS_NEVER_HEARD")),
        "flush_heap_transitions.status: no value is called `STATUS_NEVER_HEARD`"
    );
}

fn heap_reply(status: &str) -> MessageBuilder {
    let asked = request("flush_heap_transitions").build().unwrap();
    asked.reply().unwrap().set("status", status)
}

#[test]
fn text_is_utf16() {
    let encoded = request("create_process")
        .set("process_name", "dxgi")
        .build()
        .unwrap();
    let decoded = encoded.decode().unwrap();
    let name = decoded.body.as_ref().unwrap().fields();
    let name = name
        .into_iter()
        .find(|spot| spot.field.name == "process_name");
    assert_eq!(name.unwrap().value().unwrap().to_string(), "\"dxgi\"");
}

#[test]
fn a_reply_that_repeats_its_request_begins_as_it() {
    let asked = request("create_context_virtual")
        .process(0x40)
        .set("device", 0x80)
        .set("priv_drv_data", b"driver")
        .build()
        .unwrap();
    let reply = asked.reply().unwrap().set("context", 0xc0).build().unwrap();
    let decoded = reply.decode().unwrap();
    assert_eq!(number(&decoded, "device"), 0x80);
    assert_eq!(number(&decoded, "context"), 0xc0);
    assert_eq!(tail(&decoded, "priv_drv_data"), b"driver");
    assert_eq!(reply.payload[8], 0x40);
}

#[test]
fn a_reply_is_as_long_as_its_request_says() {
    let asked = request("query_adapter_info")
        .set("private_data", &[0; 5])
        .build()
        .unwrap();
    let reply = || asked.reply().unwrap();
    assert_eq!(reply().build().unwrap().payload.len(), 9);
    assert_eq!(reply().build().unwrap().on_ring().len(), 16);
    assert_eq!(
        error(reply().set("private_data", &[0; 6])),
        "query_adapter_info.private_data: 6 elements, but room for 5"
    );
    let older = request_at("query_adapter_info", 27).set("private_data", &[0; 5]);
    let older = older.build().unwrap().reply().unwrap().build().unwrap();
    assert_eq!(older.payload.len(), 5);
}

#[test]
fn a_message_can_be_sent_again_with_something_changed() {
    let first = request("evict")
        .process(0x40)
        .vgpu_luid(9)
        .set("allocations", &[1_u32, 2])
        .build()
        .unwrap();
    let again = copy_of(&first.decode().unwrap())
        .set("device", 0x80)
        .build()
        .unwrap();
    let decoded = again.decode().unwrap();
    assert_eq!(decoded.frame.unwrap().process, 0x40);
    assert_eq!(decoded.frame.unwrap().extended.unwrap().vgpu_luid, 9);
    assert_eq!(number(&decoded, "device"), 0x80);
    assert_eq!(tail(&decoded, "allocations").len(), 8);
}

#[test]
fn mistakes_name_message_and_field() {
    assert_eq!(
        error(request("creat_device")),
        "no message is called `creat_device`"
    );
    assert_eq!(
        error(request("create_device").set("devcie", 1).set("flags", 1)),
        "create_device request: no field or array is called `devcie`"
    );
    assert_eq!(
        error(request("create_allocation").add_element("alloc_info", [("size", 1)])),
        "create_allocation request: no field or array is called `alloc_info.size`"
    );
    assert_eq!(
        error(request("create_device").set("cdd_device", 256)),
        "create_device.cdd_device: 256 does not fit into 8 bits"
    );
    assert_eq!(
        error(request("create_device").set("flags", -0x8000_0001_i64)),
        "create_device.flags: -2147483649 does not fit into 32 bits"
    );
    assert_eq!(
        error(request("create_allocation").set("alloc_info", 1)),
        "create_allocation.alloc_info: its elements are structures: set their members"
    );
    assert_eq!(
        error(request("evict").add_element("allocations", [("x", 1)])),
        "evict.allocations: its elements are no structures"
    );
    assert_eq!(
        error(request("evict").set("allocations", &[0_u8; 6])),
        "evict.allocations: 6 bytes are no whole number of 4-byte elements"
    );
    assert_eq!(
        error(request("signal_guest_event")),
        "signal_guest_event is no request"
    );
    assert_eq!(error(event("create_device")), "create_device is no event");
    let named = request("log_event").build().unwrap();
    assert_eq!(
        error(named.reply().unwrap()),
        "log_event: no reply is known at interface version 40"
    );
    assert_eq!(
        error(request("evict").set("alloc_count", 0x7fff_ffff)),
        "evict: 8589934588 bytes do not fit into a packet"
    );
}

#[test]
fn a_message_without_a_public_layout_has_headers_and_bytes() {
    let encoded = request("log_event").trailing(b"opaque").build().unwrap();
    assert_eq!(encoded.payload.len(), 16 + 24 + 6);
    let decoded = encoded.decode().unwrap();
    assert_eq!(
        (decoded.name(), decoded.part),
        ("log_event", MessagePart::Request)
    );
    assert_eq!(copy_of(&decoded).build().unwrap().payload, encoded.payload);
}

#[test]
fn bits_are_set_beside_each_other() {
    use crate::schema::{FieldType, field};
    let low = field(4, "low", FieldType::U32, "").bits(0, 3);
    let high = field(4, "high", FieldType::U32, "").bits(30, 2);
    let mut bytes = [0xff; 8];
    assert_eq!(write_field(&mut bytes, &low, 0b010), Some(()));
    assert_eq!(write_field(&mut bytes, &high, 0b101), Some(()));
    assert_eq!(
        bytes,
        [0xff, 0xff, 0xff, 0xff, 0b1111_1010, 0xff, 0xff, 0x7f]
    );
    assert_eq!(write_field(&mut bytes[..7], &low, 0), None);
}
