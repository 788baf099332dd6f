//! Every name means what the decoder says.

use std::collections::{BTreeMap, BTreeSet};

use dxgtrace_protocol::decode::{FieldRef, LocatedBody, MessagePart, Value};
use dxgtrace_protocol::schema::{FieldType, TailElement};
use dxgtrace_protocol::table;
use dxgtrace_query::filter::{self, FieldOptions, ValueType};
use dxgtrace_tests::generate;

use super::support::{Case, every_case};

/// What the decoder shows of a packet: name to values.
#[derive(Default)]
struct Shown(BTreeMap<String, Vec<String>>);

impl Shown {
    fn of(case: &Case<'_>) -> Self {
        let mut shown = Self::default();
        let Some(decoded) = &case.decoded else {
            return shown;
        };
        for header in decoded.headers() {
            for spot in header.fields() {
                shown.field_ref("dxg", &spot);
            }
        }
        if let Some(body) = &decoded.body {
            shown.body(&format!("dxg.{}", decoded.name()), body);
        }
        shown
    }

    fn body(&mut self, prefix: &str, body: &LocatedBody<'_>) {
        for spot in body.fields() {
            self.field_ref(prefix, &spot);
        }
        for tail in body.tails() {
            let name = format!("{prefix}.{}", tail.tail.name);
            match tail.tail.element {
                TailElement::Value(FieldType::Byte) => {
                    self.value(&name, Value::Bytes(tail.bytes), 1)
                }
                TailElement::Value(FieldType::Utf16) => {
                    self.value(&name, Value::Text(tail.bytes), 1)
                }
                TailElement::Value(ty) => {
                    self.value(&name, Value::Array(ty, tail.bytes), usize::MAX)
                }
                TailElement::Struct(_) => {
                    if tail.count > 0 {
                        self.0.entry(name.clone()).or_default().push("1".to_owned());
                    }
                    for index in 0..tail.captured_elements() {
                        for spot in tail.members(index) {
                            self.field_ref(&name, &spot);
                        }
                    }
                }
            }
            for spot in tail.view_fields() {
                self.field_ref(&name, &spot);
            }
        }
    }

    fn field_ref(&mut self, prefix: &str, spot: &FieldRef<'_>) {
        if let Some(value) = spot.value() {
            let value = match value {
                Value::Bytes(bytes) => Value::Bytes(&bytes[..bytes.len().min(spot.used_elements)]),
                value => value,
            };
            self.value(
                &format!("{prefix}.{}", spot.field.name),
                value,
                spot.used_elements,
            );
        }
    }

    fn value(&mut self, name: &str, value: Value<'_>, used: usize) {
        let list = self.0.entry(name.to_owned()).or_default();
        match value {
            Value::Array(..) => list.extend(value.elements().take(used).map(text)),
            Value::Bytes([]) | Value::Text([]) => {}
            value => list.push(text(value)),
        }
    }
}

/// The text of a value as columns have it.
fn text(value: Value<'_>) -> String {
    match value {
        Value::Number(value) | Value::Event(value) => value.to_string(),
        Value::Signed(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Handle(value) | Value::Status(value) => format!("{value:#010x}"),
        Value::Enum(names, value) if names.signed => (value as i32).to_string(),
        Value::Enum(_, value) => value.to_string(),
        Value::Flags(_, value, size) => {
            format!("0x{value:0digits$x}", digits = 2 * usize::from(size))
        }
        Value::Luid(low, high) => format!("{high:08x}-{low:08x}"),
        Value::Address(value) => format!("{value:#018x}"),
        Value::Text(units) => {
            let units: Vec<u16> = units
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .take_while(|unit| *unit != 0)
                .collect();
            String::from_utf16_lossy(&units)
        }
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Array(..) => unreachable!("arrays are taken apart"),
    }
}

#[test]
fn columns_hold_what_the_decoder_shows() {
    let packets = generate::capture(7);
    let options = FieldOptions::default();
    let mut compared = 0;
    for case in every_case(&packets) {
        let shown = Shown::of(&case);
        let Some(message) = case.decoded.as_ref().map(|decoded| decoded.name()) else {
            continue;
        };
        let inside = format!("dxg.{message}.");
        for field in filter::fields() {
            let flag = match field.name.rsplit_once('.') {
                Some((owner, _)) => filter::field(owner)
                    .is_some_and(|owner| matches!(owner.ty, ValueType::Flags(_))),
                None => false,
            };
            let header = table::framing::COMMAND.fields.iter().any(|header| {
                field.name == format!("dxg.{}", header.name) && header.name != "process"
            });
            if flag || !(header || field.name.starts_with(&inside)) {
                continue;
            }
            let wanted = shown.0.get(&field.name).map_or(&[][..], Vec::as_slice);
            let addresses = |value: &String| value.len() == 18 && value.starts_with("0x");
            if !matches!(field.ty, ValueType::Pointer | ValueType::Flags(_))
                && wanted.iter().any(addresses)
            {
                continue;
            }
            let mut cell = String::new();
            field.append(&case.record(), &options, &mut cell);
            if matches!(field.ty, ValueType::Text) {
                assert_eq!(
                    cell.is_empty(),
                    wanted.concat().is_empty(),
                    "{}",
                    field.name
                );
            } else {
                assert_eq!(
                    cell,
                    wanted.join(","),
                    "{} of {:?}",
                    field.name,
                    case.part()
                );
            }
            compared += wanted.len();
        }
    }
    assert!(compared > 5_000, "{compared} values");
}

#[test]
fn each_name_belongs_to_one_field() {
    let mut seen = BTreeSet::new();
    for field in filter::fields() {
        assert!(seen.insert(&field.name), "{} is there twice", field.name);
        assert!(!field.doc.is_empty(), "{} is not explained", field.name);
        let short = field.name.strip_prefix(filter::PREFIX);
        for name in [Some(field.name.as_str()), short].into_iter().flatten() {
            let found = filter::field(name).expect("a name finds its field");
            assert_eq!(found.name, field.name);
        }
    }
}

#[test]
fn every_message_and_every_value_has_a_name() {
    for message in table::all() {
        let name = format!("dxg.{}", message.name);
        assert!(filter::field(&name).is_some(), "{name}");
        for layout in message.layouts() {
            let fields = layout.fields.iter().map(|field| field.name);
            for part in fields.chain(layout.tails.iter().map(|tail| tail.name)) {
                assert!(
                    filter::field(&format!("{name}.{part}")).is_some(),
                    "{name}.{part}"
                );
            }
        }
    }
}

#[test]
fn every_enumerator_can_be_written_as_it_is_printed() {
    for field in filter::fields() {
        let ValueType::Named(names) = field.ty else {
            continue;
        };
        for (_, name) in names.iter() {
            let canonical = super::support::parse(&format!("{} == {name}", field.name)).to_string();
            let again = super::support::parse(&canonical).to_string();
            assert_eq!(canonical, again);
        }
    }
}

#[test]
fn any_handle_of_a_kind_is_found_wherever_it_stands() {
    let packets = generate::capture(7);
    let options = FieldOptions::default();
    for case in every_case(&packets) {
        let Some(body) = case.decoded.as_ref().and_then(|decoded| decoded.body) else {
            continue;
        };
        for spot in body.fields() {
            let unused = matches!(
                spot.field.rule,
                dxgtrace_protocol::schema::FieldRule::Output
            ) && case.part() == Some(MessagePart::Request);
            if let (FieldType::Handle(kinds), Some(Value::Handle(value)), false) =
                (spot.field.ty, spot.value(), unused)
            {
                for kind in kinds {
                    case.yes(&format!("dxg.{} == {value:#x}", kind.name()));
                }
            }
        }
        for tail in body.tails() {
            let TailElement::Value(FieldType::Handle(kinds)) = tail.tail.element else {
                continue;
            };
            for value in Value::Array(FieldType::U32, tail.bytes).elements() {
                for kind in kinds {
                    case.yes(&format!("dxg.{} == {value}", kind.name()));
                }
            }
        }
        let mut all = String::new();
        let gpadl = filter::field("dxg.gpadl").expect("a field");
        gpadl.append(&case.record(), &options, &mut all);
    }
}
