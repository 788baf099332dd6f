//! A record of a capture file: the packet, its position and its options.

use std::borrow::Cow;

use dxgtrace_protocol::packet::{Channel, Packet};

use super::byte_order::ByteOrder;

/// Position of a record in its file, for [`super::RandomReader::read_at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAt {
    /// Offset of the block, in bytes.
    pub offset: u64,
    /// Length of the block, in bytes.
    pub length: u32,
}

/// A record, borrowed from the reader until the next one is read.
#[derive(Debug, Clone, Copy)]
pub struct FileRecord<'a> {
    /// The packet; its payload lies in the reader's buffer.
    pub packet: Packet<'a>,
    /// The channels found so far. [`Packet::interface`] is an index into them.
    pub channels: &'a [Channel],
    /// Position of the record in the file.
    pub at: RecordAt,
    pub(super) options: BlockOptions<'a>,
}

impl<'a> FileRecord<'a> {
    /// The comments on this record, in file order. This program writes one per
    /// finding.
    pub fn comments(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        const COMMENT: u16 = 1;
        self.options
            .filter(|(code, _)| *code == COMMENT)
            .map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// Number of packets lost just before this record (`epb_dropcount`).
    pub fn drop_count(&self) -> u64 {
        const DROP_COUNT: u16 = 4;
        let order = self.options.order;
        let mut options = self.options;
        options
            .find(|(code, _)| *code == DROP_COUNT)
            .and_then(|(_, value)| order.u64(value, 0))
            .unwrap_or(0)
    }
}

/// Iterates over the options of a block as (code, value). Ends at the first
/// damaged option without an error: the packet is complete without them.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockOptions<'a> {
    pub bytes: &'a [u8],
    pub order: ByteOrder,
}

impl<'a> Iterator for BlockOptions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const END: u16 = 0;
        let code = self.order.u16(self.bytes, 0)?;
        let length = usize::from(self.order.u16(self.bytes, 2)?);
        let value = self.bytes.get(4..)?.get(..length)?;
        let padded = length.next_multiple_of(4);
        self.bytes = self.bytes.get(4 + padded..).unwrap_or(&[]);
        (code != END).then_some((code, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_at_the_end_mark_and_at_damage() {
        let bytes = b"\x01\0\x03\0abc\0\x02\0\x04\0\x01\0\0\0\0\0\0\0\x01\0\x01\0x\0\0\0";
        let walk = |bytes| {
            BlockOptions {
                bytes,
                order: ByteOrder::Little,
            }
            .count()
        };
        assert_eq!(walk(&bytes[..]), 2);
        assert_eq!(walk(&bytes[..7]), 1);
        assert_eq!(walk(&bytes[..6]), 0);
        assert_eq!(walk(b""), 0);
    }
}
