//! What the program does, one module a command.

mod cut;
mod diff;
mod doctor;
mod explain;
mod export;
mod failure;
mod pipeline;
mod read;
mod report;
mod rules;
mod walk;

pub use failure::{Exit, Failure};

use std::io::IsTerminal;

use clap::CommandFactory;

use crate::cli::{Cli, Color, Command};

/// Does what the command line says.
///
/// # Errors
/// What a [`Failure`] says, to be shown in one line.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let Some(command) = cli.command else {
        return Err(Failure::Usage(
            "say what to do: dxgtrace read FILE, or see dxgtrace --help".to_owned(),
        ));
    };
    match command {
        Command::Read(args) => read::run(&args, cli.color),
        Command::Cut(args) => cut::run(&args),
        Command::Diff(args) => diff::run(&args, cli.color),
        Command::Report(args) => report::run(&args),
        Command::Doctor(args) => doctor::run(&args, cli.color),
        Command::Explain(args) => explain::run(&args, cli.color),
        Command::Export(args) => export::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dxgtrace", &mut script);
            output::all(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(Failure::output)?;
            output::all(&page)
        }
    }
}

mod output {
    //! Standard output, with colours or without.

    use std::io::{self, BufWriter, StdoutLock, Write};

    use anstream::{AutoStream, ColorChoice};

    use super::{Color, Exit, Failure, IsTerminal};
    use crate::output::WIDTH;

    /// Standard output as `color` wants it.
    pub fn stream(color: Color) -> BufWriter<AutoStream<StdoutLock<'static>>> {
        let choice = match color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto if io::stdout().is_terminal() => ColorChoice::Auto,
            Color::Auto => ColorChoice::Never,
        };
        BufWriter::with_capacity(1 << 16, AutoStream::new(io::stdout().lock(), choice))
    }

    /// Letters that fit into a line of standard output.
    pub fn width() -> usize {
        if !io::stdout().is_terminal() {
            return WIDTH;
        }
        crossterm::terminal::size().map_or(WIDTH, |(columns, _)| usize::from(columns))
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
