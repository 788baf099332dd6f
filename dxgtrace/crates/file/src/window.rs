//! Input buffer of the reader: a contiguous window that moves forward through
//! the file.

use std::io::{self, ErrorKind, Read};

/// Initial size of the buffer, in bytes. Large enough to make system calls rare,
/// small enough to stay in the processor's cache.
const CAPACITY: usize = 256 << 10;
/// Size of the buffer once long messages (up to 128 KiB) arrive. Each refill
/// moves the incomplete block to the front, on average half of one; in the
/// small buffer that would be a large share of the bytes read.
const LARGE_CAPACITY: usize = 1 << 20;

/// The unconsumed bytes of `input`. The buffer grows only when it is full of
/// bytes that arrived, so a length in a damaged file cannot make it allocate.
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

    /// The bytes that were read and not yet consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Offset of the first of [`InputWindow::bytes`] in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Removes the first `count` bytes from the window.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads until the window holds at least `wanted` bytes; false if the input
    /// ends before. Never blocks for more than `wanted`, since a live pipe may
    /// deliver the next byte much later.
    #[inline]
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.read_more(wanted)
    }

    #[cold]
    fn read_more(&mut self, wanted: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end > CAPACITY / 8 && self.buffer.len() < LARGE_CAPACITY {
            self.buffer.resize(LARGE_CAPACITY, 0);
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
