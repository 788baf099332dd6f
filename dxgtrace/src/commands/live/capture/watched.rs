//! A process whose end ends the capture.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// The process.
pub enum WatchedProcess {
    /// It runs, or has ended since.
    There(OwnedFd),
    /// It had ended before.
    Gone,
    /// It cannot be watched: there is none, or that is forbidden.
    Unknown,
}

impl WatchedProcess {
    /// Watches it by its number.
    pub fn new(pid: u32) -> Self {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            Some(Ok(fd)) => Self::There(fd),
            Some(Err(Errno::SRCH)) => Self::Gone,
            Some(Err(_)) | None => Self::Unknown,
        }
    }

    /// Whether it has ended, even if its parent does not ask for its status.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::There(fd) => {
                let mut ended = [PollFd::new(fd, PollFlags::IN)];
                let at_once = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                poll(&mut ended, Some(&at_once)).is_ok_and(|count| count > 0)
            }
            Self::Gone => true,
            Self::Unknown => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::WatchedProcess;

    #[test]
    fn a_process_that_nobody_waits_for_has_ended_all_the_same() {
        assert!(!WatchedProcess::new(std::process::id()).has_ended());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let watched = WatchedProcess::new(child.id());
        while !watched.has_ended() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(WatchedProcess::new(child.id()).has_ended());
    }
}
