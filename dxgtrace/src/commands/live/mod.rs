//! The commands that capture live, and the conversion of their arguments to
//! [`CaptureOptions`].

mod capture;
mod channels;
mod demo;
mod extcap;
mod pending;
mod pending_waits;
mod pipe;
mod replay;
mod top;
#[cfg_attr(not(feature = "tui"), path = "without_tui.rs")]
mod tui;

pub use capture::run as capture;
pub use pending::run as pending;
pub use replay::run as replay;
pub use top::run as top;
pub use tui::run as tui;

use std::ffi::OsString;

use super::arguments::ColorArg;
use super::live_arguments::{BackendArg, DemoArgs, LiveArgs, StandInArg};
use super::{Exit, Failure};
use dxgtrace_live::{AttachError, Backend, CaptureOptions, CaptureTarget, Live, Right};

/// Handles a call that is not by a user: of this program, to start a command, or of
/// Wireshark. Returns `None` for other calls.
pub fn run_internal_call(arguments: &[OsString]) -> Option<Result<Exit, Failure>> {
    capture::run_internal_call(arguments)
        .or_else(|| extcap::is_extcap_call(arguments).then(|| extcap::run(arguments.to_vec())))
}

/// Plays a sample and captures it, into the terminal UI or as lines of text.
pub fn demo(args: &DemoArgs, color: ColorArg) -> Result<Exit, Failure> {
    match args.tui {
        true => tui::demo(args, color),
        false => demo::run(args, color),
    }
}

/// Converts arguments to options of the capture.
///
/// # Errors
/// The buffer is too large.
fn capture_options(args: &LiveArgs) -> Result<CaptureOptions, Failure> {
    let mut options = CaptureOptions {
        target: match (&args.stand_in, args.backend) {
            (Some(StandInArg::Process(pid)), _) => CaptureTarget::StandIn(*pid),
            (Some(StandInArg::Program(path)), _) => CaptureTarget::StandInProgram(path.clone()),
            (None, backend) => CaptureTarget::Driver(backend.map(|backend| match backend {
                BackendArg::Fentry => Backend::Fentry,
                BackendArg::Kprobe => Backend::Kprobe,
            })),
        },
        pids: args.pids.clone(),
        follow: args.follow_forks,
        wait: args.wait,
        ..CaptureOptions::default()
    };
    if let Some(mebibytes) = args.buffer {
        options.ring_bytes = mebibytes
            .checked_mul(1 << 20)
            .ok_or_else(|| Failure::Usage(format!("a buffer of {mebibytes} MiB is too large")))?;
    }
    if let Some(snap) = args.snap {
        options.snap_length = snap.min(options.snap_length);
    }
    if let Some(name) = &args.comm {
        let mut comm = [0; 16];
        // The kernel keeps 15 bytes of a name.
        for (place, byte) in comm.iter_mut().zip(name.bytes().take(15)) {
            *place = byte;
        }
        options.comm = Some(comm);
    }
    Ok(options)
}

/// Starts a capture.
///
/// # Errors
/// The probe cannot be attached.
fn start(options: &CaptureOptions) -> Result<Live, Failure> {
    Live::start(options).map_err(attach_failure)
}

/// Gives up all rights but `kept`.
///
/// # Errors
/// The kernel refuses.
fn give_up_rights(kept: &[Right]) -> Result<(), Failure> {
    dxgtrace_live::give_up_rights(kept).map_err(|error| {
        Failure::Attach(format!(
            "cannot give up rights that are not needed: {error}"
        ))
    })
}

/// Converts an error of the capture.
fn attach_failure(error: AttachError) -> Failure {
    Failure::Attach(error.to_string())
}
