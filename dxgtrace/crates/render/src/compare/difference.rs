//! Differences between two captures.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::profile::{CaptureProfile, MessageUsage};
use dxgtrace_session::check::Severity;

/// A difference between two captures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The subject: `version`, `capture`, `order`, a message or a finding code.
    pub about: String,
    /// The property that differs.
    pub what: &'static str,
    /// The property in the first capture.
    pub a: String,
    /// The property in the second capture.
    pub b: String,
}

/// Stands for a property that a capture does not have.
const ABSENT: &str = "-";

/// The differences between two captures, the most important ones first: versions,
/// findings, then outcomes, lengths and counts by message, and last the order of first
/// occurrences.
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
        option_text(a.declared),
        option_text(b.declared),
    );
    add(
        "version",
        "framing",
        set_text(&a.versions),
        set_text(&b.versions),
    );
    add(
        "version",
        "async mode",
        option_text(a.async_mode),
        option_text(b.async_mode),
    );
    add(
        "capture",
        "channels",
        set_text(&a.channels),
        set_text(&b.channels),
    );
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
            found.map_or(ABSENT.to_owned(), |found| times(found.count))
        };
        let (left, right) = (times(a), times(b));
        // Counts of harmless findings vary between runs.
        if code.severity() >= Severity::Warn || left == ABSENT || right == ABSENT {
            add(code.word(), "finding", left, right);
        }
    }
    let names: BTreeSet<_> = a.messages.keys().chain(b.messages.keys()).collect();
    let none = MessageUsage::default();
    for name in names {
        let (left, right) = (a.messages.get(*name), b.messages.get(*name));
        let (Some(left), Some(right)) = (left, right) else {
            let sent = |usage: Option<&MessageUsage>| {
                usage.map_or(ABSENT.to_owned(), |usage| {
                    times(usage.sent.max(usage.replies))
                })
            };
            add(name, "sent", sent(left), sent(right));
            let of = |usage: Option<&MessageUsage>| failures(usage.unwrap_or(&none));
            add(name, "failures", of(left), of(right));
            continue;
        };
        add(name, "outcomes", outcome_list(left), outcome_list(right));
        add(name, "failures", failures(left), failures(right));
        add(
            name,
            "lengths",
            size_list(&left.sizes),
            size_list(&right.sizes),
        );
        add(
            name,
            "reply lengths",
            size_list(&left.reply_sizes),
            size_list(&right.reply_sizes),
        );
        add(name, "sent", times(left.sent), times(right.sent));
    }
    if let Some((left, right)) = order_difference(a, b) {
        add("order", "first occurrences", left, right);
    }
    all
}

/// The messages at which the orders of first occurrence diverge, among the messages that
/// both captures have.
fn order_difference(a: &CaptureProfile, b: &CaptureProfile) -> Option<(String, String)> {
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

fn option_text<T: ToString>(value: Option<T>) -> String {
    value.map_or(ABSENT.to_owned(), |value| value.to_string())
}

fn set_text<T: ToString>(values: &BTreeSet<T>) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    match texts.is_empty() {
        true => ABSENT.to_owned(),
        false => texts.join(", "),
    }
}

fn times(count: u64) -> String {
    format!("{count}x")
}

/// The outcomes, without counts.
fn outcome_list(usage: &MessageUsage) -> String {
    let kinds: Vec<&str> = usage.outcomes.keys().map(String::as_str).collect();
    match kinds.is_empty() {
        true => ABSENT.to_owned(),
        false => kinds.join(", "),
    }
}

fn failures(usage: &MessageUsage) -> String {
    match usage.failures {
        0 => ABSENT.to_owned(),
        count => times(count),
    }
}

fn size_list(sizes: &BTreeMap<u32, u64>) -> String {
    let shown: Vec<String> = sizes.keys().take(8).map(ToString::to_string).collect();
    let more = if sizes.len() > 8 { " .." } else { "" };
    match shown.is_empty() {
        true => ABSENT.to_owned(),
        false => format!("{}{more}", shown.join(" ")),
    }
}
