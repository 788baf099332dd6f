//! Stands in for `tui` in builds without the terminal UI: every command fails.

use std::path::Path;

use super::arguments::ColorArg;
use super::live_arguments::TuiArgs;
use super::{Exit, Failure};

/// Why there is no terminal UI.
pub const MISSING: &str = "this build has no terminal UI: it lacks the feature `tui`; \
                           `dxgtrace read FILE` shows captures";

pub fn check() -> Result<(), String> {
    Err(MISSING.to_owned())
}

pub fn run(_: &TuiArgs, _: &Path, _: ColorArg) -> Result<Exit, Failure> {
    Err(Failure::Usage(MISSING.to_owned()))
}
