//! `dxgtrace demo`: a sample, played by the stand-in and captured live.

use std::io::Cursor;
use std::process::{Command, Stdio};

use super::attach;
use super::capture::{CaptureControl, Signals, follow, say};
use super::replay::SAMPLE;
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::DemoArgs;
use crate::commands::pipeline::Pipeline;
use crate::commands::show::{ShowOutput, capture};
use crate::commands::{Exit, Failure, read};
use dxgtrace_file::Reader;
use dxgtrace_live::{AttachError, CaptureOptions, CaptureTarget, Live};
use dxgtrace_standin::StandIn;

/// Plays and captures; where BPF is not allowed, shows the sample as it is.
pub fn run(args: &DemoArgs, color: ColorArg) -> Result<Exit, Failure> {
    let signals = Signals::catch()?;
    let mut standin = start(args)?;
    let options = CaptureOptions {
        target: CaptureTarget::StandIn(standin.pid()),
        ..CaptureOptions::default()
    };
    let live = match Live::start(&options) {
        Ok(live) => live,
        Err(error) if cannot_help(&error) => return offline(args, color, &error),
        Err(error) => return Err(attach(error)),
    };
    let pipeline = pipeline(args, color)?;
    say(&format!(
        "playing through the stand-in (process {}), capturing by {}",
        standin.pid(),
        live.how()
    ));
    standin.go().map_err(standin_failed)?;
    let control = CaptureControl::plain(args.write.clone());
    let outcome = follow(live, pipeline, control, &mut || {
        signals.stop() || standin.has_ended().unwrap_or(true)
    })?;
    if !standin.wait().map_err(standin_failed)?.success() {
        return Err(Failure::Input("the stand-in could not play all".to_owned()));
    }
    say(&outcome.text());
    Ok(Exit::Fine)
}

/// The stand-in: this program again, which waits before it plays.
pub(super) fn start(args: &DemoArgs) -> Result<StandIn, Failure> {
    let program = std::env::current_exe().map_err(standin_failed)?;
    let mut command = Command::new(program);
    command.args(["replay", "--wait"]);
    if let Some(speed) = args.speed {
        command.arg(format!("--speed={speed}"));
    }
    command.args(&args.file);
    if args.tui {
        // What it says at its end would go across the screen.
        command.stderr(Stdio::null());
    }
    StandIn::spawn(&mut command).map_err(standin_failed)
}

pub(super) fn standin_failed(error: std::io::Error) -> Failure {
    Failure::Input(format!("the stand-in cannot run: {error}"))
}

/// Whether nothing that the user of a demo could do would help.
fn cannot_help(error: &AttachError) -> bool {
    matches!(
        error,
        AttachError::Rights { .. }
            | AttachError::UprobeRights { .. }
            | AttachError::Lockdown(_)
            | AttachError::Forbidden(_)
            | AttachError::KernelTooOld { .. }
            | AttachError::NotBuiltIn(_)
            | AttachError::Architecture
    )
}

/// Shows the sample without capturing it.
fn offline(args: &DemoArgs, color: ColorArg, error: &AttachError) -> Result<Exit, Failure> {
    say(&format!("no live capture here: {error}"));
    say("showing the same packets from the file instead");
    let mut pipeline = pipeline(args, color)?;
    let totals = match &args.file {
        Some(path) => {
            let name = path.display().to_string();
            let reader = dxgtrace_file::open(path)
                .map_err(|error| Failure::Input(format!("{name}: {error}")))?;
            read::all(reader, &mut pipeline, u64::MAX, &name)?;
            pipeline.end().map_err(Failure::output)?
        }
        None => {
            let reader = Reader::new(Cursor::new(SAMPLE))
                .map_err(|error| Failure::Input(error.to_string()))?;
            read::all(reader, &mut pipeline, u64::MAX, "the built-in sample")?;
            pipeline.end().map_err(Failure::output)?
        }
    };
    say(&format!("{} messages shown", totals.messages));
    Ok(Exit::Fine)
}

/// Text for the person, and the file if one is wanted.
fn pipeline(args: &DemoArgs, color: ColorArg) -> Result<Pipeline<'static>, Failure> {
    let (filter, mut sinks) = ShowOutput::new(&args.show)?.into_parts(None, color, "demo")?;
    if let Some(path) = &args.write {
        sinks.push(capture(path)?);
    }
    Ok(Pipeline::new(filter, sinks))
}
