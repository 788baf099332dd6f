//! Tests `explain` on re-created public reports: it must name the right cause and layer,
//! and no wrong one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that prints its figure"
)]

use std::fmt::Write as _;

use dxgtrace_query::explain::{Answer, Log, LogWeight, explain};
use dxgtrace_query::rules::{Rule, Rules};
use serde::Deserialize;

/// Reports that must be right, in percent.
const RIGHT_PERCENT: usize = 90;

#[derive(Deserialize)]
struct Corpus {
    report: Vec<Report>,
}

/// A report: see `tests/cases/reports.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    source: String,
    had: String,
    layer: String,
    says: Vec<String>,
    never: Vec<String>,
}

/// All that an answer says, on one line, and the layers that it names.
fn text(answer: &Answer) -> (String, String) {
    let mut text = format!("{} {} {}", answer.name, answer.what, answer.next);
    let mut layers: Vec<&str> = Vec::new();
    for cause in &answer.causes {
        write!(text, " {}", cause.text).unwrap();
        if let Some(layer) = cause.layer.map(|layer| layer.name())
            && !layers.contains(&layer)
        {
            layers.push(layer);
        }
    }
    for more in &answer.more {
        write!(text, " {} {}", more.label, more.text).unwrap();
    }
    for known in &answer.known {
        write!(text, " {} {}", known.rule, known.title).unwrap();
    }
    (text, layers.join(" or "))
}

/// What is said of a report: text and layers, of failures before the rest.
fn said(had: &str, rules: &[Rule]) -> (String, String) {
    let mut all = String::new();
    let mut layers = Vec::new();
    if had.trim().contains('\n') {
        let mut log = Log::default();
        for line in had.lines() {
            log.push_line(line, rules);
        }
        log.finish(rules);
        for group in log.groups() {
            let (text, layer) = group.answer.as_ref().map(text).unwrap_or_default();
            write!(all, " {} x {} {text}", group.count, group.lines.join(" ")).unwrap();
            layers.push(match group.weight {
                LogWeight::Harmless => "harmless".to_owned(),
                LogWeight::Failure => layer,
            });
        }
    } else {
        let mut log = Log::default();
        log.push_line(had.trim(), rules);
        log.finish(rules);
        let harmless = log
            .groups()
            .first()
            .is_some_and(|group| group.weight == LogWeight::Harmless);
        for answer in explain(had, rules) {
            let (text, layer) = text(&answer);
            all.push_str(&text);
            layers.push(if harmless {
                "harmless".to_owned()
            } else {
                layer
            });
        }
    }
    (all, layers.into_iter().next().unwrap_or_default())
}

#[test]
fn public_reports_get_the_right_cause_and_owner() {
    let corpus: Corpus = toml::from_str(include_str!("../cases/reports.toml")).unwrap();
    assert!(corpus.report.len() >= 50, "{}", corpus.report.len());
    let rules = Rules::shipped().unwrap();
    let mut right = 0;
    let mut wrong = String::new();
    let mut accusations = 0;
    for report in &corpus.report {
        let (text, layer) = said(&report.had, rules.all());
        let missing: Vec<&String> = report
            .says
            .iter()
            .filter(|word| !text.to_lowercase().contains(&word.to_lowercase()))
            .collect();
        let accuses: Vec<&String> = report
            .never
            .iter()
            .filter(|word| text.contains(word.as_str()))
            .collect();
        // The wanted layers are those named, or the first of several.
        let layer_right = match report.layer.as_str() {
            "none" | "harmless" => layer == report.layer || layer.is_empty() || layer == "harmless",
            wanted => wanted == layer || layer.split(" or ").next() == Some(wanted),
        };
        accusations += accuses.len();
        if missing.is_empty() && accuses.is_empty() && layer_right {
            right += 1;
        } else {
            writeln!(
                wrong,
                "{} ({}): lacks {missing:?}, has {accuses:?}, layer {layer} for {}",
                report.had.trim(),
                report.source,
                report.layer
            )
            .unwrap();
        }
    }
    let count = corpus.report.len();
    println!("{right} of {count} reports right, {accusations} false accusations");
    assert_eq!(accusations, 0, "{wrong}");
    assert!(
        right * 100 >= count * RIGHT_PERCENT,
        "{right} of {count}:\n{wrong}"
    );
}
