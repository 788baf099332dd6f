//! Notices the end of a process.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A process whose end stops the capture.
pub enum WatchedProcess {
    /// The process existed; its pidfd.
    Started(OwnedFd),
    /// The process had ended before.
    Ended,
    /// There is no process, or it may not be watched.
    None,
}

impl WatchedProcess {
    /// Watches the process `pid`.
    pub fn new(pid: u32) -> Self {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            Some(Ok(fd)) => Self::Started(fd),
            Some(Err(Errno::SRCH)) => Self::Ended,
            Some(Err(_)) | None => Self::None,
        }
    }

    /// Whether the process has ended, even if its parent has not waited for it.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Started(fd) => {
                let mut ended = [PollFd::new(fd, PollFlags::IN)];
                let at_once = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                poll(&mut ended, Some(&at_once)).is_ok_and(|count| count > 0)
            }
            Self::Ended => true,
            Self::None => false,
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
