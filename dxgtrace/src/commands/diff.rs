//! `dxgtrace diff`: what two captures differ in, or one from itself at another
//! interface version.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::Style;
use serde::Serialize;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg};
use super::output::{bare, stream, width};
use super::walk::{WalkStop, ended, walk};
use super::{Exit, Failure};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_render::compare::{
    CaptureProfile, Difference, VersionChange, VersionReread, differences,
};
use dxgtrace_render::output::ProseWriter;

/// Column of the texts.
const COLUMN: usize = 24;

/// `dxgtrace diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The first capture; `-` is standard input
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The second capture
    #[arg(
        value_name = "B",
        required_unless_present = "as_version",
        conflicts_with = "as_version"
    )]
    pub b: Option<PathBuf>,

    /// Say what would be different in A at this interface version
    #[arg(long, value_name = "VERSION")]
    pub as_version: Option<u32>,

    #[command(flatten)]
    pub answer: AnswerArgs,
}

/// Compares.
pub fn run(args: &DiffArgs, color: ColorArg) -> Result<Exit, Failure> {
    match (&args.b, args.as_version) {
        (Some(b), None) => two(&args.a, b, args.answer.form, color),
        (None, Some(version)) => as_version(&args.a, version, args.answer.form, color),
        _ => Err(Failure::Usage(
            "give two captures, or one and --as-version".to_owned(),
        )),
    }
}

/// A capture in numbers.
pub fn profile(path: &Path) -> Result<(CaptureProfile, WalkStop), Failure> {
    let mut profile = CaptureProfile::default();
    let (session, damage) = walk(path, &mut |entry, _, _| {
        profile.count_entry(entry);
        Ok(())
    })?;
    profile.finish(&session);
    Ok((profile, damage))
}

fn two(a: &Path, b: &Path, form: AnswerForm, color: ColorArg) -> Result<Exit, Failure> {
    let (left, left_damage) = profile(a)?;
    let (right, right_damage) = profile(b)?;
    let found = differences(&left, &right);
    match form {
        AnswerForm::Text => show(a, b, &found, color),
        AnswerForm::Jsonl => json("difference", found.iter().map(|found| ("", found))),
    }
    .map_err(Failure::output)?;
    ended([left_damage, right_damage])
}

fn show(a: &Path, b: &Path, found: &[Difference], color: ColorArg) -> io::Result<()> {
    let mut prose = ProseWriter::new(stream(color), width(), COLUMN);
    let name = |path: &Path| escaped(path.display().to_string().as_bytes()).to_string();
    let bold = Style::new().bold();
    prose.line(bold, &format!("A: {}", name(a)))?;
    prose.line(bold, &format!("B: {}", name(b)))?;
    if found.is_empty() {
        prose.line(
            Style::new(),
            "no difference in versions, messages, lengths, outcomes, findings and order",
        )?;
    }
    let mut about = "";
    for difference in found {
        if about != difference.about {
            about = &difference.about;
            prose.line(bold, about)?;
        }
        let text = |side: &str| escaped(side.as_bytes()).to_string();
        let (a, b) = (text(&difference.a), text(&difference.b));
        prose.item(Style::new(), difference.what, &format!("A {a} | B {b}"))?;
    }
    prose.flush()
}

fn as_version(
    path: &Path,
    version: u32,
    form: AnswerForm,
    color: ColorArg,
) -> Result<Exit, Failure> {
    let mut reading = VersionReread::new(version);
    let (_, damage) = walk(path, &mut |entry, _, _| {
        reading.count_entry(entry);
        Ok(())
    })?;
    match form {
        AnswerForm::Text => show_version(&reading, version, color),
        AnswerForm::Jsonl => json("reread", reading.messages().iter().map(|(n, r)| (*n, r))),
    }
    .map_err(Failure::output)?;
    ended([damage])
}

fn show_version(reading: &VersionReread, version: u32, color: ColorArg) -> io::Result<()> {
    let mut prose = ProseWriter::new(stream(color), width(), COLUMN);
    let messages = reading.messages();
    let reframed: u64 = messages.values().map(|reread| reread.reframed).sum();
    if messages.is_empty() {
        let text = format!("nothing would be different at interface version {version}");
        prose.line(Style::new(), &text)?;
    }
    if reframed > 0 {
        let (verb, by) = match reading.framing() {
            by @ 1.. => ("longer: an extended header would stand before it", by),
            by => (
                "shorter: the extended header, and with it the vGPU's LUID, would be gone",
                -by,
            ),
        };
        let text = format!("each of {reframed} requests would be {by} bytes {verb}");
        prose.item(Style::new().bold(), "framing", &text)?;
    }
    for (name, reread) in messages {
        if reread.relaid == 0 {
            continue;
        }
        prose.item(Style::new().bold(), name, &sentence(reread))?;
        prose.item(Style::new(), "  fields", &reread.fields.join("; "))?;
    }
    prose.flush()
}

fn sentence(reread: &VersionChange) -> String {
    let mut text = format!("{} replies have another layout", reread.relaid);
    if let Some((is, would)) = reread.expected {
        text.push_str(&format!(
            ": {would} bytes expected instead of {is}, in the first"
        ));
    }
    if reread.short > 0 {
        text.push_str(&format!("; {} would be too short (-75)", reread.short));
    }
    if reread.long > 0 {
        text.push_str(&format!("; {} would have bytes left over", reread.long));
    }
    text
}

fn json<'a, T: Serialize + 'a>(
    kind: &'static str,
    items: impl Iterator<Item = (&'a str, &'a T)>,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        r#type: &'static str,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
        #[serde(flatten)]
        item: &'a T,
    }
    let mut out = bare();
    for (message, item) in items {
        let line = Line {
            r#type: kind,
            message,
            item,
        };
        dxgtrace_render::output::json::line(&mut out, &line)?;
    }
    out.flush()
}
