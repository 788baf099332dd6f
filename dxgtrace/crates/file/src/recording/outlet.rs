//! The way out of a live capture.
//!
//! A file takes what it gets at once: whatever stops the program, what was
//! captured is in it. The reader of a pipe, and whoever looks at a terminal,
//! may pause; before them is a [`OutputQueue`].

use std::io::{self, Write};

use super::{OutputQueue, OutputTarget};

/// The end that is written to.
pub enum Outlet {
    /// A file, and how long it is.
    File(OutputTarget, u64),
    /// All else.
    Queue(OutputQueue),
}

impl Outlet {
    /// The way to `target`.
    ///
    /// # Errors
    /// There can be no thread for the queue.
    pub fn new(target: OutputTarget) -> io::Result<Self> {
        if target.file.metadata().is_ok_and(|about| about.is_file()) {
            Ok(Self::File(target, 0))
        } else {
            OutputQueue::new(target, OutputQueue::BYTES).map(Self::Queue)
        }
    }

    /// The queue, if there is one.
    pub fn queue(&self) -> Option<OutputQueue> {
        match self {
            Self::File(..) => None,
            Self::Queue(queue) => Some(queue.clone()),
        }
    }
}

impl Write for Outlet {
    /// Takes all: whole blocks, if it leads to a capture file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(target, length) => {
                target.write(bytes).map_err(|(done, error)| {
                    if target.own {
                        // If that fails too, the reader says where the file is cut.
                        let _ = target.file.set_len(*length + whole(bytes, done));
                    }
                    error
                })?;
                *length += bytes.len() as u64;
            }
            Self::Queue(queue) => queue.add(bytes)?,
        }
        Ok(bytes.len())
    }

    /// What was written leaves by itself.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(..) => Ok(()),
            Self::Queue(queue) => queue.failed(),
        }
    }
}

/// Where the last whole block of `bytes` up to `end` ends.
fn whole(bytes: &[u8], end: usize) -> u64 {
    let mut at = 0;
    while let Some(length) = bytes.get(at + 4..).and_then(|rest| rest.first_chunk()) {
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 || at + length > end {
            break;
        }
        at += length;
    }
    at as u64
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn the_last_whole_block_is_found() {
        let block = |length: u32| {
            let mut block = vec![0; length as usize];
            block[4..8].copy_from_slice(&length.to_le_bytes());
            block
        };
        let bytes = [block(12), block(32), block(16)].concat();
        for (end, expected) in [(0, 0), (11, 0), (12, 12), (43, 12), (44, 44), (60, 60)] {
            assert_eq!(whole(&bytes, end), expected, "{end}");
        }
    }
}
