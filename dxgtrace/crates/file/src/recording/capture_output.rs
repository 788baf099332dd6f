//! Where a live capture writes its bytes.
//!
//! Files are written to directly, so that what was captured is in the file
//! when the program is killed. The reader of a pipe or terminal may stall;
//! these are written to by the thread of an [`OutputQueue`].

use std::io::{self, Write};

use super::{OutputQueue, OutputTarget};

/// A file, or the queue before a pipe or terminal.
pub enum CaptureOutput {
    /// A regular file, and its length in bytes.
    File(OutputTarget, u64),
    /// Anything else.
    Queue(OutputQueue),
}

impl CaptureOutput {
    /// Chooses by whether `target` is a regular file.
    ///
    /// # Errors
    /// The queue's thread cannot be created.
    pub fn new(target: OutputTarget) -> io::Result<Self> {
        if target.file.metadata().is_ok_and(|about| about.is_file()) {
            Ok(Self::File(target, 0))
        } else {
            OutputQueue::new(target, OutputQueue::BYTES).map(Self::Queue)
        }
    }

    /// The queue; `None` for a regular file.
    pub fn queue(&self) -> Option<OutputQueue> {
        match self {
            Self::File(..) => None,
            Self::Queue(queue) => Some(queue.clone()),
        }
    }
}

impl Write for CaptureOutput {
    /// Writes or queues all of `bytes`, which must be whole blocks if the
    /// target is a capture file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(target, length) => {
                target.write(bytes).map_err(|(written, error)| {
                    if target.created {
                        // Ignored: if truncating fails too, the file ends in an
                        // incomplete block, which readers report.
                        let _ = target
                            .file
                            .set_len(*length + complete_blocks(bytes, written));
                    }
                    error
                })?;
                *length += bytes.len() as u64;
            }
            Self::Queue(queue) => queue.add(bytes)?,
        }
        Ok(bytes.len())
    }

    /// Nothing is buffered here; reports an error of the queue's thread.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(..) => Ok(()),
            Self::Queue(queue) => queue.check(),
        }
    }
}

/// End offset of the last block in `bytes` that is complete at `end`.
fn complete_blocks(bytes: &[u8], end: usize) -> u64 {
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
    use super::complete_blocks;

    #[test]
    fn the_last_whole_block_is_found() {
        let block = |length: u32| {
            let mut block = vec![0; length as usize];
            block[4..8].copy_from_slice(&length.to_le_bytes());
            block
        };
        let bytes = [block(12), block(32), block(16)].concat();
        for (end, expected) in [(0, 0), (11, 0), (12, 12), (43, 12), (44, 44), (60, 60)] {
            assert_eq!(complete_blocks(&bytes, end), expected, "{end}");
        }
    }
}
