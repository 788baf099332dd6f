//! `dxgtrace explain`: what a number, name or line means.

use std::io::{self, BufRead, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::output::{bare, stream, width};
use super::rules::load;
use super::{Exit, Failure};
use crate::cli::{AnswerForm, ColorArg, ExplainArgs};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_query::explain::{Answer, Log, LogGroup, explain, near};
use dxgtrace_query::rules::Rule;
use dxgtrace_render::output::{ProseWriter, json};

/// Longest line of a log that is read whole; what is beyond is cut off.
const LINE: u64 = 1 << 16;
/// Column of the texts.
const COLUMN: usize = 12;

/// Explains every thing on the command line, or the log on standard input.
pub fn run(args: &ExplainArgs, color: ColorArg) -> Result<Exit, Failure> {
    let rules = load(&args.rules)?;
    let mut report = AnswerReport::new(args.answer.form, color);
    let mut unknown = Vec::new();
    for thing in &args.things {
        if thing == "-" {
            let log = read_log(io::stdin().lock(), rules.all())?;
            unknown.extend(report.log(&log).map_err(Failure::output)?);
            continue;
        }
        let answers = explain(thing, rules.all());
        if answers.is_empty() {
            let hints = near(thing, rules.all());
            report.unknown(thing, &hints).map_err(Failure::output)?;
            unknown.push(shown(thing));
        } else {
            report.answers(thing, &answers).map_err(Failure::output)?;
        }
    }
    report.end().map_err(Failure::output)?;
    if unknown.is_empty() {
        Ok(Exit::Fine)
    } else {
        Err(Failure::Input(format!("not known: {}", unknown.join(", "))))
    }
}

fn read_log(mut input: impl BufRead, rules: &[Rule]) -> Result<Log, Failure> {
    let failed = |error| Failure::Input(format!("standard input: {error}"));
    let mut log = Log::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut input, LINE).read_until(b'\n', &mut line);
        if read.map_err(failed)? == 0 {
            return Ok(log);
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LINE {
            input.skip_until(b'\n').map_err(failed)?;
        }
        log.line(&String::from_utf8_lossy(&line), rules);
    }
}

/// A thing from the command line, safe to print and not too long.
fn shown(thing: &str) -> String {
    let cut = thing.get(..thing.floor_char_boundary(80)).unwrap_or(thing);
    format!("\"{}\"", escaped(cut.as_bytes()))
}

/// Where answers go.
enum AnswerReport {
    Text(ProseWriter<Box<dyn Write>>),
    Json(Box<dyn Write>),
}

/// A line of JSON.
#[derive(Serialize)]
struct AnswerLine<'a> {
    r#type: &'static str,
    thing: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<&'a [String]>,
}

impl AnswerReport {
    fn new(form: AnswerForm, color: ColorArg) -> Self {
        match form {
            AnswerForm::Text => {
                Self::Text(ProseWriter::new(Box::new(stream(color)), width(), COLUMN))
            }
            AnswerForm::Jsonl => Self::Json(Box::new(bare())),
        }
    }

    fn answers(&mut self, thing: &str, answers: &[Answer]) -> io::Result<()> {
        match self {
            Self::Text(prose) => {
                for answer in answers {
                    let title = format!("{} ({})", answer.name, answer.kind.name());
                    prose.line(Style::new().bold(), &title)?;
                    body(prose, answer)?;
                    prose.gap()?;
                }
                Ok(())
            }
            Self::Json(out) => answers.iter().try_for_each(|answer| {
                let thing = escaped(thing.as_bytes()).to_string();
                json::line(out, &AnswerLine::answer(&thing, None, Some(answer)))
            }),
        }
    }

    /// Shows a log; gives back the lines that are not known.
    fn log(&mut self, log: &Log) -> io::Result<Vec<String>> {
        let mut unknown = Vec::new();
        for group in log.groups() {
            let LogGroup {
                first,
                count,
                answer,
            } = group;
            match self {
                Self::Text(prose) => {
                    prose.line(Style::new().bold(), &format!("{count} x {first}"))?;
                    match answer {
                        Some(answer) => body(prose, answer)?,
                        None => prose.item(Style::new(), "what", "not known")?,
                    }
                    prose.gap()?;
                }
                Self::Json(out) => json::line(
                    out,
                    &AnswerLine::answer(first, Some(*count), answer.as_ref()),
                )?,
            }
            if answer.is_none() {
                unknown.push(format!("\"{first}\""));
            }
        }
        if log.groups().is_empty() {
            unknown.push("standard input has no line of dxgkrnl".to_owned());
        } else if log.beyond > 0 {
            unknown.push(format!("{} lines of yet other kinds", log.beyond));
        }
        Ok(unknown)
    }

    fn unknown(&mut self, thing: &str, near: &[String]) -> io::Result<()> {
        match self {
            Self::Text(prose) => {
                let thing = shown(thing);
                prose.line(
                    Style::new().bold(),
                    &format!("{thing}: nothing is known of it"),
                )?;
                prose.item(Style::new(), "near", &near.join(", "))?;
                prose.gap()
            }
            Self::Json(out) => {
                let thing = escaped(thing.as_bytes()).to_string();
                let line = AnswerLine {
                    r#type: "unknown",
                    near: Some(near),
                    ..AnswerLine::answer(&thing, None, None)
                };
                json::line(out, &line)
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Text(prose) => prose.flush(),
            Self::Json(out) => out.flush(),
        }
    }
}

impl<'a> AnswerLine<'a> {
    fn answer(thing: &'a str, count: Option<u64>, answer: Option<&'a Answer>) -> Self {
        Self {
            r#type: if answer.is_some() {
                "answer"
            } else {
                "unknown"
            },
            thing,
            count,
            answer,
            near: None,
        }
    }
}

/// What an answer says, below its title.
fn body(prose: &mut ProseWriter<Box<dyn Write>>, answer: &Answer) -> io::Result<()> {
    let plain = Style::new();
    let label = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
    prose.item(label, "what", &answer.what)?;
    for cause in &answer.causes {
        let text = match cause.layer {
            Some(layer) => format!("[{}] {}", layer.name(), cause.text),
            None => cause.text.clone(),
        };
        prose.item(label, "cause", &text)?;
    }
    let mut layers: Vec<&str> = Vec::new();
    for layer in answer.causes.iter().filter_map(|cause| cause.layer) {
        if !layers.contains(&layer.name()) {
            layers.push(layer.name());
        }
    }
    prose.item(label, "layer", &layers.join(" or "))?;
    for more in &answer.more {
        prose.item(plain, more.label, &more.text)?;
    }
    for known in &answer.known {
        let text = format!("{}: {} {}", known.rule, known.title, known.issues.join(" "));
        prose.item(label, "known", &text)?;
    }
    prose.item(label, "next", &answer.next)
}
