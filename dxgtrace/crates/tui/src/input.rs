//! Waiting for the terminal, which may go away meanwhile.

use std::io;
use std::time::Duration;

use crossterm::event;

/// What came of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing within the time.
    Nothing,
    /// An event is there to be read.
    Event,
    /// The terminal was closed.
    Gone,
}

/// Waits for the terminal.
///
/// crossterm reads a closed terminal without end, so that nothing may be asked
/// of it then: the waiting is done here. Both read standard input.
///
/// # Errors
/// It refuses.
#[cfg(target_os = "linux")]
pub(super) fn wait(patience: Duration) -> io::Result<Input> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&timeout)) {
        // A signal: perhaps a new size of the window.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [fd] = &fds;
    if fd.revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        return Ok(Input::Gone);
    }
    Ok(if event::poll(Duration::ZERO)? {
        Input::Event
    } else {
        Input::Nothing
    })
}

/// Waits for the terminal.
///
/// # Errors
/// It refuses.
#[cfg(not(target_os = "linux"))]
pub(super) fn wait(patience: Duration) -> io::Result<Input> {
    Ok(if event::poll(patience)? {
        Input::Event
    } else {
        Input::Nothing
    })
}
