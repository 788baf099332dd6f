//! Notices when the reader of an output pipe closes it.

use std::fs::{self, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The write end of a pipe, or nothing if the output is no pipe. While there is nothing
/// to write, only a poll shows that the reader has closed it.
pub struct OutputPipe(Option<OwnedFd>);

impl OutputPipe {
    /// The pipe at `path`, which is open for writing already; `-` is standard output.
    pub fn open(path: &Path) -> Self {
        if path == Path::new("-") {
            let copy = rustix::io::dup(rustix::stdio::stdout());
            return Self(copy.ok().filter(is_pipe));
        }
        let fifo = fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo());
        let opened = fifo.then(|| OpenOptions::new().write(true).open(path).ok());
        Self(opened.flatten().map(OwnedFd::from))
    }

    /// Whether the reader has closed the pipe.
    pub fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|end| {
            let mut asked = [PollFd::new(end, PollFlags::empty())];
            let at_once = Timespec::default();
            let answered = poll(&mut asked, Some(&at_once)).is_ok();
            answered
                && asked
                    .iter()
                    .any(|end| end.revents().contains(PollFlags::ERR))
        })
    }
}

fn is_pipe(end: &OwnedFd) -> bool {
    let about = rustix::fs::fstat(end);
    about.is_ok_and(|about| {
        rustix::fs::FileType::from_raw_mode(about.st_mode) == rustix::fs::FileType::Fifo
    })
}
