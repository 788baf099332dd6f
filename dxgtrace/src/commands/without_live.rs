//! Stands in for `live` in builds without live capture: every command fails.

use std::ffi::OsString;

use super::arguments::ColorArg;
use super::live_arguments::{CaptureArgs, DemoArgs, PendingArgs, ReplayArgs, TuiArgs};
use super::top::TopArgs;
use super::{Exit, Failure};

pub fn run_internal_call(_: &[OsString]) -> Option<Result<Exit, Failure>> {
    None
}

pub fn capture(_: &CaptureArgs, _: ColorArg) -> Result<Exit, Failure> {
    missing()
}

pub fn replay(_: &ReplayArgs) -> Result<Exit, Failure> {
    missing()
}

pub fn demo(_: &DemoArgs, _: ColorArg) -> Result<Exit, Failure> {
    missing()
}

pub fn top(_: &TopArgs, _: ColorArg) -> Result<Exit, Failure> {
    missing()
}

pub fn pending(_: &PendingArgs, _: ColorArg) -> Result<Exit, Failure> {
    missing()
}

pub fn tui(_: &TuiArgs, _: ColorArg) -> Result<Exit, Failure> {
    missing()
}

fn missing() -> Result<Exit, Failure> {
    let reason = match cfg!(target_os = "linux") {
        true => "this build cannot capture: it lacks the feature `live`",
        false => "capturing works on Linux only",
    };
    Err(Failure::Attach(format!(
        "{reason}; `dxgtrace read FILE` shows captures"
    )))
}
