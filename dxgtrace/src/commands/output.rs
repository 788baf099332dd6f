//! Standard output, with colours or without.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anstream::stream::{AsLockedWrite, RawStream};
use anstream::{AutoStream, ColorChoice};

use terminal_size::{Height, Width, terminal_size as size};

use super::arguments::ColorArg;
use super::{Exit, Failure};
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
pub fn coloured<W: RawStream + AsLockedWrite>(out: W, color: ColorArg) -> BufWriter<AutoStream<W>> {
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
