//! `dxgtrace tui`: the terminal UI, on a file.

use std::io;
use std::path::Path;

use super::arguments::ColorArg;
use super::live_arguments::TuiArgs;
use super::{Exit, Failure, output};
use dxgtrace_tui::{App, CaptureSource, Config, terminal};

pub use terminal::check;

/// Shows a file.
pub fn run(args: &TuiArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    if path == Path::new("-") {
        return Err(Failure::Usage(
            "the terminal UI cannot read a pipe; save it first, or use `dxgtrace read -`"
                .to_owned(),
        ));
    }
    // What is no capture is said before the screen is taken.
    let failed = |error| Failure::Input(format!("{}: {error}", path.display()));
    drop(dxgtrace_file::open(path).map_err(failed)?);
    let config = config(color)?;
    show(
        CaptureSource::file(path.to_owned()),
        config,
        args.filter.as_deref(),
        None,
    )
}

/// The user's configuration; without colours, the theme is one that needs none.
pub(super) fn config(color: ColorArg) -> Result<Config, Failure> {
    let config = Config::of_user().map_err(Failure::Input)?;
    Ok(match output::wants_colours(color) {
        true => config,
        false => config.without_colours(),
    })
}

/// Runs the screen, which may have something to say at first.
pub(super) fn show(
    source: CaptureSource,
    config: Config,
    filter: Option<&str>,
    greeting: Option<String>,
) -> Result<Exit, Failure> {
    check().map_err(Failure::Usage)?;
    let mut app = App::new(source, config);
    if let Some(greeting) = greeting {
        app.greet(greeting);
    }
    if let Some(filter) = filter {
        app.filter(filter).map_err(Failure::Input)?;
    }
    let broken = |error: io::Error| Failure::Input(format!("the terminal: {error}"));
    if let Some(text) = terminal::run(&mut app).map_err(broken)? {
        say(&text);
    }
    Ok(Exit::Fine)
}

/// A line for the person at the terminal; if nobody reads it, no matter.
fn say(line: &str) {
    use io::Write;
    let _ = writeln!(io::stderr(), "dxgtrace: {line}");
}
