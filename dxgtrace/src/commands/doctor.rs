//! `dxgtrace doctor`: examines whether this machine can be traced.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg};
use super::output::{plain_stdout, stdout_stream, text_width};
use super::{Exit, Failure};
use dxgtrace_doctor::{ConfigSpace, FactLevel, MachineFact, SystemFiles, examine};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_render::output::ProseWriter;

/// Maximum size of a file with configuration spaces, in bytes: lspci's output for
/// some hundred functions.
const INPUT_BYTES_MAX: u64 = 4 << 20;
/// Column of the texts.
const COLUMN: usize = 18;

/// `dxgtrace doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Examine the file tree below this folder instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Examine only this PCI configuration space: its bytes, or what lspci -xxxx printed;
    /// `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    pub config_space: Option<PathBuf>,

    #[command(flatten)]
    pub answer: AnswerArgs,
}

/// Examines the machine, or only a configuration space.
pub fn run(args: &DoctorArgs, color: ColorArg) -> Result<Exit, Failure> {
    let facts = match &args.config_space {
        Some(path) => read_config_spaces(path)?,
        None => examine(&SystemFiles::new(&args.root)),
    };
    match args.answer.form {
        AnswerForm::Text => write_text(&facts, color),
        AnswerForm::Jsonl => write_json(&facts),
    }
    .map_err(Failure::output)?;
    let fails = facts.iter().any(|fact| fact.level == FactLevel::Fail);
    Ok(if fails { Exit::Findings } else { Exit::Fine })
}

fn read_config_spaces(path: &Path) -> Result<Vec<MachineFact>, Failure> {
    let name = path.display();
    let failed = |error: io::Error| Failure::Input(format!("{name}: {error}"));
    let mut content = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX)
            .read_to_end(&mut content)
    } else {
        File::open(path).and_then(|file| file.take(INPUT_BYTES_MAX).read_to_end(&mut content))
    }
    .map_err(failed)?;
    let spaces = ConfigSpace::of_file(&content)
        .map_err(|error| Failure::Input(format!("{name}: {error}")))?;
    let several = spaces.len() > 1;
    let mut facts = Vec::new();
    for (title, space) in spaces {
        if several && !space.is_ours() {
            continue;
        }
        let title = if title.is_empty() {
            space.kind()
        } else {
            format!("{}: {}", escaped(title.as_bytes()), space.kind())
        };
        facts.push(MachineFact {
            topic: "PCI",
            level: FactLevel::Info,
            text: title,
            fix: String::new(),
        });
        facts.extend(space.facts(None));
    }
    if facts.is_empty() {
        return Err(Failure::Input(format!(
            "{name}: none of the functions in it is a virtual GPU"
        )));
    }
    Ok(facts)
}

/// Writes the facts as text.
fn write_text(facts: &[MachineFact], color: ColorArg) -> io::Result<()> {
    let mut prose = ProseWriter::new(stdout_stream(color), text_width(), COLUMN);
    write_facts(&mut prose, facts)?;
    prose.flush()
}

/// Writes the facts, and the number of failures and warnings.
pub fn write_facts<W: Write>(prose: &mut ProseWriter<W>, facts: &[MachineFact]) -> io::Result<()> {
    for fact in facts {
        let label = format!("{:<4} {}", fact.level.name(), fact.topic);
        prose.item(level_style(fact.level), &label, &fact.text)?;
        if !fact.fix.is_empty() {
            prose.item(Style::new(), "     fix", &fact.fix)?;
        }
    }
    let count = |level| facts.iter().filter(|fact| fact.level == level).count();
    let (fails, warns) = (count(FactLevel::Fail), count(FactLevel::Warn));
    prose.line(Style::new(), &format!("{fails} failed, {warns} warnings"))
}

fn write_json(facts: &[MachineFact]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        fact: &'a MachineFact,
    }
    let mut out = plain_stdout();
    for fact in facts {
        let line = Line {
            r#type: "fact",
            fact,
        };
        dxgtrace_render::output::json::line(&mut out, &line)?;
    }
    out.flush()
}

fn level_style(level: FactLevel) -> Style {
    let color = match level {
        FactLevel::Ok => AnsiColor::Green,
        FactLevel::Info => AnsiColor::Cyan,
        FactLevel::Warn => AnsiColor::Yellow,
        FactLevel::Fail => AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into()))
}
