//! Stands in for the live `tui` in builds without the terminal UI.

use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{DemoArgs, TuiArgs};
use crate::commands::tui::MISSING;
use crate::commands::{Exit, Failure};

pub fn run(_: &TuiArgs, _: ColorArg) -> Result<Exit, Failure> {
    Err(Failure::Usage(MISSING.to_owned()))
}

pub fn demo(_: &DemoArgs, _: ColorArg) -> Result<Exit, Failure> {
    Err(Failure::Usage(MISSING.to_owned()))
}
