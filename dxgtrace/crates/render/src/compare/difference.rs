//! What one capture has and another has not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::profile::{CaptureProfile, MessageUsage};
use dxgtrace_session::check::Severity;

/// Something in which two captures differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about: `version`, `order`, a message or a finding code.
    pub about: String,
    /// In what they differ.
    pub what: &'static str,
    /// What the first one has.
    pub a: String,
    /// What the second one has.
    pub b: String,
}

/// What is not there.
const NOTHING: &str = "-";

/// The differences between two captures, weightier ones first: versions,
/// findings, then message by message what came back, how long it was, and how
/// often it was sent; last the order of first occurrences.
pub fn differences(a: &CaptureProfile, b: &CaptureProfile) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut add = |about: &str, what, a: String, b: String| {
        if a != b {
            all.push(Difference {
                about: about.to_owned(),
                what,
                a,
                b,
            });
        }
    };
    add(
        "version",
        "declared",
        option(a.declared),
        option(b.declared),
    );
    add("version", "framing", list(&a.versions), list(&b.versions));
    add(
        "version",
        "async mode",
        option(a.async_mode),
        option(b.async_mode),
    );
    add("capture", "channels", list(&a.channels), list(&b.channels));
    add(
        "capture",
        "unanswered requests",
        a.totals.unanswered.to_string(),
        b.totals.unanswered.to_string(),
    );
    add(
        "capture",
        "refused sends",
        a.totals.refused.to_string(),
        b.totals.refused.to_string(),
    );
    add(
        "capture",
        "lost packets",
        a.totals.lost.to_string(),
        b.totals.lost.to_string(),
    );
    let codes: BTreeSet<_> = a.findings.keys().chain(b.findings.keys()).collect();
    for code in codes {
        let times = |profile: &CaptureProfile| {
            let found = profile.findings.get(code);
            found.map_or(NOTHING.to_owned(), |found| times(found.count))
        };
        let (left, right) = (times(a), times(b));
        // How often harmless things were seen says nothing about two runs.
        if code.severity() >= Severity::Warn || left == NOTHING || right == NOTHING {
            add(code.word(), "finding", left, right);
        }
    }
    let names: BTreeSet<_> = a.messages.keys().chain(b.messages.keys()).collect();
    let none = MessageUsage::default();
    for name in names {
        let (left, right) = (a.messages.get(*name), b.messages.get(*name));
        let (Some(left), Some(right)) = (left, right) else {
            let sent = |usage: Option<&MessageUsage>| {
                usage.map_or(NOTHING.to_owned(), |usage| {
                    times(usage.sent.max(usage.replies))
                })
            };
            add(name, "sent", sent(left), sent(right));
            let of = |usage: Option<&MessageUsage>| failures(usage.unwrap_or(&none));
            add(name, "failures", of(left), of(right));
            continue;
        };
        add(name, "outcomes", kinds(left), kinds(right));
        add(name, "failures", failures(left), failures(right));
        add(name, "lengths", sizes(&left.sizes), sizes(&right.sizes));
        add(
            name,
            "reply lengths",
            sizes(&left.reply_sizes),
            sizes(&right.reply_sizes),
        );
        add(name, "sent", times(left.sent), times(right.sent));
    }
    if let Some((left, right)) = order(a, b) {
        add("order", "first occurrences", left, right);
    }
    all
}

/// Where the sequences of first occurrences part, among the messages that both
/// have.
fn order(a: &CaptureProfile, b: &CaptureProfile) -> Option<(String, String)> {
    let of = |own: &CaptureProfile, other: &CaptureProfile| -> Vec<&'static str> {
        let names = own.order().into_iter();
        names
            .filter(|name| other.messages.contains_key(name))
            .collect()
    };
    let (left, right) = (of(a, b), of(b, a));
    let at = left
        .iter()
        .zip(&right)
        .position(|(left, right)| left != right)?;
    let after = match at.checked_sub(1).and_then(|before| left.get(before)) {
        Some(before) => format!("after {before}: "),
        None => "first: ".to_owned(),
    };
    let next = |names: &[&str]| {
        let rest = names.get(at..).unwrap_or_default();
        let shown: Vec<&str> = rest.iter().take(4).copied().collect();
        format!("{after}{}", shown.join(", "))
    };
    Some((next(&left), next(&right)))
}

fn option<T: ToString>(value: Option<T>) -> String {
    value.map_or(NOTHING.to_owned(), |value| value.to_string())
}

fn list<T: ToString>(values: &BTreeSet<T>) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    match texts.is_empty() {
        true => NOTHING.to_owned(),
        false => texts.join(", "),
    }
}

fn times(count: u64) -> String {
    format!("{count}x")
}

/// What came back, without how often.
fn kinds(usage: &MessageUsage) -> String {
    let kinds: Vec<&str> = usage.outcomes.keys().map(String::as_str).collect();
    match kinds.is_empty() {
        true => NOTHING.to_owned(),
        false => kinds.join(", "),
    }
}

fn failures(usage: &MessageUsage) -> String {
    match usage.failures {
        0 => NOTHING.to_owned(),
        count => times(count),
    }
}

fn sizes(sizes: &BTreeMap<u32, u64>) -> String {
    let shown: Vec<String> = sizes.keys().take(8).map(ToString::to_string).collect();
    let more = if sizes.len() > 8 { " .." } else { "" };
    match shown.is_empty() {
        true => NOTHING.to_owned(),
        false => format!("{}{more}", shown.join(" ")),
    }
}
