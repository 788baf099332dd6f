//! `dxgtrace demo`: plays a sample in a stand-in and captures it live.

use std::io::Cursor;
use std::process::{Command, Stdio};

use super::attach_failure;
use super::capture::{CaptureControl, Signals, capture_packets, print_message};
use super::replay::SAMPLE;
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::DemoArgs;
use crate::commands::pipeline::Pipeline;
use crate::commands::show_output::{ShowOutput, capture_file_sink};
use crate::commands::{Exit, Failure, read};
use dxgtrace_file::Reader;
use dxgtrace_live::{AttachError, CaptureOptions, CaptureTarget, Live};
use dxgtrace_standin::StandIn;

/// Plays and captures the sample. Where BPF is not permitted, shows it from its file.
pub fn run(args: &DemoArgs, color: ColorArg) -> Result<Exit, Failure> {
    let signals = Signals::install()?;
    let mut standin = spawn_stand_in(args)?;
    let options = CaptureOptions {
        target: CaptureTarget::StandIn(standin.pid()),
        ..CaptureOptions::default()
    };
    let live = match Live::start(&options) {
        Ok(live) => live,
        Err(error) if is_unsupported(&error) => return show_sample(args, color, &error),
        Err(error) => return Err(attach_failure(error)),
    };
    let pipeline = pipeline(args, color)?;
    print_message(&format!(
        "playing through the stand-in (process {}), capturing by {}",
        standin.pid(),
        live.describe_hooks()
    ));
    standin.go().map_err(stand_in_failure)?;
    let control = CaptureControl::unlimited(args.write.clone());
    let outcome = capture_packets(live, pipeline, control, &mut || {
        signals.take_stop() || standin.has_ended().unwrap_or(true)
    })?;
    if !standin.wait().map_err(stand_in_failure)?.success() {
        return Err(Failure::Input("the stand-in could not play all".to_owned()));
    }
    print_message(&outcome.closing_line());
    Ok(Exit::Fine)
}

/// Starts the stand-in: another process of this program, which waits before it plays.
pub(super) fn spawn_stand_in(args: &DemoArgs) -> Result<StandIn, Failure> {
    let program = std::env::current_exe().map_err(stand_in_failure)?;
    let mut command = Command::new(program);
    command.args(["replay", "--wait"]);
    if let Some(speed) = args.speed {
        command.arg(format!("--speed={speed}"));
    }
    command.args(&args.file);
    if args.tui {
        // Its closing line would appear in the terminal UI.
        command.stderr(Stdio::null());
    }
    StandIn::spawn(&mut command).map_err(stand_in_failure)
}

pub(super) fn stand_in_failure(error: std::io::Error) -> Failure {
    Failure::Input(format!("the stand-in cannot run: {error}"))
}

/// Whether this machine cannot capture, as opposed to an error to be reported.
fn is_unsupported(error: &AttachError) -> bool {
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

/// Shows the sample without a capture.
fn show_sample(args: &DemoArgs, color: ColorArg, error: &AttachError) -> Result<Exit, Failure> {
    print_message(&format!("no live capture here: {error}"));
    print_message("showing the same packets from the file instead");
    let mut pipeline = pipeline(args, color)?;
    let totals = match &args.file {
        Some(path) => {
            let name = path.display().to_string();
            let reader = dxgtrace_file::open(path)
                .map_err(|error| Failure::Input(format!("{name}: {error}")))?;
            read::feed_until(reader, &mut pipeline, u64::MAX, &name)?;
            pipeline.finish().map_err(Failure::output)?
        }
        None => {
            let reader = Reader::new(Cursor::new(SAMPLE))
                .map_err(|error| Failure::Input(error.to_string()))?;
            read::feed_until(reader, &mut pipeline, u64::MAX, "the built-in sample")?;
            pipeline.finish().map_err(Failure::output)?
        }
    };
    print_message(&format!("{} messages shown", totals.messages));
    Ok(Exit::Fine)
}

/// A pipeline to standard output, and to the file that `args` name.
fn pipeline(args: &DemoArgs, color: ColorArg) -> Result<Pipeline<'static>, Failure> {
    let (filter, mut sinks) = ShowOutput::new(&args.show)?.into_parts(None, color, "demo")?;
    if let Some(path) = &args.write {
        sinks.push(capture_file_sink(path)?);
    }
    Ok(Pipeline::new(filter, sinks))
}
