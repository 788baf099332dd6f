//! The `dxgtrace` command: arguments in, exit code out.
#![cfg_attr(
    not(live),
    allow(
        dead_code,
        unused_imports,
        reason = "what only live capture uses is built all the same"
    )
)]

mod cli;
mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;

use cli::Cli;
use commands::{Exit, Failure};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(result) = commands::live::called(&arguments) {
        return ended(result);
    }
    let cli = match Cli::understand(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed output is no reason to complain.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(1),
            };
        }
    };
    ended(cli.run())
}

/// The exit code of a result; a failure is told first.
fn ended(result: Result<Exit, Failure>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            if !failure.is_silent() {
                let _ = writeln!(std::io::stderr(), "dxgtrace: {failure}");
            }
            ExitCode::from(failure.code())
        }
    }
}
