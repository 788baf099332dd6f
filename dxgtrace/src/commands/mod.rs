//! What the program does, one module a command.

mod check;
mod cut;
mod diff;
mod doctor;
mod explain;
mod export;
mod failure;
mod input;
mod known;
#[cfg_attr(not(live), path = "without_live.rs")]
pub mod live;
mod manual;
mod pipeline;
mod read;
mod report;
mod rules;
mod show;
mod stat;
mod top;
#[cfg_attr(not(feature = "tui"), path = "without_tui.rs")]
mod tui;
mod walk;
mod wireshark;

pub use failure::{Exit, Failure};

use std::io::IsTerminal;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, CliCommand, ColorArg};

/// Does what the command line says.
///
/// # Errors
/// What a [`Failure`] says, to be shown in one line.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let command = match cli.command {
        Some(command) => command,
        None => Cli::parse_from(["dxgtrace", without_command()])
            .command
            .ok_or_else(|| Failure::Usage("say what to do, see dxgtrace --help".to_owned()))?,
    };
    match command {
        CliCommand::Tui(args) => match args.capture() {
            Some(path) => tui::run(&args, path, cli.color),
            None => live::tui(&args, cli.color),
        },
        CliCommand::Capture(args) => live::capture(&args, cli.color),
        CliCommand::Replay(args) => live::replay(&args),
        CliCommand::Demo(args) => live::demo(&args, cli.color),
        CliCommand::Read(args) => read::run(&args, cli.color),
        CliCommand::Cut(args) => cut::run(&args),
        CliCommand::Diff(args) => diff::run(&args, cli.color),
        CliCommand::Report(args) => report::run(&args),
        CliCommand::Doctor(args) => doctor::run(&args, cli.color),
        CliCommand::Explain(args) => explain::run(&args, cli.color),
        CliCommand::Check(args) => check::run(&args, cli.color),
        CliCommand::Stat(args) => stat::run(&args, cli.color),
        CliCommand::Top(args) => match args.capture() {
            Some(path) => top::run(&args, path, cli.color),
            None => live::top(&args, cli.color),
        },
        CliCommand::Export(args) => export::run(&args),
        CliCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dxgtrace", &mut script);
            output::all(&script)
        }
        CliCommand::Man => output::all(&manual::page().map_err(Failure::output)?),
    }
}

/// What is meant if no command is given: the terminal UI on a terminal, and
/// lines of text anywhere else.
fn without_command() -> &'static str {
    match tui::check() {
        Ok(()) => "tui",
        Err(_) => "capture",
    }
}

mod output {
    //! Standard output, with colours or without.

    use std::io::{self, BufWriter, StdoutLock, Write};

    use anstream::stream::{AsLockedWrite, RawStream};
    use anstream::{AutoStream, ColorChoice};

    use terminal_size::{Height, Width, terminal_size as size};

    use super::{ColorArg, Exit, Failure, IsTerminal};
    use dxgtrace_render::output::WIDTH;

    /// Fewer columns are not made use of.
    const WIDTH_MIN: usize = 40;
    /// Longer lines are hard to read.
    const WIDTH_MAX: usize = 120;
    /// Lines of a terminal that does not tell.
    const LINES: usize = 24;

    /// Columns that text on standard output should keep to: those of the
    /// terminal, or as many as the environment says.
    pub fn width() -> usize {
        let said = std::env::var("COLUMNS").ok();
        let columns = match said.and_then(|said| said.parse().ok()) {
            Some(columns) => columns,
            None if !io::stdout().is_terminal() => return WIDTH,
            None => size().map_or(WIDTH, |(Width(columns), _)| columns.into()),
        };
        columns.clamp(WIDTH_MIN, WIDTH_MAX)
    }

    /// Lines of the terminal that standard output is.
    pub fn lines() -> usize {
        size().map_or(LINES, |(_, Height(lines))| lines.into())
    }

    /// Whether standard output is to have colours.
    pub fn wants_colours(color: ColorArg) -> bool {
        match color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => {
                let out = io::stdout();
                AutoStream::choice(&out) != ColorChoice::Never
            }
        }
    }

    /// Standard output as `color` wants it.
    pub fn stream(color: ColorArg) -> BufWriter<AutoStream<StdoutLock<'static>>> {
        coloured(io::stdout().lock(), color)
    }

    /// What leads to standard output, as `color` wants it.
    pub fn coloured<W: RawStream + AsLockedWrite>(
        out: W,
        color: ColorArg,
    ) -> BufWriter<AutoStream<W>> {
        let choice = match color {
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
            // NO_COLOR, then CLICOLOR_FORCE, then CLICOLOR, then the terminal.
            ColorArg::Auto => ColorChoice::Auto,
        };
        buffered(AutoStream::new(out, choice))
    }

    /// Standard output for what programs read: it has no colours to strip.
    pub fn bare() -> BufWriter<StdoutLock<'static>> {
        buffered(io::stdout().lock())
    }

    /// The same for what leads to standard output.
    pub fn buffered<W: Write>(out: W) -> BufWriter<W> {
        BufWriter::with_capacity(1 << 16, out)
    }

    /// Writes all of a finished text.
    pub fn all(bytes: &[u8]) -> Result<Exit, Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(Failure::output)?;
        Ok(Exit::Fine)
    }
}
