//! `dxgtrace tui FILE`: shows a file in the terminal UI.

use std::io;
use std::path::Path;

use super::arguments::ColorArg;
use super::live_arguments::TuiArgs;
use super::{Exit, Failure, output};
use dxgtrace_tui::{App, CaptureSource, Config, terminal};

pub use terminal::check;

/// Shows the file `path`.
pub fn run(args: &TuiArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    if path == Path::new("-") {
        return Err(Failure::Usage(
            "the terminal UI cannot read a pipe; save it first, or use `dxgtrace read -`"
                .to_owned(),
        ));
    }
    // Errors are reported before the terminal UI takes the screen.
    let failed = |error| Failure::Input(format!("{}: {error}", path.display()));
    drop(dxgtrace_file::open(path).map_err(failed)?);
    let config = user_config(color)?;
    run_ui(
        CaptureSource::file(path.to_owned()),
        config,
        args.filter.as_deref(),
        None,
    )
}

/// The user's configuration, with a theme without colours if `color` asks for none.
pub(super) fn user_config(color: ColorArg) -> Result<Config, Failure> {
    let config = Config::of_user().map_err(Failure::Input)?;
    Ok(match output::wants_colours(color) {
        true => config,
        false => config.without_colours(),
    })
}

/// Runs the terminal UI, which shows `greeting` first.
pub(super) fn run_ui(
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
        print_message(&text);
    }
    Ok(Exit::Fine)
}

/// Prints a line on standard error, which may be closed.
fn print_message(line: &str) {
    use io::Write;
    let _ = writeln!(io::stderr(), "dxgtrace: {line}");
}
