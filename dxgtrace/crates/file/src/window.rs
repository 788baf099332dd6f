//! A window over the input: contiguous bytes that slide forward.

use std::io::{self, ErrorKind, Read};

/// First size of the buffer: large enough to make system calls cheap, small
/// enough to stay in the processor's cache.
const CAPACITY: usize = 256 << 10;
/// Its size once messages of up to 128 KiB come: what a refill must move, half
/// of such a message, is little beside what it then reads.
const LARGE: usize = 1 << 20;

/// Bytes of `input` from some offset on. Grows only as far as bytes really
/// arrive, so a length read from a damaged file cannot make it allocate.
pub(super) struct InputWindow<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl<R: Read> InputWindow<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// What has been read and not yet consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Offset of the first of [`InputWindow::bytes`] in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Drops the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads until at least `wanted` bytes are there; false if the input ends
    /// before. Never waits for more than that: live pipes deliver late.
    #[inline]
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.read_on(wanted)
    }

    #[cold]
    fn read_on(&mut self, wanted: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end > CAPACITY / 8 && self.buffer.len() < LARGE {
            self.buffer.resize(LARGE, 0);
        }
        while self.end < wanted {
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let Some(room) = self.buffer.get_mut(self.end..) else {
                return Ok(false);
            };
            match self.input.read(room) {
                Ok(0) => return Ok(false),
                Ok(count) => self.end += count.min(room.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
