//! Takes the terminal, runs the screen on it, and gives it back: at the end, on
//! a signal, and when something goes wrong.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::input::{self, Input};
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    Event,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::app::{App, TerminalEffect};
use super::colours::SixteenColours;
use super::views;

/// How long to wait for a key before looking for news, while something is going
/// on and while nothing is.
const BUSY: Duration = Duration::from_millis(8);
const IDLE: Duration = Duration::from_millis(100);

/// Whether there is a terminal to draw on.
///
/// # Errors
/// A sentence that says why not, and what to do instead.
pub fn check() -> Result<(), String> {
    const INSTEAD: &str = "`dxgtrace read FILE` shows captures as text";
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(format!("the terminal UI needs a terminal; {INSTEAD}"));
    }
    match std::env::var("TERM").as_deref() {
        Ok("dumb") | Ok("") => Err(format!(
            "the terminal UI cannot draw on this terminal (TERM=dumb); {INSTEAD}"
        )),
        _ => Ok(()),
    }
}

/// Shows the screen until it is left. What is to be said afterwards is returned.
///
/// # Errors
/// The terminal refuses.
pub fn run(app: &mut App) -> io::Result<Option<String>> {
    let signal = Arc::new(AtomicBool::new(false));
    catch(&signal)?;
    let guard = Guard::new()?;
    listen(app.mouse)?;
    let result = show(app, &signal);
    drop(guard);
    result
}

/// How the screen gets to the terminal.
type ScreenBackend = CrosstermBackend<SixteenColours<io::Stdout>>;

fn show(app: &mut App, signal: &AtomicBool) -> io::Result<Option<String>> {
    let mut terminal = Terminal::new(CrosstermBackend::new(SixteenColours::new(io::stdout())))?;
    let mut gone = false;
    let mut dirty = true;
    loop {
        dirty |= app.tick();
        if dirty && !gone {
            draw(&mut terminal, app)?;
        }
        dirty = false;
        if gone || signal.load(Ordering::Relaxed) {
            app.apply(super::Action::QuitNow.into());
        }
        while let Some(effect) = app.next_effect() {
            match effect {
                TerminalEffect::Quit(text) => return Ok(text),
                TerminalEffect::Copy(text) => copy(&mut io::stdout(), &text)?,
                TerminalEffect::Redraw => terminal.clear()?,
                TerminalEffect::Suspend => {
                    suspend()?;
                    listen(app.mouse)?;
                    terminal.clear()?;
                }
                TerminalEffect::Mouse(on) => {
                    app.mouse = on;
                    listen(on)?;
                }
            }
            dirty = true;
        }
        let patience = if app.is_busy() { BUSY } else { IDLE };
        if dirty {
            continue;
        }
        match input::wait(patience)? {
            Input::Nothing => continue,
            Input::Event => {}
            Input::Gone => {
                gone = true;
                continue;
            }
        }
        // A burst of keys is taken at once and drawn once.
        loop {
            match event::read()? {
                Event::Key(key) => app.key(&key),
                Event::Paste(text) => app.paste(&text),
                Event::Mouse(event) => app.mouse(&event),
                _ => {}
            }
            dirty = true;
            if !event::poll(Duration::ZERO)? {
                break;
            }
        }
    }
}

fn draw(terminal: &mut Terminal<ScreenBackend>, app: &mut App) -> io::Result<()> {
    terminal.draw(|frame| {
        app.prepare(frame.area());
        if let Some(cursor) = views::draw(app, frame.buffer_mut()) {
            frame.set_cursor_position(cursor);
        }
    })?;
    Ok(())
}

/// The terminal while it is ours. Dropping it gives it back.
struct Guard;

impl Guard {
    fn new() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First the terminal, so that the message can be read.
            restore();
            before(info);
        }));
        take()?;
        Ok(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        Hide
    )
}

/// Has the terminal tell of the mouse, or keep it to itself.
fn listen(mouse: bool) -> io::Result<()> {
    match mouse {
        true => execute!(io::stdout(), EnableMouseCapture),
        false => execute!(io::stdout(), DisableMouseCapture),
    }
}

/// Gives the terminal back. Whatever fails, the rest is still done.
fn restore() {
    let _ = execute!(
        io::stdout(),
        DisableMouseCapture,
        DisableBracketedPaste,
        Show,
        LeaveAlternateScreen
    );
    let _ = disable_raw_mode();
}

/// Puts a text on the clipboard by the sequence OSC 52, which also works through
/// ssh and tmux where they allow it.
fn copy(out: &mut impl Write, text: &str) -> io::Result<()> {
    execute!(out, CopyToClipboard::to_clipboard_from(text))
}

/// Sets `signal` when the program is asked to end.
#[cfg(unix)]
fn catch(signal: &Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for number in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(number, signal.clone())?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn catch(_: &Arc<AtomicBool>) -> io::Result<()> {
    Ok(())
}

/// Gives the terminal back, stops until the shell continues the program, and
/// takes the terminal again.
#[cfg(unix)]
fn suspend() -> io::Result<()> {
    restore();
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
    take()
}

#[cfg(not(unix))]
fn suspend() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clipboard_gets_padded_base64() {
        let texts = ["", "f", "fo", "foo", "foob"];
        for (text, base64) in texts
            .into_iter()
            .zip(["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="])
        {
            let mut out = Vec::new();
            super::copy(&mut out, text).unwrap();
            let expected = format!("\x1b]52;c;{base64}\x1b\\");
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
