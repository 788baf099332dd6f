//! Payload buffers that are used again, so that a packet allocates nothing.

/// Buffers that are kept, up to this size each.
const SPARE_LIMIT: usize = 64;
const SPARE_BYTES_LIMIT: usize = 4096;

/// Empty buffers for later packets.
#[derive(Debug, Default)]
pub(super) struct SpareBuffers(Vec<Vec<u8>>);

impl SpareBuffers {
    /// An empty buffer.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Keeps a buffer that is not needed any more.
    pub(super) fn put(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < SPARE_LIMIT && buffer.capacity() <= SPARE_BYTES_LIMIT {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}
