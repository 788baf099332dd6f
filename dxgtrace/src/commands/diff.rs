//! `dxgtrace diff`: compares two captures, or one capture with its reading at another
//! interface version.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::Style;
use serde::Serialize;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg};
use super::output::{plain_stdout, stdout_stream, text_width};
use super::walk::{WalkStop, exit_after, walk};
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

    /// Show what would be different in A at this interface version
    #[arg(long, value_name = "VERSION")]
    pub as_version: Option<u32>,

    #[command(flatten)]
    pub answer: AnswerArgs,
}

/// Compares the captures.
pub fn run(args: &DiffArgs, color: ColorArg) -> Result<Exit, Failure> {
    match (&args.b, args.as_version) {
        (Some(b), None) => compare_two(&args.a, b, args.answer.form, color),
        (None, Some(version)) => reread_as_version(&args.a, version, args.answer.form, color),
        _ => Err(Failure::Usage(
            "give two captures, or one and --as-version".to_owned(),
        )),
    }
}

/// Reads a capture and summarizes it.
pub fn read_profile(path: &Path) -> Result<(CaptureProfile, WalkStop), Failure> {
    let mut profile = CaptureProfile::default();
    let (session, damage) = walk(path, &mut |entry, _, _| {
        profile.count_entry(entry);
        Ok(())
    })?;
    profile.finish(&session);
    Ok((profile, damage))
}

fn compare_two(a: &Path, b: &Path, form: AnswerForm, color: ColorArg) -> Result<Exit, Failure> {
    let (left, left_damage) = read_profile(a)?;
    let (right, right_damage) = read_profile(b)?;
    let found = differences(&left, &right);
    match form {
        AnswerForm::Text => write_differences(a, b, &found, color),
        AnswerForm::Jsonl => write_json("difference", found.iter().map(|found| ("", found))),
    }
    .map_err(Failure::output)?;
    exit_after([left_damage, right_damage])
}

fn write_differences(a: &Path, b: &Path, found: &[Difference], color: ColorArg) -> io::Result<()> {
    let mut prose = ProseWriter::new(stdout_stream(color), text_width(), COLUMN);
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

fn reread_as_version(
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
        AnswerForm::Text => write_version_changes(&reading, version, color),
        AnswerForm::Jsonl => write_json("reread", reading.messages().iter().map(|(n, r)| (*n, r))),
    }
    .map_err(Failure::output)?;
    exit_after([damage])
}

fn write_version_changes(reading: &VersionReread, version: u32, color: ColorArg) -> io::Result<()> {
    let mut prose = ProseWriter::new(stdout_stream(color), text_width(), COLUMN);
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
        prose.item(Style::new().bold(), name, &layout_sentence(reread))?;
        prose.item(Style::new(), "  fields", &reread.fields.join("; "))?;
    }
    prose.flush()
}

fn layout_sentence(reread: &VersionChange) -> String {
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

fn write_json<'a, T: Serialize + 'a>(
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
    let mut out = plain_stdout();
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
