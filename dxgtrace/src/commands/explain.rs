//! `dxgtrace explain`: explains numbers, names and lines of logs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg, RulesArgs};
use super::output::{plain_stdout, stdout_stream, text_width};
use super::rules::load_rules;
use super::{Exit, Failure};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_query::explain::{
    Answer, Log, LogGroup, LogReader, LogWeight, explain, similar_names,
};
use dxgtrace_query::rules::Rule;
use dxgtrace_render::output::{ProseWriter, json};

/// Column of the texts.
const COLUMN: usize = 12;

/// `dxgtrace explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Things to explain: 0xc0000022, -75, EOVERFLOW, "dxgkio_make_resident: Ioctl failed: -12",
    /// size.reply_short, make_resident, "vgpu 11", 0xC030470B, a handle, a GUID;
    /// a file with a kernel log, strace output or stack traces (`-` is standard input)
    #[arg(value_name = "THING", required = true, allow_negative_numbers = true)]
    pub things: Vec<String>,

    #[command(flatten)]
    pub answer: AnswerArgs,

    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Explains each argument: a word, a line, a file with a log, or the log on standard
/// input.
pub fn run(args: &ExplainArgs, color: ColorArg) -> Result<Exit, Failure> {
    let rules = load_rules(&args.rules)?;
    let mut report = AnswerReport::new(args.answer.form, color);
    let mut unknown = Vec::new();
    for thing in &args.things {
        let log = if thing == "-" {
            Some(read_log(io::stdin().lock(), "standard input", rules.all())?)
        } else if let Some(file) = log_file(thing) {
            Some(read_log(BufReader::new(file?), thing, rules.all())?)
        } else if thing.trim().contains('\n') {
            Some(read_log(thing.as_bytes(), "the text", rules.all())?)
        } else {
            None
        };
        if let Some(log) = log {
            let missing = report.write_log(&log, thing).map_err(Failure::output)?;
            // A log is known if any of it is explained.
            if log.groups().iter().all(|group| group.answer.is_none()) {
                unknown.extend(missing);
            }
            continue;
        }
        let answers = explain(thing, rules.all());
        if answers.is_empty() {
            let hints = similar_names(thing, rules.all());
            report
                .write_unknown(thing, &hints)
                .map_err(Failure::output)?;
            unknown.push(quoted(thing));
        } else {
            report
                .write_answers(thing, &answers)
                .map_err(Failure::output)?;
        }
    }
    report.flush().map_err(Failure::output)?;
    if unknown.is_empty() {
        Ok(Exit::Fine)
    } else {
        Err(Failure::Input(format!("not known: {}", unknown.join(", "))))
    }
}

fn read_log(input: impl BufRead, name: &str, rules: &[Rule]) -> Result<Log, Failure> {
    let failed = |error| Failure::Input(format!("{name}: {error}"));
    let mut log = Log::default();
    let mut lines = LogReader::new(input).map_err(failed)?;
    while let Some(line) = lines.next_line().map_err(failed)? {
        log.push_line(&line, rules);
    }
    log.finish(rules);
    Ok(log)
}

/// Opens the file that `thing` names, if there is one.
fn log_file(thing: &str) -> Option<Result<File, Failure>> {
    let path = Path::new(thing);
    let is_file = path.metadata().is_ok_and(|about| about.is_file());
    is_file.then(|| File::open(path).map_err(|error| Failure::Input(format!("{thing}: {error}"))))
}

/// Quotes `thing`, escaped and shortened.
fn quoted(thing: &str) -> String {
    let cut = thing.get(..thing.floor_char_boundary(80)).unwrap_or(thing);
    format!("\"{}\"", escaped(cut.as_bytes()))
}

/// Writes answers in one of the output forms.
enum AnswerReport {
    Text(ProseWriter<Box<dyn Write>>),
    Json(Box<dyn Write>),
}

/// A JSON record of an answer.
#[derive(Serialize)]
struct AnswerLine<'a> {
    r#type: &'static str,
    thing: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<LogWeight>,
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<&'a [String]>,
}

impl AnswerReport {
    fn new(form: AnswerForm, color: ColorArg) -> Self {
        match form {
            AnswerForm::Text => Self::Text(ProseWriter::new(
                Box::new(stdout_stream(color)),
                text_width(),
                COLUMN,
            )),
            AnswerForm::Jsonl => Self::Json(Box::new(plain_stdout())),
        }
    }

    fn write_answers(&mut self, thing: &str, answers: &[Answer]) -> io::Result<()> {
        match self {
            Self::Text(prose) => {
                for answer in answers {
                    let title = format!("{} ({})", answer.name, answer.kind.name());
                    prose.line(Style::new().bold(), &title)?;
                    write_answer(prose, answer)?;
                    prose.blank_line()?;
                }
                Ok(())
            }
            Self::Json(out) => answers.iter().try_for_each(|answer| {
                let thing = escaped(thing.as_bytes()).to_string();
                json::line(out, &AnswerLine::answer(&thing, None, Some(answer)))
            }),
        }
    }

    /// Writes the explanation of a log, and returns the lines that are not known.
    fn write_log(&mut self, log: &Log, name: &str) -> io::Result<Vec<String>> {
        let groups = log.groups();
        let mut unknown = Vec::new();
        if let Self::Text(prose) = self {
            write_summary(prose, &groups)?;
        }
        for group in groups.iter().copied() {
            match self {
                Self::Text(prose) => write_group(prose, group)?,
                Self::Json(out) => {
                    let thing = group.lines.join("\n");
                    json::line(out, &AnswerLine::group(&thing, group))?;
                }
            }
            if group.answer.is_none() {
                unknown.push(format!("\"{}\"", group.lines.join(" ")));
            }
        }
        if groups.is_empty() {
            let name = if name == "-" { "standard input" } else { name };
            unknown.push(format!(
                "{} has no line of dxgkrnl, no ioctl of it in strace's form, and no stack of it",
                quoted(name)
            ));
        } else if log.dropped > 0 {
            unknown.push(format!("{} lines of yet other kinds", log.dropped));
        }
        Ok(unknown)
    }

    fn write_unknown(&mut self, thing: &str, near: &[String]) -> io::Result<()> {
        match self {
            Self::Text(prose) => {
                let thing = quoted(thing);
                prose.line(
                    Style::new().bold(),
                    &format!("{thing}: nothing is known of it"),
                )?;
                prose.item(Style::new(), "near", &near.join(", "))?;
                prose.blank_line()
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

    fn flush(&mut self) -> io::Result<()> {
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
            first_time: None,
            last_time: None,
            weight: None,
            answer,
            near: None,
        }
    }

    fn group(thing: &'a str, group: &'a LogGroup) -> Self {
        Self {
            first_time: group.first_time.as_deref(),
            last_time: group.last_time.as_deref(),
            weight: Some(group.weight),
            ..Self::answer(thing, Some(group.count), group.answer.as_ref())
        }
    }
}

/// The times of a group's first and last lines.
fn time_span(group: &LogGroup) -> String {
    match (&group.first_time, &group.last_time) {
        (Some(first), Some(last)) if first == last => format!(", at {first}"),
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    }
}

/// Writes a summary before the answers: each failure with its count and times.
fn write_summary(prose: &mut ProseWriter<Box<dyn Write>>, groups: &[&LogGroup]) -> io::Result<()> {
    if groups.len() < 2 {
        return Ok(());
    }
    let (failed, harmless): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|group| group.weight == LogWeight::Failure);
    let count = |groups: &[&&LogGroup]| groups.iter().map(|group| group.count).sum::<u64>();
    let title = match (failed.is_empty(), count(&harmless)) {
        (true, harmless) => format!("no failures; {harmless} harmless lines"),
        (false, 0) => format!(
            "{} of {}",
            failure_count(count(&failed)),
            kind_count(failed.len())
        ),
        (false, harmless) => format!(
            "{} of {}; {harmless} harmless lines, below",
            failure_count(count(&failed)),
            kind_count(failed.len())
        ),
    };
    prose.line(Style::new().bold(), &title)?;
    for group in failed {
        let last = group.lines.last().map_or("", String::as_str);
        let text = format!("{} x {last}{}", group.count, time_span(group));
        prose.item(Style::new(), "", &text)?;
    }
    prose.blank_line()
}

fn failure_count(count: u64) -> String {
    match count {
        1 => "1 failure".to_owned(),
        count => format!("{count} failures"),
    }
}

fn kind_count(count: usize) -> String {
    match count {
        1 => "1 kind".to_owned(),
        count => format!("{count} kinds"),
    }
}

fn write_group(prose: &mut ProseWriter<Box<dyn Write>>, group: &LogGroup) -> io::Result<()> {
    let mut lines = group.lines.iter();
    let first = lines.next().map_or("", String::as_str);
    let title = format!("{} x {first}{}", group.count, time_span(group));
    prose.line(Style::new().bold(), &title)?;
    for line in lines {
        prose.line(Style::new().bold(), &format!("    {line}"))?;
    }
    match (&group.answer, group.weight) {
        (None, _) => prose.item(Style::new(), "what", "not known")?,
        (Some(answer), LogWeight::Failure) => write_answer(prose, answer)?,
        (Some(answer), LogWeight::Harmless) => {
            prose.item(Style::new(), "harmless", &answer.what)?;
            let rules = answer.known.iter();
            let rules: Vec<String> = rules
                .map(|known| format!("{}: {}", known.rule, known.title))
                .collect();
            prose.item(Style::new(), "known", &rules.join("; "))?;
        }
    }
    prose.blank_line()
}

fn write_known_issues(prose: &mut ProseWriter<Box<dyn Write>>, answer: &Answer) -> io::Result<()> {
    let label = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
    for known in &answer.known {
        let text = format!("{}: {} {}", known.rule, known.title, known.issues.join(" "));
        prose.item(label, "known", &text)?;
    }
    Ok(())
}

/// Writes an answer below its title.
fn write_answer(prose: &mut ProseWriter<Box<dyn Write>>, answer: &Answer) -> io::Result<()> {
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
    write_known_issues(prose, answer)?;
    prose.item(label, "next", &answer.next)
}
