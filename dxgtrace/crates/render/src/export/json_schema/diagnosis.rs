//! The records of `dxgtrace explain`, `doctor` and `diff`, and known issues.

use serde_json::{Value, json};

use super::{constant, integer, record};
use dxgtrace_session::check::Layer;

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

fn list(item: &Value) -> Value {
    json!({"type": "array", "items": item})
}

pub(super) fn verdict() -> Value {
    let mut packet = integer();
    packet["type"] = json!(["integer", "null"]);
    record(&[
        ("type", constant("verdict"), true),
        ("text", text(), true),
        ("packet", packet, true),
        ("layer", json!({"enum": layers()}), true),
    ])
}

/// The layers, or null.
fn layers() -> Vec<Value> {
    let layers = Layer::ALL.iter().map(|layer| json!(layer));
    layers.chain([Value::Null]).collect()
}

pub(super) fn issue() -> Value {
    record(&[
        ("type", constant("issue"), true),
        ("rule", text(), true),
        (
            "verdict",
            json!({"enum": ["harmless", "known", "hint"]}),
            true,
        ),
        ("title", text(), true),
        ("what", text(), true),
        ("next", text(), true),
        ("links", texts(), true),
        ("count", integer(), true),
        ("packets", list(&integer()), true),
        (
            "asked",
            json!({"type": "object", "additionalProperties": integer()}),
            true,
        ),
    ])
}

/// The weight of a group of log lines.
fn weight() -> Value {
    json!({"enum": ["failure", "harmless"]})
}

pub(super) fn answer() -> Value {
    let cause = record(&[
        ("layer", json!({"enum": layers()}), true),
        ("text", text(), true),
    ]);
    let more = record(&[("label", text(), true), ("text", text(), true)]);
    let known = record(&[
        ("rule", text(), true),
        ("title", text(), true),
        ("issues", texts(), true),
    ]);
    record(&[
        ("type", constant("answer"), true),
        ("thing", text(), true),
        ("count", integer(), false),
        ("first_time", text(), false),
        ("last_time", text(), false),
        ("weight", weight(), false),
        ("kind", text(), true),
        ("name", text(), true),
        ("what", text(), true),
        ("causes", list(&cause), true),
        ("next", text(), true),
        ("more", list(&more), true),
        ("known", list(&known), true),
    ])
}

pub(super) fn unknown() -> Value {
    record(&[
        ("type", constant("unknown"), true),
        ("thing", text(), true),
        ("count", integer(), false),
        ("first_time", text(), false),
        ("last_time", text(), false),
        ("weight", weight(), false),
        ("near", texts(), false),
    ])
}

pub(super) fn fact() -> Value {
    record(&[
        ("type", constant("fact"), true),
        ("topic", text(), true),
        (
            "level",
            json!({"enum": ["ok", "info", "warn", "fail"]}),
            true,
        ),
        ("text", text(), true),
        ("fix", text(), true),
    ])
}

pub(super) fn difference() -> Value {
    record(&[
        ("type", constant("difference"), true),
        ("about", text(), true),
        ("what", text(), true),
        ("a", text(), true),
        ("b", text(), true),
    ])
}

pub(super) fn reread() -> Value {
    let mut expected = list(&integer());
    expected["type"] = json!(["array", "null"]);
    record(&[
        ("type", constant("reread"), true),
        ("message", text(), true),
        ("reframed", integer(), true),
        ("relaid", integer(), true),
        ("short", integer(), true),
        ("long", integer(), true),
        ("expected", expected, true),
        ("fields", texts(), true),
    ])
}
