//! `dxgtrace capture`: packets as they come.

mod child;
mod follow;
mod limits;
mod out;
mod signals;
mod watched;

pub(super) use child::launched;
pub(super) use follow::{CaptureControl, follow};
pub(super) use signals::Signals;
pub(super) use watched::WatchedProcess;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::channels;
use super::pipe::OutputPipe;
use super::{give_up_rights, options, start};
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{CaptureArgs, StandInArg};
use crate::commands::pipeline::Pipeline;
use crate::commands::show::ShowOutput;
use crate::commands::{Exit, Failure};
use child::TracedCommand;
use dxgtrace_live::{DriverState, Live, Right};
use limits::CaptureLimits;
use out::{OpenedOutput, OutputPlan};

/// How long to wait for a packet before the output is flushed and the
/// conditions to stop are looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Captures until told to stop.
pub fn run(args: &CaptureArgs, color: ColorArg) -> Result<Exit, Failure> {
    if args.list {
        return channels::list(color);
    }
    let args = &channels::chosen(args)?;
    let say = |line: &str| {
        if !args.silent {
            say(line);
        }
    };
    let mut options = options(&args.live)?;
    let shown = ShowOutput::new(&args.show)?;
    if shown.needs_replies() {
        return Err(Failure::Usage(
            "dxg.reply_in needs a file: a live request does not know its reply yet".to_owned(),
        ));
    }
    let channels = shown.channels();
    let limits = CaptureLimits::new(args)?;
    let out = OutputPlan::new(args)?;
    let signals = Signals::catch()?;
    let mut child = match args.command.as_slice() {
        [] => None,
        command => Some(TracedCommand::prepare(command)?),
    };
    if let Some(child) = &child {
        options.pids = vec![child.pid()];
        options.follow = true;
    }
    let live = start(&options)?;
    let prepared = out.prepare()?;
    let mut kept = live.rights();
    kept.extend(rights(args));
    give_up_rights(&kept)?;
    let OpenedOutput {
        filter,
        sinks,
        mut control,
    } = prepared.open(shown, color, limits, &live.how())?;
    control.signals = Some(signals.clone());
    let pipe = OutputPipe::of(args.write.as_deref().unwrap_or(Path::new("-")));
    say(&started(&live, args));
    if let Some(child) = &child {
        child.go()?;
    }
    let stand_in = match args.live.stand_in {
        Some(StandInArg::Process(pid)) => WatchedProcess::new(pid),
        _ => WatchedProcess::Unknown,
    };
    let outcome = follow(
        live,
        Pipeline::new(filter, sinks).on(channels),
        control,
        &mut || match &mut child {
            Some(child) => child.heeds(&signals) || child.has_ended(),
            None => signals.stop() || stand_in.has_ended() || pipe.is_abandoned(),
        },
    );
    if let Ok(outcome) = &outcome {
        say(&outcome.text());
    }
    let status = child.map(|mut child| child.wait(&signals));
    outcome.map(|_| status.unwrap_or(Exit::Fine))
}

/// The rights that are needed after the probe is attached: to create further
/// files in a folder of somebody else, as sudo has it, and to pass signals on
/// to a command that runs as somebody else.
fn rights(args: &CaptureArgs) -> Vec<Right> {
    let mut rights = Vec::new();
    if !args.ring.is_empty() || !args.keep.is_empty() {
        rights.push(Right::Files);
    }
    if !args.command.is_empty() {
        rights.push(Right::Signals);
    }
    rights
}

/// A line for the person at the terminal; if nobody reads it, no matter.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "dxgtrace: {line}");
}

/// What the capture hooks, in a line.
fn started(live: &Live, args: &CaptureArgs) -> String {
    let how = live.how();
    let waiting = match (live.driver(), &args.live.stand_in) {
        (DriverState::NoVmbus, None) => "; waiting for VMBus",
        (DriverState::NotOffered, None) => "; the host offers no GPU yet, waiting",
        _ => "",
    };
    let end = match args.command.first() {
        Some(command) => format!("until {} ends", command.display()),
        None => "Ctrl-C stops".to_owned(),
    };
    format!("capturing by {how}{waiting}; {end}")
}
