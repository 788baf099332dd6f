//! `dxgtrace capture`: captures until a limit, a signal or the end of a command.

mod alarm_command;
mod capture_loop;
mod kernel_log;
mod limits;
mod output_plan;
mod signals;
mod traced_command;
mod watched_process;

pub(super) use capture_loop::{CaptureControl, capture_packets};
pub(super) use signals::Signals;
pub(super) use watched_process::WatchedProcess;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::channels;
use super::pipe::OutputPipe;
use super::{capture_options, give_up_rights, start};
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{CaptureArgs, StandInArg};
use crate::commands::pipeline::Pipeline;
use crate::commands::show_output::ShowOutput;
use crate::commands::{Exit, Failure};
use dxgtrace_live::{DriverState, Live, Right};
use limits::CaptureLimits;
use output_plan::{OpenedOutput, OutputPlan};
use traced_command::TracedCommand;

/// How long to wait for a packet before the output is flushed and the conditions to
/// stop are checked.
const PACKET_TIMEOUT: Duration = Duration::from_millis(50);

/// Handles a call of this program by itself: to become a traced command, or to run the
/// command of `--run`. Returns `None` for other calls.
pub(super) fn run_internal_call(arguments: &[OsString]) -> Option<Result<Exit, Failure>> {
    let arguments = || arguments.iter().cloned();
    traced_command::run_launcher(arguments()).or_else(|| alarm_command::run_runner(arguments()))
}

/// Captures until a limit is reached or the capture is stopped.
pub fn run(args: &CaptureArgs, color: ColorArg) -> Result<Exit, Failure> {
    if args.list {
        return channels::list_offered(color);
    }
    let args = &channels::resolve(args)?;
    let print_message = |line: &str| {
        if !args.silent {
            print_message(line);
        }
    };
    let mut options = capture_options(&args.live)?;
    let show_output = ShowOutput::new(&args.show)?;
    if show_output.needs_replies() {
        return Err(Failure::Usage(
            "dxg.reply_in needs a file: a live request does not know its reply yet".to_owned(),
        ));
    }
    let channels = show_output.channels();
    let limits = CaptureLimits::new(args)?;
    let out = OutputPlan::new(args)?;
    let signals = Signals::install()?;
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
    kept.extend(rights_after_start(args));
    give_up_rights(&kept)?;
    let OpenedOutput {
        filter,
        sinks,
        mut control,
    } = prepared.open(show_output, color, limits, &live.describe_hooks())?;
    control.signals = Some(signals.clone());
    let pipe = OutputPipe::open(args.write.as_deref().unwrap_or(Path::new("-")));
    print_message(&start_message(&live, args));
    if let Some(child) = &child {
        child.resume()?;
    }
    let stand_in = match args.live.stand_in {
        Some(StandInArg::Process(pid)) => WatchedProcess::new(pid),
        _ => WatchedProcess::None,
    };
    let outcome = capture_packets(
        live,
        Pipeline::new(filter, sinks).with_channels(channels),
        control,
        &mut || match &mut child {
            Some(child) => child.forward_signal(&signals) || child.has_ended(),
            None => signals.take_stop() || stand_in.has_ended() || pipe.is_closed(),
        },
    );
    if let Ok(outcome) = &outcome {
        print_message(&outcome.closing_line());
    }
    let status = child.map(|mut child| child.wait(&signals));
    outcome.map(|_| status.unwrap_or(Exit::Fine))
}

/// The rights that `args` need after the probe is attached: under sudo, the folder of
/// further files and the command that gets signals may belong to another user.
fn rights_after_start(args: &CaptureArgs) -> Vec<Right> {
    let mut rights = Vec::new();
    if !args.ring.is_empty() || !args.keep.is_empty() {
        rights.push(Right::Files);
    }
    if !args.command.is_empty() {
        rights.push(Right::Signals);
    }
    rights
}

/// Prints a line on standard error, which may be closed.
pub(super) fn print_message(line: &str) {
    let _ = writeln!(io::stderr(), "dxgtrace: {line}");
}

/// The message at the start of a capture.
fn start_message(live: &Live, args: &CaptureArgs) -> String {
    let hooks = live.describe_hooks();
    let waiting = match (live.driver(), &args.live.stand_in) {
        (DriverState::NoVmbus, None) => "; waiting for VMBus",
        (DriverState::NotOffered, None) => "; the host offers no GPU yet, waiting",
        _ => "",
    };
    let end = match args.command.first() {
        Some(command) => format!("until {} ends", command.display()),
        None => "Ctrl-C stops".to_owned(),
    };
    format!("capturing by {hooks}{waiting}; {end}")
}
