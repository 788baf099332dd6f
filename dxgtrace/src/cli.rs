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
use crate::commands::live_arguments::{CaptureArgs, DemoArgs, ReplayArgs, TuiArgs};
use crate::commands::read::{self, ReadArgs};
use crate::commands::report::{self, ReportArgs};
use crate::commands::stat::{self, StatArgs};
use crate::commands::top::{self, TopArgs};
use crate::commands::{Exit, Failure, live, manual, output, tui};

/// What is meant without a command, below the help.
const WITHOUT_COMMAND: &str = if cfg!(all(live, feature = "tui")) {
    "\
Without a command: the terminal UI, live; with flags, `dxgtrace -r FILE ...` reads, and
`dxgtrace -i CHANNEL ...` captures.

"
} else {
    ""
};

/// How the program ends, below that.
const ENDS: &str = "\
Exit codes: 0 fine; 1 usage; 2 bad input, filter or file, after all that could be read;
3 cannot capture; 4 findings as severe as `check --fail-on` says, or a `fail` of `doctor`;
5 losses, with `--fail-on-loss`.";

/// Traces and explains what the Linux GPU driver dxgkrnl and its Windows host
/// say to each other.
#[derive(Debug, Parser)]
#[command(name = "dxgtrace", version, max_term_width = 100, after_help = format!("{WITHOUT_COMMAND}{ENDS}"))]
pub struct Cli {
    /// When to use colours: auto, always or never; NO_COLOR, CLICOLOR_FORCE and CLICOLOR are heeded
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        display_order = 900
    )]
    pub color: ColorArg,

    /// What to do
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

impl Cli {
    /// Understands a command line. Without a command, flags are those of `read`
    /// if there is `-r`, and those of `capture` otherwise, as in tshark.
    ///
    /// # Errors
    /// It makes no sense, or it asks for help, which is to be printed.
    pub fn understand(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let error = match Self::try_parse_from(&arguments) {
            Ok(cli) => return Ok(cli),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::UnknownArgument if begins_with_flag(&arguments) => {
                let mut arguments = arguments;
                arguments.insert(1, meant(&arguments).into());
                Self::try_parse_from(arguments)
            }
            ErrorKind::InvalidSubcommand => Err(file_for_command(&error).unwrap_or(error)),
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
            None => Self::parse_from(["dxgtrace", without_command()])
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
            CliCommand::Export(args) => export::run(&args),
            CliCommand::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "dxgtrace", &mut script);
                output::all(&script)
            }
            CliCommand::Man => {
                output::all(&manual::page(Self::command()).map_err(Failure::output)?)
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

/// The command that has these flags.
fn meant(arguments: &[OsString]) -> &'static str {
    let reads = arguments.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        argument == "--read" || argument.starts_with("--read=") || argument.starts_with("-r")
    });
    if reads { "read" } else { "capture" }
}

/// What to say where a file stands in place of a command.
fn file_for_command(error: &clap::Error) -> Option<clap::Error> {
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

/// What to do.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Look at packets on the terminal, live or from a file
    #[command(hide = !cfg!(feature = "tui"))]
    Tui(TuiArgs),
    /// Capture what driver and host say, live
    #[command(hide = !cfg!(live))]
    Capture(CaptureArgs),
    /// Play the packets of a capture through a stand-in for the driver
    #[command(hide = !cfg!(live))]
    Replay(ReplayArgs),
    /// Play a sample and capture it: shows everything without a GPU
    #[command(hide = !cfg!(live))]
    Demo(DemoArgs),
    /// Read a capture file and show what it holds
    Read(ReadArgs),
    /// Say what a status, errno, line of the kernel log, message or finding means
    Explain(ExplainArgs),
    /// Examine this machine: driver, virtual GPUs, kernel, rights; each line with the fix
    Doctor(DoctorArgs),
    /// Compare two captures, or one with itself at another interface version
    Diff(DiffArgs),
    /// Write a part of a capture that can be understood by itself
    Cut(CutArgs),
    /// Pack a capture, a summary and the environment into one archive, redacted
    Report(ReportArgs),
    /// Say what is wrong in capture files, who is to blame, and what to do next
    Check(CheckArgs),
    /// Count what capture files hold: by message, process and virtual GPU
    Stat(StatArgs),
    /// Show who does how much, live or in a capture: by process and channel
    Top(TopArgs),
    /// Write generated files: the Wireshark dissector, the reference, schemas
    Export(ExportArgs),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    Man,
}

/// What is meant if no command is given: the terminal UI on a terminal, and
/// lines of text anywhere else.
fn without_command() -> &'static str {
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
