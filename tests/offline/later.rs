//! A message of a later driver, whose request has changed and whose reply has a
//! third form, through everything that walks the table.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::sync::LazyLock;

use dxgtrace_protocol::decode::{Decoded, MessagePart, PendingRequest};
use dxgtrace_protocol::encode::MessageBuilder;
use dxgtrace_query::filter::{Filter, FilterFields, FilterRecord};
use dxgtrace_render::export::{lua_of, schema_of};
use dxgtrace_session::Session;
use dxgtrace_session::check::Code;
use dxgtrace_tests::generate::Made;
use dxgtrace_tests::later::{CATALOG, CHANGED, exchange};
use serde_json::Value;

static FIELDS: LazyLock<FilterFields> = LazyLock::new(|| FilterFields::with_catalog(&CATALOG));

/// Lets a session see packets; what is found, and what `look` makes of each.
fn see<T>(
    packets: &[&Made],
    mut look: impl FnMut(&Made, &Decoded<'_>) -> T,
) -> (Vec<Code>, Vec<T>) {
    let mut session = Session::with_catalog(&CATALOG);
    let (mut codes, mut looks) = (Vec::new(), Vec::new());
    for made in packets {
        let packet = made.packet();
        let analysis = session.analyze(&packet, &mut |finding| codes.push(finding.code()));
        looks.push(look(made, analysis.decoded.as_ref().unwrap()));
    }
    // The device is from before the capture, and its handle is any number.
    codes.retain(|code| !format!("{code:?}").starts_with("Status"));
    (codes, looks)
}

/// The request of the older generation: 32 bytes in all.
fn older(color: u32) -> Made {
    let (request, _) = exchange(40, 7);
    let form = request.message.requests.get(1).unwrap();
    let builder = MessageBuilder::in_form(request.message, MessagePart::Request, 40, form);
    let encoded = builder.set("color", color).build().unwrap();
    assert_eq!(encoded.payload.len(), 16 + 32);
    request.with_payload(encoded.payload)
}

#[test]
fn every_form_is_read_by_its_own_layout() {
    for seed in 0..20 {
        for (version, request_form, reply_form) in [(27, 2, 2), (40, 2, 1), (CHANGED, 0, 0)] {
            let (request, reply) = exchange(version, seed);
            let (codes, forms) = see(&[&request, &reply], |made, decoded| {
                let (body, wanted) = (decoded.body.as_ref().unwrap(), made.body.as_ref().unwrap());
                assert!(std::ptr::eq(body.layout, wanted.layout));
                assert_eq!(body.shortfall, None);
                for field in body.layout.fields {
                    assert_eq!(
                        body.number_of(field),
                        Some(wanted.get(field.name)),
                        "{}",
                        field.name
                    );
                }
                body.layout.form_index
            });
            assert_eq!(forms, [request_form, reply_form], "version {version}");
            assert_eq!(codes, [], "version {version}");
        }
    }
}

#[test]
fn a_generation_is_known_by_its_length() {
    let (codes, forms) = see(&[&older(2)], |_, decoded| {
        decoded.body.as_ref().unwrap().layout.form_index
    });
    assert_eq!((codes, forms), (vec![], vec![1]));
}

#[test]
fn each_form_is_judged_by_its_own_rules() {
    // A color that only the range of the longer form allows.
    assert_eq!(see(&[&older(7)], |_, _| ()).0, [Code::ValueRange]);
    for (version, at, code) in [
        (40, 28, Code::ValueRange),
        (CHANGED, 28, Code::ReservedNonzero),
    ] {
        let (request, _) = exchange(version, 3);
        let mut payload = request.payload.clone();
        payload[16 + at..16 + at + 4].copy_from_slice(&77_u32.to_le_bytes());
        let changed = request.with_payload(payload);
        assert_eq!(see(&[&changed], |_, _| ()).0, [code], "version {version}");
    }
    let (request, _) = exchange(CHANGED, 3);
    let mut payload = request.payload.clone();
    payload[16 + 32..16 + 40].fill(0xFF);
    assert_eq!(see(&[&request.with_payload(payload)], |_, _| ()).0, []);
}

#[test]
fn the_length_of_a_reply_follows_from_the_request_of_its_version() {
    let (request, reply) = exchange(CHANGED, 5);
    let packet = request.packet();
    let mut pending = None;
    Session::with_catalog(&CATALOG).analyze(&packet, &mut |_| ());
    see(&[&request], |_, decoded| {
        pending = Some(PendingRequest::new(decoded))
    });
    let length = request.body.as_ref().unwrap().get("label_length");
    assert!(length > 0);
    assert_eq!(pending.unwrap().expected_reply_length(), Some(16 + length));
    let mut short = reply.clone();
    short.header.expected_reply_length += 1;
    assert!(
        see(&[&request, &short], |_, _| ())
            .0
            .contains(&Code::SizeReplyRoom)
    );
}

#[test]
fn filters_find_a_field_in_every_form() {
    for version in [27, 40, CHANGED] {
        let (request, reply) = exchange(version, 9);
        let color = request.body.as_ref().unwrap().get("color");
        let found = |text: &str| {
            let filter = Filter::parse_with(&FIELDS, text).unwrap();
            see(&[&request, &reply], |made, decoded| {
                let packet = made.packet();
                filter.matches(&FilterRecord::new(&packet).with_decoded(Some(decoded)))
            })
            .1
        };
        let equal = format!("label_device.color == {color}");
        assert_eq!(found(&equal), [true, false], "version {version}");
        let other = format!("label_device.color == {}", color ^ 1);
        assert_eq!(found(&other), [false, false], "version {version}");
        let id = found("label_device.label_id");
        assert_eq!(id, [false, version == CHANGED], "version {version}");
    }
    assert!(Filter::parse("label_device.color == 1").is_err());
}

#[test]
fn the_json_schema_allows_the_types_of_every_form() {
    let schema: Value = serde_json::from_str(&schema_of(&CATALOG)).unwrap();
    let fields = &schema["$defs"]["msg"]["properties"]["fields"]["properties"];
    let types = fields["dxg.label_device.color"]["anyOf"]
        .as_array()
        .unwrap();
    assert_eq!(types.len(), 2);
    for name in [
        "flags",
        "label_length",
        "label",
        "kept_length",
        "label_id",
        "status",
    ] {
        assert!(
            fields[format!("dxg.label_device.{name}")].is_object(),
            "{name}"
        );
    }
}

#[test]
fn the_dissector_has_every_form() {
    let mut text = String::new();
    lua_of(&CATALOG, &mut text).unwrap();
    let message = text.split("name = \"label_device\"").nth(1).unwrap();
    assert_eq!(message.matches("since = ").count(), 6);
    assert!(message.contains("since = 41") && message.contains("lengths = { 32, }"));
}
