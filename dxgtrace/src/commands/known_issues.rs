//! Writes the known issues that a capture matches as text.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use dxgtrace_query::rules::{RuleMatch, RuleVerdict};
use dxgtrace_render::output::ProseWriter;

/// Column of the texts, the same as of findings.
const COLUMN: usize = 11;

/// Writes each match, with what to do next.
pub fn write(out: &mut impl Write, matches: &[RuleMatch<'_>], width: usize) -> io::Result<()> {
    for found in matches {
        let rule = found.rule;
        let color = match rule.verdict {
            RuleVerdict::Harmless => AnsiColor::Green,
            RuleVerdict::Known => AnsiColor::Yellow,
            RuleVerdict::Hint => AnsiColor::Cyan,
        };
        let style = Style::new().fg_color(Some(color.into()));
        let mut prose = ProseWriter::new(&mut *out, width, COLUMN);
        let title = format!("{} {}: {}", rule.verdict.name(), rule.name, rule.title);
        prose.line(style, &title)?;
        let packets: Vec<String> = found.packets.iter().map(u64::to_string).collect();
        let times = if found.count == 1 { "time" } else { "times" };
        let seen = format!("{} {times}, packets {}", found.count, packets.join(" "));
        prose.item(Style::new(), "seen:", &seen)?;
        let groups: Vec<String> = found
            .groups
            .iter()
            .map(|(value, count)| format!("{count} x {value}"))
            .collect();
        prose.item(Style::new(), "asked:", &groups.join(", "))?;
        prose.item(Style::new(), "why:", &rule.what)?;
        prose.item(Style::new(), "next:", &rule.next)?;
        prose.item(Style::new(), "see:", &rule.links().join(" "))?;
        prose.blank_line()?;
    }
    Ok(())
}
