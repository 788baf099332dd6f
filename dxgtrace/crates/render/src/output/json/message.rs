//! The record of a message, with its packet and all fields.

use std::io;

use super::pieces::{
    OpenJson, Text, write_bytes, write_decimal, write_display, write_hexadecimal, write_str,
    write_value,
};
use super::{TaskJson, add_ioctl};
use dxgtrace_protocol::decode::{ArrayRef, Decoded, FieldRef, LocatedBody, Value, utf16};
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_protocol::schema::{FieldType, TailElement};
use dxgtrace_protocol::table;
use dxgtrace_session::entry::Entry;

/// Appends the record of a message.
pub(super) fn write_message(out: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
    let packet = entry.packet;
    let header = packet.header;
    let mut record = OpenJson::object(out);
    write_str(record.key(["type"]), "msg");
    record.add("number", &packet.number)?;
    write_decimal(record.key(["time"]), packet.time)?;
    record.add("channel", &entry.channel_name())?;
    write_str(record.key(["direction"]), header.direction.name());
    record.add("packet_type", &header.packet_type)?;
    record.add("packet_flags", &header.packet_flags)?;
    write_decimal(record.key(["transaction"]), header.transaction)?;
    if header.known.has(KnownFields::TASK) {
        record.add("process", &TaskJson::of(header))?;
    }
    record.add("length", &header.payload_length)?;
    if packet.is_cut() {
        record.add("captured", &packet.payload.len())?;
    }
    if header.kind == RecordKind::Refused {
        record.add("refused", &true)?;
    }
    if header.known.has(KnownFields::RETURN_VALUE) {
        record.add("return_value", &header.return_value)?;
    }
    if header.refused_attempts > 0 {
        record.add("refused_attempts", &header.refused_attempts)?;
    }
    if header.known.has(KnownFields::EXPECTED_REPLY) {
        record.add("expected_reply_length", &header.expected_reply_length)?;
    }
    add_ioctl(&mut record, header)?;
    if let Some(request) = entry.request {
        record.add("request_in", &request.number)?;
    }
    let decoded = entry.analysis.decoded.as_ref();
    if let Some(decoded) = decoded {
        write_str(record.key(["message"]), decoded.name());
        write_str(record.key(["part"]), decoded.part.name());
        if let Some(message) = decoded.message {
            write_str(record.key(["set"]), message.set.name());
        }
        write_fields(record.key(["fields"]), decoded)?;
    }
    if decoded.is_none_or(|decoded| decoded.body.is_none()) {
        write_bytes(record.key(["payload"]), packet.payload);
    }
    record.end();
    Ok(())
}

/// Writes all fields of a message, by full name.
fn write_fields(out: &mut Vec<u8>, decoded: &Decoded<'_>) -> io::Result<()> {
    let mut fields = OpenJson::object(out);
    for header in decoded.headers() {
        write_fixed(&mut fields, &header, ["dxg.", "", ""])?;
    }
    if let Some(body) = &decoded.body {
        let name = decoded.name();
        write_fixed(&mut fields, body, ["dxg.", name, "."])?;
        for tail in body.tails() {
            write_elements(fields.key(["dxg.", name, ".", tail.tail.name]), &tail)?;
            for spot in tail.view_fields() {
                if let Some(value) = spot.value() {
                    let field = spot.field;
                    let key = ["dxg.", name, ".", tail.tail.name, ".", field.name];
                    write_typed(fields.key(key), field.ty, value)?;
                }
            }
        }
    }
    if let Some(short) = &decoded.short_reply
        && let Some(status) = short.status
    {
        let key = fields.key(["dxg.status"]);
        write_typed(key, FieldType::NtStatus, Value::Status(status))?;
    }
    fields.end();
    Ok(())
}

fn write_fixed(
    object: &mut OpenJson<'_>,
    body: &LocatedBody<'_>,
    prefix: [&str; 3],
) -> io::Result<()> {
    let [first, second, third] = prefix;
    for spot in body.fields() {
        if let Some(value) = used_value(&spot) {
            let key = [first, second, third, spot.field.name];
            write_typed(object.key(key), spot.field.ty, value)?;
        }
    }
    Ok(())
}

/// The value of a field; for an array, only the used elements.
fn used_value<'a>(spot: &FieldRef<'a>) -> Option<Value<'a>> {
    let length = spot
        .used_elements
        .saturating_mul(usize::from(spot.field.ty.size()));
    Value::from_field(spot.field, spot.bytes.get(..length).unwrap_or(spot.bytes))
}

fn write_elements(out: &mut Vec<u8>, tail: &ArrayRef<'_>) -> io::Result<()> {
    match tail.tail.element {
        TailElement::Value(FieldType::Byte) => write_bytes(out, tail.bytes),
        TailElement::Value(ty) => write_typed(out, ty, Value::Array(ty, tail.bytes))?,
        TailElement::Struct(_) => {
            let mut list = OpenJson::array(out);
            for index in 0..tail.captured_elements() {
                let mut members = OpenJson::object(list.element());
                for spot in tail.members(index) {
                    if let Some(value) = used_value(&spot) {
                        write_typed(members.key([spot.field.name]), spot.field.ty, value)?;
                    }
                }
                members.end();
            }
            list.end();
        }
    }
    Ok(())
}

/// Writes a value in the JSON form of its type.
pub(super) fn write_typed(out: &mut Vec<u8>, ty: FieldType, value: Value<'_>) -> io::Result<()> {
    match value {
        Value::Number(number) if ty.size() < 8 => write_value(out, &number)?,
        Value::Number(number) | Value::Event(number) => write_decimal(out, number)?,
        Value::Signed(number) => write_value(out, &number)?,
        Value::Bool(truth @ 0..=1) => write_value(out, &(truth == 1))?,
        Value::Bool(other) => write_value(out, &other)?,
        Value::Handle(handle) => write_hexadecimal(out, u64::from(handle)),
        Value::Address(address) => write_hexadecimal(out, address),
        Value::Luid(..) => write_display(out, value)?,
        Value::Enum(names, number) => {
            let mut object = OpenJson::object(out);
            object.add("raw", &number)?;
            object.add("name", &names.name_of(number))?;
            object.end();
        }
        Value::Status(status) => {
            let mut object = OpenJson::object(out);
            write_display(object.key(["raw"]), format_args!("{status:#010x}"))?;
            object.add("name", &table::status(status).map(|status| status.name))?;
            object.end();
        }
        Value::Flags(set, flags, _) => {
            let mut object = OpenJson::object(out);
            write_hexadecimal(object.key(["raw"]), flags);
            let mut names = OpenJson::array(object.key(["names"]));
            for bit in set.bits.iter().filter(|bit| bit.extract(flags) != 0) {
                write_str(names.element(), bit.name);
            }
            names.end();
            object.end();
        }
        Value::Text(text) => write_value(out, &Text(utf16(text)))?,
        Value::Bytes(all) => write_bytes(out, all),
        Value::Array(ty, _) => {
            let mut list = OpenJson::array(out);
            for value in value.elements() {
                write_typed(list.element(), ty, value)?;
            }
            list.end();
        }
    }
    Ok(())
}
