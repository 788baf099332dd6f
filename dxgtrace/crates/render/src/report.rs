//! The summary of a capture in Markdown: the first page of a report.

use std::io::{self, Write};

use crate::compare::CaptureProfile;
use crate::output::duration;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_query::rules::RuleMatch;
use dxgtrace_session::check::Severity;

/// Writes the page. `damage` is the error that ended reading early.
///
/// # Errors
/// The output refuses.
pub fn summary(
    out: &mut impl Write,
    profile: &CaptureProfile,
    matches: &[RuleMatch<'_>],
    damage: Option<&str>,
    redacted: bool,
) -> io::Result<()> {
    let totals = &profile.totals;
    writeln!(out, "# dxgtrace report\n")?;
    if redacted {
        writeln!(
            out,
            "Redacted: process names, texts, opaque data and addresses are replaced.\n"
        )?;
    }
    if let Some(damage) = damage {
        writeln!(
            out,
            "**Not read to its end**: {}\n",
            escape_markdown(damage)
        )?;
    }
    let channels: Vec<String> = profile
        .channels
        .iter()
        .map(|name| escape_markdown(name))
        .collect();
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| time | {} |", duration(profile.duration()))?;
    writeln!(out, "| channels | {} |", channels.join(", "))?;
    let declared = profile
        .declared
        .map_or("not seen".to_owned(), |version| version.to_string());
    writeln!(out, "| interface version | {declared} |")?;
    writeln!(out, "| messages | {} |", totals.messages)?;
    writeln!(out, "| exchanges | {} |", totals.exchanges)?;
    writeln!(out, "| unanswered | {} |", totals.unanswered)?;
    writeln!(out, "| refused sends | {} |", totals.refused)?;
    writeln!(out, "| lost packets | {} |", totals.lost)?;
    writeln!(out, "| cut messages | {} |", totals.cut)?;

    if !matches.is_empty() {
        writeln!(out, "\n## Known issues\n")?;
    }
    for found in matches {
        let rule = found.rule;
        let packets: Vec<String> = found.packets.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "### {} ({})\n\n{}\n\n{} packets, first {}. Next: {}",
            rule.title,
            rule.verdict.name(),
            rule.what,
            found.count,
            packets.join(", "),
            rule.next
        )?;
        for (value, count) in &found.groups {
            writeln!(out, "- {count} x {}", escape_markdown(value))?;
        }
        for link in rule.links() {
            writeln!(out, "- <{link}>")?;
        }
        writeln!(out)?;
    }

    writeln!(out, "\n## Findings\n")?;
    if profile.findings.is_empty() {
        writeln!(out, "None.")?;
    }
    for severity in Severity::ALL.iter().rev() {
        for (code, found) in &profile.findings {
            let description = code.description();
            if description.severity != *severity {
                continue;
            }
            writeln!(
                out,
                "- **{}** {} ({}), {} times. {} Next: {}",
                severity.name(),
                description.word,
                description.layer.name(),
                found.count,
                description.cause,
                description.next
            )?;
            for (number, sentence) in &found.examples {
                writeln!(out, "  - packet {number}: {}", escape_markdown(sentence))?;
            }
        }
    }

    if !profile.waiting.is_empty() {
        writeln!(out, "\n## Never answered\n")?;
        for (name, seconds) in profile.waiting.iter().take(50) {
            writeln!(out, "- {name}, {seconds} s")?;
        }
    }

    writeln!(out, "\n## Messages\n")?;
    writeln!(
        out,
        "| message | sent | replies | failed | mean | longest |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for name in profile.order() {
        let Some(usage) = profile.messages.get(name) else {
            continue;
        };
        let mean = usage.waited.checked_div(usage.replies).unwrap_or(0);
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            usage.sent,
            usage.replies,
            usage.failures,
            duration(mean),
            duration(usage.longest)
        )?;
    }
    Ok(())
}

/// Escapes text of the traced system for a table or a list.
fn escape_markdown(text: &str) -> String {
    let text = escaped(text.as_bytes()).to_string();
    text.replace('|', "\\|").replace('<', "&lt;")
}
