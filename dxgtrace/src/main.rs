//! The `dxgtrace` command: arguments in, exit code out.
#![cfg_attr(
    not(live),
    allow(
        dead_code,
        unused_imports,
        reason = "code that only live capture uses is built too"
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
    if let Some(result) = commands::live::run_internal_call(&arguments) {
        return exit_code(result);
    }
    let cli = match Cli::from_arguments(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Standard error may be closed.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(1),
            };
        }
    };
    exit_code(cli.run())
}

/// Prints a failure, and returns the exit code.
fn exit_code(result: Result<Exit, Failure>) -> ExitCode {
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
