//! The command line: which commands there are, and how they are called.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::arguments::ColorArg;
use crate::commands::check::{self, CheckArgs};
use crate::commands::cut::{self, CutArgs};
use crate::commands::diff::{self, DiffArgs};
use crate::commands::doctor::{self, DoctorArgs};
use crate::commands::explain::{self, ExplainArgs};
use crate::commands::export::{self, ExportArgs};
use crate::commands::live_arguments::{CaptureArgs, DemoArgs, PendingArgs, ReplayArgs, TuiArgs};
use crate::commands::read::{self, ReadArgs};
use crate::commands::report::{self, ReportArgs};
use crate::commands::stat::{self, StatArgs};
use crate::commands::top::{self, TopArgs};
use crate::commands::{Exit, Failure, live, manual, output, tui};

/// Part of the help: what the program does without a command.
const HELP_WITHOUT_COMMAND: &str = if cfg!(all(live, feature = "tui")) {
    "\
Without a command: the terminal UI, live; with flags, `dxgtrace -r FILE ...` reads, and
`dxgtrace -i CHANNEL ...` captures.

"
} else {
    ""
};

/// Part of the help: the exit codes.
const HELP_EXIT_CODES: &str = "\
Exit codes: 0 fine; 1 usage; 2 bad input, filter or file, after all that could be read;
3 cannot capture; 4 findings as severe as `check --fail-on` says, a `fail` of `doctor`, or
something that `pending` sees hang; 5 losses, with `--fail-on-loss`.";

/// Captures and analyzes the messages between the Linux GPU driver dxgkrnl and its
/// Windows host.
#[derive(Debug, Parser)]
#[command(name = "dxgtrace", version, max_term_width = 100, after_help = format!("{HELP_WITHOUT_COMMAND}{HELP_EXIT_CODES}"))]
pub struct Cli {
    /// When to use colours: auto, always or never; auto obeys NO_COLOR, CLICOLOR_FORCE and CLICOLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        display_order = 900
    )]
    pub color: ColorArg,

    /// The command
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

impl Cli {
    /// Parses a command line. Without a command, its flags are those of `read` if
    /// there is `-r`, and those of `capture` otherwise, as in tshark.
    ///
    /// # Errors
    /// `arguments` are invalid, or ask for help. The error holds the text to print.
    pub fn from_arguments(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let error = match Self::try_parse_from(&arguments) {
            Ok(cli) => return Ok(cli),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::UnknownArgument if begins_with_flag(&arguments) => {
                let mut arguments = arguments;
                arguments.insert(1, command_of_flags(&arguments).into());
                Self::try_parse_from(arguments)
            }
            ErrorKind::InvalidSubcommand => Err(file_instead_of_command(&error).unwrap_or(error)),
            _ => Err(error),
        }
    }

    /// Runs the command that the command line names.
    ///
    /// # Errors
    /// The command fails.
    pub fn run(self) -> Result<Exit, Failure> {
        let command = match self.command {
            Some(command) => command,
            None => Self::parse_from(["dxgtrace", default_command()])
                .command
                .ok_or_else(|| Failure::Usage("say what to do, see dxgtrace --help".to_owned()))?,
        };
        match command {
            CliCommand::Tui(args) => match args.capture() {
                Some(path) => tui::run(&args, path, self.color),
                None => live::tui(&args, self.color),
            },
            CliCommand::Capture(args) => live::capture(&args, self.color),
            CliCommand::Replay(args) => live::replay(&args),
            CliCommand::Demo(args) => live::demo(&args, self.color),
            CliCommand::Read(args) => read::run(&args, self.color),
            CliCommand::Cut(args) => cut::run(&args),
            CliCommand::Diff(args) => diff::run(&args, self.color),
            CliCommand::Report(args) => report::run(&args),
            CliCommand::Doctor(args) => doctor::run(&args, self.color),
            CliCommand::Explain(args) => explain::run(&args, self.color),
            CliCommand::Check(args) => check::run(&args, self.color),
            CliCommand::Stat(args) => stat::run(&args, self.color),
            CliCommand::Top(args) => match args.capture() {
                Some(path) => top::run(&args, path, self.color),
                None => live::top(&args, self.color),
            },
            CliCommand::Pending(args) => live::pending(&args, self.color),
            CliCommand::Export(args) => export::run(&args),
            CliCommand::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "dxgtrace", &mut script);
                output::write_all(&script)
            }
            CliCommand::Man => {
                output::write_all(&manual::page(Self::command()).map_err(Failure::output)?)
            }
        }
    }
}

/// Whether the first word is a flag that only commands have.
fn begins_with_flag(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|first| {
        let first = first.to_string_lossy();
        first.starts_with('-') && !first.starts_with("--color")
    })
}

/// The command that the flags belong to.
fn command_of_flags(arguments: &[OsString]) -> &'static str {
    let reads = arguments.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        argument == "--read" || argument.starts_with("--read=") || argument.starts_with("-r")
    });
    if reads { "read" } else { "capture" }
}

/// The error message for a file name in place of a command.
fn file_instead_of_command(error: &clap::Error) -> Option<clap::Error> {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    Path::new(name).is_file().then(|| {
        let text = format!(
            "`{name}` is a file: say `dxgtrace tui {name}`, `dxgtrace read {name}` or \
             `dxgtrace check {name}`"
        );
        Cli::command().error(ErrorKind::InvalidSubcommand, text)
    })
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Show packets in a terminal UI, live or from a file
    #[command(hide = !cfg!(feature = "tui"))]
    Tui(TuiArgs),
    /// Capture the messages between driver and host, live
    #[command(hide = !cfg!(live))]
    Capture(Box<CaptureArgs>),
    /// Play the packets of a capture through a stand-in for the driver
    #[command(hide = !cfg!(live))]
    Replay(ReplayArgs),
    /// Play a sample and capture it: shows the program without a GPU
    #[command(hide = !cfg!(live))]
    Demo(DemoArgs),
    /// Read a capture file and show its packets
    Read(ReadArgs),
    /// Explain a status, errno, line of the kernel log, message or finding
    Explain(ExplainArgs),
    /// Examine this machine (driver, virtual GPUs, kernel, rights) and suggest fixes
    Doctor(DoctorArgs),
    /// Compare two captures, or one with itself at another interface version
    Diff(DiffArgs),
    /// Write part of a capture, with the packets that it depends on
    Cut(CutArgs),
    /// Pack a capture, a summary and the environment into one archive, redacted
    Report(ReportArgs),
    /// Find problems in capture files: which side causes them, and what to do next
    Check(CheckArgs),
    /// Show statistics of capture files: by message, process and virtual GPU
    Stat(StatArgs),
    /// Show the activity of processes and channels, live or in a capture
    Top(TopArgs),
    /// Watch for a few seconds, and say who waits for which message or fence, and what hangs
    #[command(hide = !cfg!(live))]
    Pending(PendingArgs),
    /// Write generated files: the Wireshark dissector, the reference, schemas
    Export(ExportArgs),
    /// Write a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    Man,
}

/// The command that runs if none is given: the terminal UI on a terminal, a text
/// capture otherwise.
fn default_command() -> &'static str {
    match tui::check() {
        Ok(()) => "tui",
        Err(_) => "capture",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
