//! Standard output, with colours or without.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anstream::stream::{AsLockedWrite, RawStream};
use anstream::{AutoStream, ColorChoice};

use terminal_size::{Height, Width, terminal_size as size};

use super::arguments::ColorArg;
use super::{Exit, Failure};
use dxgtrace_render::output::WIDTH;

/// Text is never narrower than this.
const WIDTH_MIN: usize = 40;
/// Text is never wider than this: longer lines are hard to read.
const WIDTH_MAX: usize = 120;
/// Lines of a terminal of unknown size.
const DEFAULT_LINES: usize = 24;

/// Columns for text on standard output: `COLUMNS`, or the width of the terminal.
pub fn text_width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = match columns.and_then(|columns| columns.parse().ok()) {
        Some(columns) => columns,
        None if !io::stdout().is_terminal() => return WIDTH,
        None => size().map_or(WIDTH, |(Width(columns), _)| columns.into()),
    };
    columns.clamp(WIDTH_MIN, WIDTH_MAX)
}

/// Lines of the terminal on standard output.
pub fn terminal_lines() -> usize {
    size().map_or(DEFAULT_LINES, |(_, Height(lines))| lines.into())
}

/// Whether `color` asks for colours on standard output.
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

/// Standard output, with colours as `color` asks for.
pub fn stdout_stream(color: ColorArg) -> BufWriter<AutoStream<StdoutLock<'static>>> {
    coloured(io::stdout().lock(), color)
}

/// Buffers `out`, which leads to standard output, with colours as `color` asks for.
pub fn coloured<W: RawStream + AsLockedWrite>(out: W, color: ColorArg) -> BufWriter<AutoStream<W>> {
    let choice = match color {
        ColorArg::Always => ColorChoice::Always,
        ColorArg::Never => ColorChoice::Never,
        // NO_COLOR, then CLICOLOR_FORCE, then CLICOLOR, then the terminal.
        ColorArg::Auto => ColorChoice::Auto,
    };
    buffered(AutoStream::new(out, choice))
}

/// Standard output for text without colours.
pub fn plain_stdout() -> BufWriter<StdoutLock<'static>> {
    buffered(io::stdout().lock())
}

/// Buffers `out`, which takes text without colours.
pub fn buffered<W: Write>(out: W) -> BufWriter<W> {
    BufWriter::with_capacity(1 << 16, out)
}

/// Writes `bytes` to standard output.
pub fn write_all(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Failure::output)?;
    Ok(Exit::Fine)
}
