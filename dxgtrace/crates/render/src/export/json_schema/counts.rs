//! The records of `dxgtrace stat` and `top`.

use serde_json::{Value, json};

use super::{constant, integer, record, reference};
use dxgtrace_protocol::table;

pub(super) fn count() -> Value {
    let latency = record(&["min", "p50", "p99", "max"].map(|name| (name, reference("u64"), true)));
    record(&[
        ("type", constant("count"), true),
        (
            "of",
            json!({"enum": ["message", "process", "adapter"]}),
            true,
        ),
        ("name", json!({"type": "string"}), true),
        ("messages", integer(), true),
        ("failures", integer(), true),
        ("sent", reference("u64"), true),
        ("received", reference("u64"), true),
        ("latency", latency, false),
    ])
}

pub(super) fn top() -> Value {
    let latency = record(&["p50", "p99", "max"].map(|name| (name, reference("u64"), true)));
    record(&[
        ("type", constant("top"), true),
        ("time", reference("u64"), true),
        ("span", reference("u64"), true),
        ("pid", integer(), false),
        ("comm", json!({"type": "string"}), true),
        ("channel", json!({"type": "string"}), true),
        ("messages", integer(), true),
        ("failures", integer(), true),
        ("bytes", reference("u64"), true),
        ("latency", latency, false),
        ("resident", reference("u64"), false),
    ])
}

pub(super) fn failure() -> Value {
    record(&[
        ("type", constant("failure"), true),
        ("message", names(), true),
        ("outcome", json!({"type": "string"}), true),
        ("count", integer(), true),
    ])
}

pub(super) fn pause() -> Value {
    record(&[
        ("type", constant("pause"), true),
        ("packet", integer(), true),
        ("length", reference("u64"), true),
    ])
}

pub(super) fn start() -> Value {
    record(&[
        ("type", constant("start"), true),
        ("message", names(), true),
        ("channel", json!({"type": "string"}), false),
        ("packet", integer(), false),
        ("latency", reference("u64"), false),
        ("outcome", json!({"type": "string"}), true),
    ])
}

pub(super) fn wait() -> Value {
    let link = record(&[
        ("depth", integer(), true),
        (
            "kind",
            json!({"enum": ["signal", "work", "wait", "cycle", "reached", "unasked"]}),
            true,
        ),
        (
            "source",
            json!({"enum": ["cpu", "context", "hwqueue", "paging_queue"]}),
            false,
        ),
        ("handle", reference("hex"), false),
        ("value", reference("u64"), false),
        ("packet", integer(), false),
        ("done", json!({"type": "boolean"}), false),
    ]);
    let fence = record(&[
        ("handle", reference("hex"), true),
        ("value", reference("u64"), true),
        ("asked", reference("u64"), false),
        ("asked_in", integer(), false),
        ("shared", json!({"type": "boolean"}), true),
        ("chain", json!({"type": "array", "items": link}), true),
    ]);
    record(&[
        ("type", constant("wait"), true),
        ("packet", integer(), true),
        ("age", reference("u64"), true),
        ("message", names(), false),
        ("ended_in", integer(), false),
        ("event", reference("u64"), false),
        ("process", reference("process"), false),
        ("fences", json!({"type": "array", "items": fence}), true),
    ])
}

pub(super) fn queue() -> Value {
    record(&[
        ("type", constant("queue"), true),
        (
            "kind",
            json!({"enum": ["context", "hwqueue", "paging_queue"]}),
            true,
        ),
        ("handle", reference("hex"), true),
        ("process", reference("hex"), true),
        ("submissions", integer(), true),
        ("signals", integer(), true),
        ("waits", integer(), true),
        ("last", integer(), true),
    ])
}

pub(super) fn account() -> Value {
    let bytes = |name| (name, reference("u64"), true);
    let budget = record(&[
        ("memory", json!({"enum": ["gpu", "system"]}), true),
        ("packet", integer(), true),
        bytes("budget"),
        bytes("in_use"),
    ]);
    record(&[
        ("type", constant("account"), true),
        ("process", reference("hex"), true),
        ("pid", integer(), true),
        ("comm", json!({"type": "string"}), true),
        ("adapter", json!({"type": "string"}), true),
        ("ended", json!({"type": "boolean"}), true),
        ("devices", integer(), true),
        ("allocations", integer(), true),
        bytes("allocated"),
        bytes("most_allocated"),
        bytes("resident"),
        bytes("most_resident"),
        bytes("offered"),
        bytes("over_budget"),
        bytes("reserved_addresses"),
        bytes("mapped_addresses"),
        ("budgets", json!({"type": "array", "items": budget}), true),
    ])
}

/// The names of messages, and the names for messages without one.
fn names() -> Value {
    let names = table::all().map(|message| message.name);
    let names: Vec<&str> = names.chain(["unknown", "not a message"]).collect();
    json!({"enum": names})
}
