//! The kernel log, watched for lines that make the flight recorder write.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use dxgtrace_file::recording::RecordingProgress;
use dxgtrace_protocol::decode::escaped;
use regex::bytes::Regex;
use rustix::fs::OFlags;

/// Reads at one look at most: a flood of lines must not hold up the capture.
const READS: usize = 64;
/// Longest line that is looked at, in bytes; longer than any of the kernel.
const LINE_BYTES: usize = 16 << 10;
/// Most of a line that a reason quotes, in bytes.
const QUOTED_BYTES: usize = 200;

/// A log that is read while it grows, and what is looked for in it.
pub struct KernelLogWatch {
    /// `None` once it cannot be read any more.
    log: Option<File>,
    patterns: Vec<Regex>,
    /// A line whose end was not read yet.
    line: Vec<u8>,
    buffer: Vec<u8>,
}

impl KernelLogWatch {
    /// Watches a log from its end on: `/dev/kmsg`, a file or a FIFO.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, patterns: Vec<Regex>) -> io::Result<Self> {
        let mut log = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        // A FIFO has no end to go to.
        let _ = log.seek(SeekFrom::End(0));
        Ok(Self {
            log: Some(log),
            patterns,
            line: Vec::new(),
            // A record of `/dev/kmsg` must fit in whole.
            buffer: vec![0; LINE_BYTES],
        })
    }

    /// Looks at what was logged since, and requests a file for a line that matches.
    pub fn check(&mut self, progress: &RecordingProgress) {
        for _ in 0..READS {
            let Some(log) = &mut self.log else { return };
            match log.read(&mut self.buffer) {
                Ok(0) => return,
                Ok(length) => self.take(length, progress),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // The kernel has overwritten lines that were not read.
                    io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted => {}
                    _ => {
                        let notice = format!("the kernel log is not watched any more: {error}");
                        progress.notices.borrow_mut().push(notice);
                        self.log = None;
                    }
                },
            }
        }
    }

    /// Takes the first `length` bytes of the buffer.
    fn take(&mut self, length: usize, progress: &RecordingProgress) {
        let Self {
            patterns,
            line,
            buffer,
            ..
        } = self;
        for piece in buffer
            .get(..length)
            .unwrap_or_default()
            .split_inclusive(|byte| *byte == b'\n')
        {
            let room = LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.last() != Some(&b'\n') {
                continue;
            }
            let text = message(line);
            if patterns.iter().any(|pattern| pattern.is_match(text)) {
                let quoted = text.get(..QUOTED_BYTES).unwrap_or(text);
                progress.request_write(|| format!("kernel log: {}", escaped(quoted)));
            }
            line.clear();
        }
    }
}

/// The text of a line: of one of `/dev/kmsg`, `6,339,5140900,-;text`, what stands
/// behind its numbers.
fn message(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_end();
    let separator = line.iter().position(|byte| *byte == b';');
    let (prefix, text) = separator
        .and_then(|at| line.split_at_checked(at))
        .unwrap_or((&[], line));
    let is_kmsg = prefix.first().is_some_and(u8::is_ascii_digit)
        && prefix.split(|byte| *byte == b',').count() >= 4
        && !prefix.contains(&b' ');
    match text.split_first() {
        Some((_, text)) if is_kmsg => text,
        _ => line,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::io::Write;

    use super::*;

    fn reason(progress: &RecordingProgress) -> Option<String> {
        progress.write_reason.take()
    }

    #[test]
    fn only_a_line_that_is_logged_later_and_matches_requests_a_file() {
        let path = std::env::temp_dir().join(format!("dxgtrace-kmsg-{}", std::process::id()));
        let mut log = File::create(&path).unwrap();
        log.write_all(b"3,1,10,-;misc dxg: dxgk: failed early\n")
            .unwrap();
        let pattern = Regex::new("dxgk: .*failed").unwrap();
        let mut watch = KernelLogWatch::open(&path, vec![pattern]).unwrap();
        let progress = RecordingProgress::default();
        watch.check(&progress);
        assert_eq!(reason(&progress), None);

        log.write_all(
            b"3,2,20,-;misc dxg: dxgk: all is fine\n SUBSYSTEM=misc\n3,3,30,-;misc dxg: dxgk: x",
        )
        .unwrap();
        watch.check(&progress);
        assert_eq!(reason(&progress), None, "its end is not there yet");
        log.write_all(b"yz failed: \x1b[31m -75\nmisc dxg: dxgk: failed again\n")
            .unwrap();
        watch.check(&progress);
        assert_eq!(
            reason(&progress).as_deref(),
            Some("kernel log: misc dxg: dxgk: xyz failed: \\u{1b}[31m -75")
        );
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_a_long_one() {
        let path = std::env::temp_dir().join(format!("dxgtrace-endless-{}", std::process::id()));
        let mut log = File::create(&path).unwrap();
        let pattern = Regex::new("needle").unwrap();
        let mut watch = KernelLogWatch::open(&path, vec![pattern]).unwrap();
        let progress = RecordingProgress::default();
        log.write_all(&vec![b'x'; 4 * LINE_BYTES]).unwrap();
        watch.check(&progress);
        assert!(watch.line.len() <= LINE_BYTES);
        log.write_all(b"needle\nneedle\n").unwrap();
        watch.check(&progress);
        assert_eq!(reason(&progress).as_deref(), Some("kernel log: needle"));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_semicolon_in_a_plain_line_is_text() {
        assert_eq!(message(b"6,339,5140900,-;a; b\n"), b"a; b");
        assert_eq!(message(b"[ 12.5] dxg: a; b\n"), b"[ 12.5] dxg: a; b");
        assert_eq!(message(b"1; 2"), b"1; 2");
    }
}
