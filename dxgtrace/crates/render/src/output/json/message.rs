//! The record of a message: its packet, and all of its fields.

use std::io;

use super::pieces::{OpenJson, Text, any, bytes, decimal, hexadecimal, plain, shown};
use super::{TaskJson, ioctl};
use dxgtrace_protocol::decode::{ArrayRef, Decoded, FieldRef, LocatedBody, Value, utf16};
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_protocol::schema::{FieldType, TailElement};
use dxgtrace_protocol::table;
use dxgtrace_session::entry::Entry;

/// Appends the record of a message.
pub(super) fn message(out: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
    let packet = entry.packet;
    let header = packet.header;
    let mut record = OpenJson::object(out);
    plain(record.key(["type"]), "msg");
    record.add("number", &packet.number)?;
    decimal(record.key(["time"]), packet.time)?;
    record.add("channel", &entry.channel_name())?;
    plain(record.key(["direction"]), header.direction.name());
    record.add("packet_type", &header.packet_type)?;
    record.add("packet_flags", &header.packet_flags)?;
    decimal(record.key(["transaction"]), header.transaction)?;
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
    ioctl(&mut record, header)?;
    if let Some(request) = entry.request {
        record.add("request_in", &request.number)?;
    }
    let decoded = entry.seen.decoded.as_ref();
    if let Some(decoded) = decoded {
        plain(record.key(["message"]), decoded.name());
        plain(record.key(["part"]), decoded.part.name());
        if let Some(message) = decoded.message {
            plain(record.key(["set"]), message.set.name());
        }
        fields(record.key(["fields"]), decoded)?;
    }
    if decoded.is_none_or(|decoded| decoded.body.is_none()) {
        bytes(record.key(["payload"]), packet.payload);
    }
    record.end();
    Ok(())
}

/// All fields of a message, by their full names.
fn fields(out: &mut Vec<u8>, decoded: &Decoded<'_>) -> io::Result<()> {
    let mut fields = OpenJson::object(out);
    for header in decoded.headers() {
        fixed(&mut fields, &header, ["dxg.", "", ""])?;
    }
    if let Some(body) = &decoded.body {
        let name = decoded.name();
        fixed(&mut fields, body, ["dxg.", name, "."])?;
        for tail in body.tails() {
            elements(fields.key(["dxg.", name, ".", tail.tail.name]), &tail)?;
            for spot in tail.viewed() {
                if let Some(value) = spot.value() {
                    let field = spot.field;
                    let key = ["dxg.", name, ".", tail.tail.name, ".", field.name];
                    typed(fields.key(key), field.ty, value)?;
                }
            }
        }
    }
    fields.end();
    Ok(())
}

fn fixed(object: &mut OpenJson<'_>, body: &LocatedBody<'_>, prefix: [&str; 3]) -> io::Result<()> {
    let [first, second, third] = prefix;
    for spot in body.fields() {
        if let Some(value) = used(&spot) {
            let key = [first, second, third, spot.field.name];
            typed(object.key(key), spot.field.ty, value)?;
        }
    }
    Ok(())
}

/// The value of a field, of an array only the part in use.
fn used<'a>(spot: &FieldRef<'a>) -> Option<Value<'a>> {
    let length = spot.used.saturating_mul(usize::from(spot.field.ty.size()));
    Value::of_field(spot.field, spot.bytes.get(..length).unwrap_or(spot.bytes))
}

fn elements(out: &mut Vec<u8>, tail: &ArrayRef<'_>) -> io::Result<()> {
    match tail.tail.element {
        TailElement::Value(FieldType::Byte) => bytes(out, tail.bytes),
        TailElement::Value(ty) => typed(out, ty, Value::Array(ty, tail.bytes))?,
        TailElement::Struct(_) => {
            let mut list = OpenJson::array(out);
            for index in 0..tail.captured() {
                let mut members = OpenJson::object(list.element());
                for spot in tail.members(index) {
                    if let Some(value) = used(&spot) {
                        typed(members.key([spot.field.name]), spot.field.ty, value)?;
                    }
                }
                members.end();
            }
            list.end();
        }
    }
    Ok(())
}

/// A value in the form that its type has in JSON.
pub(super) fn typed(out: &mut Vec<u8>, ty: FieldType, value: Value<'_>) -> io::Result<()> {
    match value {
        Value::Number(number) if ty.size() < 8 => any(out, &number)?,
        Value::Number(number) | Value::Event(number) => decimal(out, number)?,
        Value::Signed(number) => any(out, &number)?,
        Value::Bool(truth @ 0..=1) => any(out, &(truth == 1))?,
        Value::Bool(other) => any(out, &other)?,
        Value::Handle(handle) => hexadecimal(out, u64::from(handle)),
        Value::Address(address) => hexadecimal(out, address),
        Value::Luid(..) => shown(out, value)?,
        Value::Enum(names, number) => {
            let mut object = OpenJson::object(out);
            object.add("raw", &number)?;
            object.add("name", &names.name_of(number))?;
            object.end();
        }
        Value::Status(status) => {
            let mut object = OpenJson::object(out);
            shown(object.key(["raw"]), format_args!("{status:#010x}"))?;
            object.add("name", &table::status(status).map(|status| status.name))?;
            object.end();
        }
        Value::Flags(set, flags, _) => {
            let mut object = OpenJson::object(out);
            hexadecimal(object.key(["raw"]), flags);
            let mut names = OpenJson::array(object.key(["names"]));
            for bit in set.bits.iter().filter(|bit| bit.of(flags) != 0) {
                plain(names.element(), bit.name);
            }
            names.end();
            object.end();
        }
        Value::Text(text) => any(out, &Text(utf16(text)))?,
        Value::Bytes(all) => bytes(out, all),
        Value::Array(ty, _) => {
            let mut list = OpenJson::array(out);
            for value in value.elements() {
                typed(list.element(), ty, value)?;
            }
            list.end();
        }
    }
    Ok(())
}
