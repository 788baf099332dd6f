//! The JSON Schema of the JSON-lines output, field by field.

mod counts;
mod diagnosis;

use serde_json::{Map, Value, json};

use crate::output::SCHEMA_VERSION;
use dxgtrace_protocol::record::header::ChannelEvent;
use dxgtrace_protocol::schema::{Field, FieldType, Layout, ObjectKind, Struct, TailElement};
use dxgtrace_protocol::table::framing;
use dxgtrace_protocol::table::{CATALOG, Catalog};
use dxgtrace_session::check::{Code, Layer, Notation, Severity};

/// The schema as text. Each line of output is a document.
pub fn schema() -> String {
    schema_of(&CATALOG)
}

/// The schema for the messages of `catalog`.
pub fn schema_of(catalog: &Catalog) -> String {
    let records = [
        "header",
        "msg",
        "exchange",
        "ioctl",
        "channel",
        "object",
        "finding",
        "lost",
        "verdict",
        "issue",
        "count",
        "pause",
        "start",
        "failure",
        "wait",
        "queue",
        "account",
        "top",
        "answer",
        "unknown",
        "fact",
        "difference",
        "reread",
        "summary",
    ]
    .map(reference);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("dxgtrace JSON lines, version {SCHEMA_VERSION}"),
        "description": "Every line is one record. `read` and `capture` write header, msg, \
                        exchange, ioctl, channel, object, finding, lost and summary; `check` header, finding, \
                        verdict, issue and summary; `stat` header, pause, count, start, failure, wait, queue, account and \
                        summary; `top` top; `explain` answer and unknown; `doctor` fact; `diff` difference \
                        or reread. 64-bit numbers and times in nanoseconds \
                        are decimal strings, handles and addresses hexadecimal ones.",
        "oneOf": records,
        "$defs": {
            "header": header(),
            "msg": message(catalog),
            "exchange": exchange(),
            "ioctl": ioctl(),
            "channel": channel(),
            "object": object(),
            "finding": finding(),
            "lost": lost(),
            "verdict": diagnosis::verdict(),
            "issue": diagnosis::issue(),
            "count": counts::count(),
            "pause": counts::pause(),
            "start": counts::start(),
            "failure": counts::failure(),
            "wait": counts::wait(),
            "queue": counts::queue(),
            "account": counts::account(),
            "top": counts::top(),
            "answer": diagnosis::answer(),
            "unknown": diagnosis::unknown(),
            "fact": diagnosis::fact(),
            "difference": diagnosis::difference(),
            "reread": diagnosis::reread(),
            "summary": summary(),
            "process": record(&[
                ("pid", json!({"type": "integer"}), true),
                ("tid", json!({"type": "integer"}), true),
                ("comm", json!({"type": "string", "description": "escaped for terminals"}), true),
            ]),
            "u64": {"type": "string", "pattern": "^[0-9]+$"},
            "hex": {"type": "string", "pattern": "^0x[0-9a-f]+$"},
            "bytes": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
            "luid": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{8}$"},
            "status": named_by("hex"),
        },
    });
    format!("{schema:#}\n")
}

/// The schema of an object. `members` are name, schema and whether the member is required.
fn record(members: &[(&str, Value, bool)]) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, schema, _)| ((*name).to_owned(), schema.clone()))
        .collect();
    let required: Vec<&str> = members
        .iter()
        .filter(|(_, _, always)| *always)
        .map(|(name, _, _)| *name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn constant(value: &str) -> Value {
    json!({"const": value})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn integer() -> Value {
    json!({"type": "integer"})
}

fn header() -> Value {
    record(&[
        ("type", constant("header"), true),
        ("schema", json!({"const": SCHEMA_VERSION}), true),
        ("tool", json!({"type": "string"}), true),
        ("source", json!({"type": "string"}), true),
    ])
}

fn message(catalog: &Catalog) -> Value {
    let names: Vec<&str> = catalog
        .all()
        .map(|message| message.name)
        .chain(["unknown"])
        .collect();
    record(&[
        ("type", constant("msg"), true),
        ("number", integer(), true),
        ("time", reference("u64"), true),
        ("channel", json!({"type": "string"}), true),
        (
            "direction",
            json!({"enum": ["guest_to_host", "host_to_guest"]}),
            true,
        ),
        ("packet_type", integer(), true),
        ("packet_flags", integer(), true),
        ("transaction", reference("u64"), true),
        ("process", reference("process"), false),
        ("length", integer(), true),
        ("captured", integer(), false),
        ("refused", json!({"const": true}), false),
        ("return_value", integer(), false),
        ("refused_attempts", integer(), false),
        ("expected_reply_length", integer(), false),
        ("ioctl", named_by("integer"), false),
        ("request_in", integer(), false),
        ("message", json!({"enum": names}), false),
        (
            "part",
            json!({"enum": ["request", "reply", "event"]}),
            false,
        ),
        ("set", json!({"enum": ["vgpu", "global", "host"]}), false),
        ("fields", fields(catalog), false),
        ("payload", reference("bytes"), false),
    ])
}

fn exchange() -> Value {
    record(&[
        ("type", constant("exchange"), true),
        ("request", integer(), true),
        ("reply", integer(), true),
        ("message", json!({"type": "string"}), true),
        ("channel", json!({"type": "string"}), true),
        ("process", reference("process"), false),
        ("ioctl", named_by("integer"), false),
        ("time", reference("u64"), true),
        ("latency", reference("u64"), true),
        ("status", reference("status"), false),
    ])
}

fn ioctl() -> Value {
    record(&[
        ("type", constant("ioctl"), true),
        ("number", integer(), true),
        ("time", reference("u64"), true),
        ("process", reference("process"), false),
        ("ioctl", named_by("integer"), false),
        ("result", integer(), false),
        ("errno", json!({"type": "string"}), false),
        ("send_result", integer(), false),
        ("duration", reference("u64"), true),
        ("messages", integer(), true),
        ("first_request", integer(), false),
        ("failed_request", integer(), false),
    ])
}

fn channel() -> Value {
    let events = ChannelEvent::NAMES.values.iter();
    let events: Vec<&str> = events.map(|value| value.name).chain(["unknown"]).collect();
    record(&[
        ("type", constant("channel"), true),
        ("number", integer(), true),
        ("time", reference("u64"), true),
        ("channel", json!({"type": "string"}), true),
        ("relid", integer(), true),
        ("event", json!({"enum": events}), true),
        ("process", reference("process"), false),
        ("result", integer(), false),
        ("errno", json!({"type": "string"}), false),
    ])
}

fn object() -> Value {
    let kinds: Vec<&str> = ObjectKind::ALL
        .iter()
        .map(|kind| kind.name())
        .chain(["unknown"])
        .collect();
    let kind = json!({"enum": kinds});
    let owner = record(&[
        ("kind", kind.clone(), true),
        ("handle", reference("hex"), true),
    ]);
    let events = json!({
        "enum": [
            "created",
            "found",
            "destroyed",
            "ended_with_owner",
            "ended_with_channel",
            "replaced",
        ],
        "description": "found: it was there before the capture, or its creation is missing; \
                        replaced: its handle was given to a new object",
    });
    record(&[
        ("type", constant("object"), true),
        ("packet", integer(), true),
        ("event", events, true),
        ("kind", kind, true),
        ("handle", reference("hex"), true),
        ("generation", integer(), true),
        ("process", reference("hex"), false),
        ("adapter", integer(), false),
        ("owner", owner, false),
        ("created", integer(), false),
        ("bytes", reference("u64"), false),
    ])
}

fn finding() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let severities: Vec<&str> = Severity::ALL
        .iter()
        .map(|severity| severity.name())
        .collect();
    record(&[
        ("type", constant("finding"), true),
        ("packet", integer(), true),
        ("code", json!({"enum": codes}), true),
        ("severity", json!({"enum": severities}), true),
        ("layer", json!({"enum": Layer::ALL}), true),
        ("part", json!({"type": "string"}), true),
        ("index", integer(), false),
        ("at", integer(), true),
        ("parameters", parameters(), false),
        ("text", json!({"type": "string"}), true),
    ])
}

/// The parameters of a finding, which depend on its code.
fn parameters() -> Value {
    let all = Code::ALL
        .iter()
        .flat_map(|code| code.description().parameters);
    let members: Vec<_> = all
        .map(|one| (one.name, parameter(one.notation), false))
        .collect();
    record(&members)
}

fn parameter(notation: Notation) -> Value {
    match notation {
        Notation::Integer => integer(),
        Notation::Decimal => reference("u64"),
        Notation::Hexadecimal => reference("hex"),
        Notation::Status => reference("status"),
        Notation::Errno => named_by("integer"),
        Notation::Bit => json!({"type": "boolean"}),
        Notation::End | Notation::Signal => json!({"type": ["integer", "null"]}),
    }
}

fn lost() -> Value {
    record(&[
        ("type", constant("lost"), true),
        ("number", integer(), true),
        ("time", reference("u64"), true),
        ("total", integer(), true),
        ("ring_full", integer(), true),
        ("missed_probes", integer(), true),
        ("user_queue", integer(), true),
        ("unreadable", integer(), true),
    ])
}

fn summary() -> Value {
    let count = |name| (name, integer(), true);
    record(&[
        ("type", constant("summary"), true),
        count("messages"),
        count("shown"),
        count("exchanges"),
        count("unanswered"),
        count("incomplete_ioctls"),
        count("refused"),
        count("refused_attempts"),
        count("cut"),
        count("ioctls"),
        count("failed_ioctls"),
        count("lost"),
        (
            "findings",
            json!({"type": "array", "items": {"type": "integer"}}),
            true,
        ),
    ])
}

/// Every field of every message, by full name.
fn fields(catalog: &Catalog) -> Value {
    let mut all = Map::new();
    for header in [
        &framing::EXTENDED,
        &framing::COMMAND,
        &framing::COMMAND_GLOBAL,
    ] {
        fixed(&mut all, "dxg.", header.fields);
    }
    let doc = "The status in a reply that is too short for anything else.";
    let status = value(FieldType::NtStatus);
    add(&mut all, "dxg.status".to_owned(), status, doc);
    for message in catalog.all() {
        for layout in message.layouts() {
            body(&mut all, &format!("dxg.{}.", message.name), layout);
        }
    }
    json!({"type": "object", "properties": all, "additionalProperties": false})
}

fn body(all: &mut Map<String, Value>, prefix: &str, layout: &Layout) {
    fixed(all, prefix, layout.fields);
    for tail in layout.tails {
        let name = format!("{prefix}{}", tail.name);
        if let Some((view, _)) = tail.view {
            fixed(all, &format!("{name}."), view.fields);
        }
        let schema = match tail.element {
            TailElement::Value(FieldType::Byte) => reference("bytes"),
            TailElement::Value(ty) => json!({"type": "array", "items": value(ty)}),
            TailElement::Struct(structure) => json!({"type": "array", "items": members(structure)}),
        };
        add(all, name, schema, tail.doc);
    }
}

fn fixed(all: &mut Map<String, Value>, prefix: &str, fields: &[Field]) {
    for field in fields {
        add(
            all,
            format!("{prefix}{}", field.name),
            of_field(field),
            field.doc,
        );
    }
}

fn members(structure: &Struct) -> Value {
    let mut all = Map::new();
    fixed(&mut all, "", structure.fields);
    json!({"type": "object", "properties": all, "additionalProperties": false})
}

/// Adds a field. If its type depends on the form of the message, the schema allows all of
/// the types.
fn add(all: &mut Map<String, Value>, name: String, schema: Value, doc: &str) {
    let mut types = match all.remove(&name) {
        None => Vec::new(),
        Some(mut before) => {
            let before = before
                .as_object_mut()
                .map(std::mem::take)
                .unwrap_or_default();
            types_of(before)
        }
    };
    if !types.contains(&schema) {
        types.push(schema);
    }
    let schema = match types.len() {
        1 => types.pop().unwrap_or_default(),
        _ => json!({ "anyOf": types }),
    };
    all.insert(name, described(schema, doc));
}

/// The types that the schema of a field allows.
fn types_of(mut schema: Map<String, Value>) -> Vec<Value> {
    schema.remove("description");
    match schema.remove("anyOf") {
        Some(Value::Array(types)) => types,
        _ => vec![Value::Object(schema)],
    }
}

fn described(mut schema: Value, doc: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), doc.into());
    }
    schema
}

fn of_field(field: &Field) -> Value {
    match (field.count, field.ty) {
        (2.., FieldType::Byte) => reference("bytes"),
        (2.., FieldType::Utf16) => json!({"type": "string"}),
        (2.., ty) => json!({"type": "array", "items": value(ty)}),
        (_, ty) if field.bits.is_some() => match ty {
            FieldType::Enum(_) => value(ty),
            _ => integer(),
        },
        (_, ty) => value(ty),
    }
}

/// One value of a type.
fn value(ty: FieldType) -> Value {
    match ty {
        FieldType::U8
        | FieldType::U16
        | FieldType::U32
        | FieldType::I32
        | FieldType::Utf16
        | FieldType::Byte => integer(),
        FieldType::U64 | FieldType::Event => reference("u64"),
        FieldType::Bool => json!({"type": ["boolean", "integer"]}),
        FieldType::Handle(kinds) => {
            let kinds: Vec<&str> = kinds.iter().copied().map(ObjectKind::name).collect();
            json!({"$ref": "#/$defs/hex", "$comment": kinds.join(" or ")})
        }
        FieldType::Pointer | FieldType::Address => reference("hex"),
        FieldType::Luid => reference("luid"),
        FieldType::NtStatus => reference("status"),
        FieldType::Enum(names) => {
            let values: Vec<&str> = names.values.iter().map(|value| value.name).collect();
            let mut schema = named_by("integer");
            schema["$comment"] = format!("{}: {}", names.name, values.join(", ")).into();
            schema
        }
        FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
            let names: Vec<&str> = set.bits.iter().map(|bit| bit.name).collect();
            record(&[
                ("raw", reference("hex"), true),
                (
                    "names",
                    json!({"type": "array", "items": {"enum": names}}),
                    true,
                ),
            ])
        }
    }
}

/// A number and its name, if it has one.
fn named_by(raw: &str) -> Value {
    let raw = match raw {
        "integer" => integer(),
        other => reference(other),
    };
    record(&[
        ("raw", raw, true),
        ("name", json!({"type": ["string", "null"]}), true),
    ])
}
