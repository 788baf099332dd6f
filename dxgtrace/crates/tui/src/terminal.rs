//! Runs the event loop on the terminal, and restores the terminal at the end, on
//! a signal, and after an error or panic.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::terminal_input::{self, Input};
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
use super::sixteen_colours::SixteenColours;
use super::views;

/// Interval at which results of threads are polled while any is working.
const BUSY: Duration = Duration::from_millis(8);
/// The same while none is.
const IDLE: Duration = Duration::from_millis(100);

/// Checks that standard input and output are a terminal that can be drawn on.
///
/// # Errors
/// They are not; the error is a sentence that says what to do instead.
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

/// Runs the terminal UI until the user quits. Returns a text to print afterwards.
///
/// # Errors
/// Reading from or writing to the terminal fails.
pub fn run(app: &mut App) -> io::Result<Option<String>> {
    let signal = Arc::new(AtomicBool::new(false));
    catch_signals(&signal)?;
    let guard = TerminalGuard::new()?;
    capture_mouse(app.mouse)?;
    let result = event_loop(app, &signal);
    drop(guard);
    result
}

/// The ratatui backend.
type ScreenBackend = CrosstermBackend<SixteenColours<io::Stdout>>;

fn event_loop(app: &mut App, signal: &AtomicBool) -> io::Result<Option<String>> {
    let mut terminal = Terminal::new(CrosstermBackend::new(SixteenColours::new(io::stdout())))?;
    let mut closed = false;
    let mut dirty = true;
    loop {
        dirty |= app.tick();
        if dirty && !closed {
            draw(&mut terminal, app)?;
        }
        dirty = false;
        if closed || signal.load(Ordering::Relaxed) {
            app.apply(super::Action::QuitNow.into());
        }
        while let Some(effect) = app.next_effect() {
            match effect {
                TerminalEffect::Quit(text) => return Ok(text),
                TerminalEffect::Copy(text) => copy(&mut io::stdout(), &text)?,
                TerminalEffect::Redraw => terminal.clear()?,
                TerminalEffect::Suspend => {
                    suspend()?;
                    capture_mouse(app.mouse)?;
                    terminal.clear()?;
                }
                TerminalEffect::Mouse(on) => {
                    app.mouse = on;
                    capture_mouse(on)?;
                }
            }
            dirty = true;
        }
        let timeout = if app.is_busy() { BUSY } else { IDLE };
        if dirty {
            continue;
        }
        match terminal_input::wait(timeout)? {
            Input::Timeout => continue,
            Input::Event => {}
            Input::Closed => {
                closed = true;
                continue;
            }
        }
        // Handle all events that have arrived, then draw once.
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

/// The terminal in raw mode. Dropping it restores the terminal.
struct TerminalGuard;

impl TerminalGuard {
    fn new() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Restore first, so that the panic message can be read.
            restore();
            before(info);
        }));
        set_up()?;
        Ok(Self)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

fn set_up() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        Hide
    )
}

/// Turns mouse events on or off.
fn capture_mouse(mouse: bool) -> io::Result<()> {
    match mouse {
        true => execute!(io::stdout(), EnableMouseCapture),
        false => execute!(io::stdout(), DisableMouseCapture),
    }
}

/// Restores the terminal. Errors are ignored, so that every step is tried.
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

/// Copies a text to the clipboard by the sequence OSC 52, which also works
/// through ssh and tmux if they are configured to allow it.
fn copy(out: &mut impl Write, text: &str) -> io::Result<()> {
    execute!(out, CopyToClipboard::to_clipboard_from(text))
}

/// Sets `signal` on SIGHUP, SIGINT and SIGTERM.
#[cfg(unix)]
fn catch_signals(signal: &Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for number in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(number, signal.clone())?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn catch_signals(_: &Arc<AtomicBool>) -> io::Result<()> {
    Ok(())
}

/// Restores the terminal, stops the program until the shell continues it, and
/// sets the terminal up again.
#[cfg(unix)]
fn suspend() -> io::Result<()> {
    restore();
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
    set_up()
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
