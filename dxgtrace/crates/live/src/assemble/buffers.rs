//! Reuses payload buffers, so that packets need no allocation.

/// Number of buffers that are kept.
const SPARE_LIMIT: usize = 64;
/// Capacity up to which a buffer is kept, in bytes.
const SPARE_BYTES_LIMIT: usize = 4096;

/// Empty buffers for later packets.
#[derive(Debug, Default)]
pub(super) struct SpareBuffers(Vec<Vec<u8>>);

impl SpareBuffers {
    /// An empty buffer.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes back a buffer.
    pub(super) fn put(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < SPARE_LIMIT && buffer.capacity() <= SPARE_BYTES_LIMIT {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}
