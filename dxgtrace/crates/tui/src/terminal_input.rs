//! Waits for terminal events, and notices when the terminal is closed.

use std::io;
use std::time::Duration;

use crossterm::event;

/// Result of waiting for a terminal event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The timeout has passed.
    Timeout,
    /// An event can be read.
    Event,
    /// The terminal was closed.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux is asked")
    )]
    Closed,
}

/// Waits up to `timeout` for an event on standard input.
///
/// crossterm polls a closed terminal in an endless loop, so this polls for the
/// hang-up first and calls crossterm only on an open one.
///
/// # Errors
/// Polling fails.
#[cfg(target_os = "linux")]
pub(super) fn wait(timeout: Duration) -> io::Result<Input> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&timeout)) {
        // A signal, such as SIGWINCH when the window was resized.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [fd] = &fds;
    if fd.revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        return Ok(Input::Closed);
    }
    Ok(if event::poll(Duration::ZERO)? {
        Input::Event
    } else {
        Input::Timeout
    })
}

/// Waits up to `timeout` for a terminal event.
///
/// # Errors
/// Polling fails.
#[cfg(not(target_os = "linux"))]
pub(super) fn wait(timeout: Duration) -> io::Result<Input> {
    Ok(if event::poll(timeout)? {
        Input::Event
    } else {
        Input::Timeout
    })
}
