//! `dxgtrace check`: reports the findings of capture files.

use std::io::{self, Write};

use serde::Serialize;

use clap::{Args, ValueEnum};

use super::arguments::{AnswerArgs, AnswerForm, ColorArg, InputArgs, RulesArgs};
use super::output::{plain_stdout, stdout_stream, text_width};
use super::pipeline::Pipeline;
use super::rules::load_rules;
use super::{Exit, Failure, input, known_issues};
use dxgtrace_query::filter::Filter;
use dxgtrace_query::rules::{RuleMatch, RuleVerdict};
use dxgtrace_render::output::{CaptureVerdict, FindingGroups, JsonLines, json};
use dxgtrace_session::ReplyLimits;
use dxgtrace_session::check::{Layer, Severity};
use dxgtrace_session::entry::Sink;

/// `dxgtrace check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dxgtrace check gpu.pcapng
  dxgtrace check -s warn -n 10 gpu.pcapng       warnings and errors, ten packets of each
  dxgtrace check -q --fail-on warn *.pcapng     for CI: exits with 4 on warnings or errors
  dxgtrace explain size.reply_short             what a finding means")]
pub struct CheckArgs {
    #[command(flatten)]
    pub input: InputArgs,

    /// Exit with 4 if there is a finding of this severity or higher
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<SeverityArg>,

    /// Exit with 5 if packets are missing
    #[arg(long)]
    pub fail_on_loss: bool,

    /// Show findings of this severity or higher
    #[arg(short = 's', long, value_name = "SEVERITY", default_value = "note")]
    pub severity: SeverityArg,

    /// Show this many packets for each finding code
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    pub examples: usize,

    /// Report a reply as slow after this time, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub slow: u64,

    /// Report a request as unanswered at the end of the capture after this time, in seconds
    #[arg(long, value_name = "S", default_value_t = 5)]
    pub missing: u64,

    /// Show only the closing line of each file
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,

    #[command(flatten)]
    pub answer: AnswerArgs,

    #[command(flatten)]
    pub rules: RulesArgs,
}

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    /// The normal course of things.
    Chat,
    /// Unusual, and harmless as far as is known.
    Note,
    /// Possibly the cause of trouble.
    Warn,
    /// Against the protocol, or the driver cannot work.
    Error,
}

/// Checks each file.
pub fn run(args: &CheckArgs, color: ColorArg) -> Result<Exit, Failure> {
    let mut worst = None;
    let mut lost = 0;
    let mut damage = None;
    let mut out: Box<dyn Write> = match args.answer.form {
        AnswerForm::Text => Box::new(stdout_stream(color)),
        AnswerForm::Jsonl => Box::new(plain_stdout()),
    };
    let least = (!args.quiet).then_some(severity(args.severity));
    let limits = ReplyLimits {
        slow: args.slow.saturating_mul(1_000_000),
        missing: args.missing.saturating_mul(1_000_000_000),
    };
    let rules = load_rules(&args.rules)?;
    for path in args.input.files() {
        let source = input::display_name(path);
        let mut groups = FindingGroups::new(args.examples);
        let mut rule_run = rules.start_run();
        let mut verdict = CaptureVerdict::default();
        let mut sinks: Vec<Box<dyn Sink + '_>> = vec![
            Box::new(&mut groups),
            Box::new(&mut rule_run),
            Box::new(&mut verdict),
        ];
        if args.answer.form == AnswerForm::Jsonl {
            let findings = JsonLines::findings(&mut out, &source, least);
            sinks.push(Box::new(findings.map_err(Failure::output)?));
        }
        let mut pipeline = Pipeline::new(Filter::default(), sinks).with_limits(limits);
        if let Err(failure) = input::feed_file(path, &mut pipeline) {
            input::keep_first_failure(&mut damage, failure);
        }
        let version = pipeline.session().declared_version();
        let waiting = pipeline.session().unanswered_requests();
        let totals = pipeline.finish().map_err(Failure::output)?;
        worst = worst.max(groups.worst());
        lost += totals.lost + totals.incomplete_ioctls;
        rule_run.finish(&waiting);
        match args.answer.form {
            AnswerForm::Text => {
                if !args.quiet {
                    verdict
                        .write(&mut out, &totals, &waiting, text_width())
                        .map_err(Failure::output)?;
                    known_issues::write(&mut out, &rule_run.matches(), text_width())
                        .map_err(Failure::output)?;
                }
                groups.write(&mut out, &source, &totals, version, least, text_width())
            }
            AnswerForm::Jsonl => {
                let text = verdict.text(&totals, &waiting);
                let first = verdict.first_failure(&totals);
                json::line(
                    &mut out,
                    &VerdictRecord {
                        r#type: "verdict",
                        text: &text,
                        packet: first.map(|(packet, _)| packet),
                        layer: first.and_then(|(_, layer)| layer),
                    },
                )
                .and_then(|()| write_issues(&mut out, &rule_run.matches()))
                .and_then(|()| json::summary(&mut out, &totals))
            }
        }
        .map_err(Failure::output)?;
        if let Some(failure @ (Failure::Closed | Failure::Usage(_))) = damage {
            return Err(failure);
        }
    }
    out.flush().map_err(Failure::output)?;
    match damage {
        Some(failure) => Err(failure),
        None if args
            .fail_on
            .is_some_and(|level| worst >= Some(severity(level))) =>
        {
            Ok(Exit::Findings)
        }
        None if args.fail_on_loss && lost > 0 => Ok(Exit::Loss),
        None => Ok(Exit::Fine),
    }
}

/// The sentence on a file, as a record.
#[derive(Serialize)]
struct VerdictRecord<'a> {
    r#type: &'static str,
    text: &'a str,
    packet: Option<u64>,
    layer: Option<Layer>,
}

/// Writes a record for each known issue that the capture matches.
fn write_issues(out: &mut impl Write, matches: &[RuleMatch<'_>]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Issue<'a> {
        r#type: &'static str,
        rule: &'a str,
        verdict: RuleVerdict,
        title: &'a str,
        what: &'a str,
        next: &'a str,
        links: Vec<String>,
        count: u64,
        packets: &'a [u64],
        asked: &'a std::collections::BTreeMap<String, u64>,
    }
    for found in matches {
        let rule = found.rule;
        json::line(
            out,
            &Issue {
                r#type: "issue",
                rule: &rule.name,
                verdict: rule.verdict,
                title: &rule.title,
                what: &rule.what,
                next: &rule.next,
                links: rule.links(),
                count: found.count,
                packets: &found.packets,
                asked: &found.groups,
            },
        )?;
    }
    Ok(())
}

fn severity(level: SeverityArg) -> Severity {
    match level {
        SeverityArg::Chat => Severity::Chat,
        SeverityArg::Note => Severity::Note,
        SeverityArg::Warn => Severity::Warn,
        SeverityArg::Error => Severity::Error,
    }
}
