//! The documentation page of the rules.

use std::fmt::Write as _;

use super::file::{Rule, RuleScope};

/// The documentation page of `rules`, as Markdown.
pub fn markdown_page(rules: &[Rule]) -> String {
    let mut text = String::from(
        "<!-- Generated: dxgtrace export known-issues -->\n\
         # Known issues\n\n\
         What `dxgtrace check` and `dxgtrace explain` recognise, from the rules in \
         `dxgtrace/crates/query/rules/`. A rule that looks at packets has a sample of its name in \
         `samples/rules/`, and beside it one that nearly matches.\n\n\
         Rules of your own go into `$XDG_CONFIG_HOME/dxgtrace/rules/` (usually \
         `~/.config/dxgtrace/rules/`) or a folder given with `--rules`; one with the name of a \
         shipped rule takes its place. How to write them is at the end of this page.\n\n\
         | rule | verdict | what |\n|---|---|---|\n",
    );
    for rule in rules {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| [{0}](#{0}) | {1} | {2} |",
            rule.name,
            rule.verdict.name(),
            rule.title
        );
    }
    for rule in rules {
        write_rule(&mut text, rule);
    }
    text.push_str(include_str!("../../rules/WRITING.md"));
    text
}

fn write_rule(text: &mut String, rule: &Rule) {
    let _ = writeln!(
        text,
        "\n## {}\n\n**{}** ({}).\n\n{}\n\n**Next:** {}\n",
        rule.name,
        capitalized(&rule.title),
        rule.verdict.name(),
        rule.what,
        rule.next
    );
    if !rule.steps.is_empty() {
        let scope = match rule.scope {
            RuleScope::Capture => "the whole capture",
            RuleScope::Process => "each process by itself",
            RuleScope::Channel => "each channel by itself",
        };
        let _ = writeln!(
            text,
            "- Recognised in {scope}: [sample](../samples/rules/{0}.pcapng), \
             [near miss](../samples/rules/{0}.near.pcapng).",
            rule.name
        );
    }
    if !rule.examples.is_empty() {
        let lines: Vec<String> = rule
            .examples
            .iter()
            .map(|line| format!("`{line}`"))
            .collect();
        let _ = writeln!(text, "- In the kernel log: {}", lines.join(", "));
    }
    let links: Vec<String> = rule
        .issues
        .iter()
        .zip(rule.links())
        .map(|(issue, link)| format!("[{issue}]({link})"))
        .collect();
    if !links.is_empty() {
        let _ = writeln!(text, "- Reported in {}", links.join(", "));
    }
    for report in &rule.reports {
        let _ = writeln!(text, "- Reported without a lasting address: {report}");
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
