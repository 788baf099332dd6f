//! Finds known issues by name and by kernel log line.

use super::answer::{Answer, AnswerKind, KnownIssue};
use crate::rules::{Rule, RuleVerdict};

/// Explains the rule `name`.
pub(super) fn by_name(name: &str, rules: &[Rule]) -> Option<Answer> {
    let rule = rules.iter().find(|rule| rule.name == name)?;
    Some(
        Answer::new(
            AnswerKind::Issue,
            format!("{}: {}", rule.name, rule.title),
            &*rule.what,
        )
        .with_next(&*rule.next)
        .with_detail("verdict", rule.verdict.name())
        .with_detail("issues", rule.links().join(" ")),
    )
}

/// The rules that a line of the kernel log may belong to.
pub(super) fn of_line(line: &str, rules: &[Rule]) -> Vec<KnownIssue> {
    rules
        .iter()
        .filter(|rule| rule.dmesg.iter().any(|pattern| pattern.is_match(line)))
        .map(issue)
        .collect()
}

/// The rules of these names.
pub(super) fn by_names(names: &[&str], rules: &[Rule]) -> Vec<KnownIssue> {
    rules
        .iter()
        .filter(|rule| names.contains(&rule.name.as_str()))
        .map(issue)
        .collect()
}

/// Whether a rule says that the line is harmless.
pub(super) fn is_harmless(line: &str, rules: &[Rule]) -> bool {
    let mut harmless = rules
        .iter()
        .filter(|rule| rule.verdict == RuleVerdict::Harmless);
    harmless.any(|rule| rule.dmesg.iter().any(|pattern| pattern.is_match(line)))
}

fn issue(rule: &Rule) -> KnownIssue {
    KnownIssue {
        rule: rule.name.clone(),
        title: rule.title.clone(),
        issues: rule.links(),
    }
}
