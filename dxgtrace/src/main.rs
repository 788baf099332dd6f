//! The `dxgtrace` command: arguments in, exit code out.

mod cli;
mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;

use cli::Cli;
use commands::{Exit, Failure};

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(result) = commands::launched() {
        return ended(result);
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    #[cfg(target_os = "linux")]
    if commands::extcap::is_asked(&arguments) {
        return ended(commands::extcap::run(arguments));
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
    ended(commands::run(cli))
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
