//! Errors of reading a capture file.

use std::io;

use dxgtrace_protocol::record::header::HeaderError;

/// Why reading stopped. All records before the error have been returned.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input is not a capture file.
    #[error("not a pcapng file: {0}")]
    NotACapture(NotACapture),
    /// The operating system refused to read.
    #[error("cannot read at byte {offset}: {source}")]
    Io {
        /// Offset at which reading failed, in bytes.
        offset: u64,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file ends in the middle of a block: the writer was killed, the disk
    /// was full, or the file was copied in part.
    #[error(
        "the file is cut: the block at byte {offset}, after record {records}, lacks {}{missing} bytes",
        if *.at_least { "at least " } else { "" }
    )]
    Cut {
        /// Offset of the incomplete block, in bytes.
        offset: u64,
        /// Complete records before it.
        records: u64,
        /// Missing bytes.
        missing: u64,
        /// The block's length field is missing too, so that `missing` is only a
        /// lower bound.
        at_least: bool,
    },
    /// A block violates the file format.
    #[error("damaged at byte {offset}, after record {records}: {what}")]
    Damaged {
        /// Offset of the block, in bytes.
        offset: u64,
        /// Records before it, including damaged ones.
        records: u64,
        /// What is wrong with the block.
        what: BlockDamage,
    },
}

/// What an input that is not a capture file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACapture {
    /// The input has no bytes.
    #[error("it is empty")]
    Empty,
    /// The path is a directory.
    #[error("it is a directory")]
    Directory,
    /// Text, perhaps another program's output.
    #[error(
        "it looks like text; dxgtrace explain FILE reads kernel logs, strace output and stack traces"
    )]
    Text,
    /// gzip data.
    #[error("it is compressed; decompress it first: gzip -dc FILE | dxgtrace read -")]
    Gzip,
    /// Zstandard data.
    #[error("it is compressed; decompress it first: zstd -dc FILE | dxgtrace read -")]
    Zstd,
    /// xz data.
    #[error("it is compressed; decompress it first: xz -dc FILE | dxgtrace read -")]
    Xz,
    /// Classic pcap of a variant other than microseconds and nanoseconds.
    #[error("it is a variant of classic pcap; convert it first: editcap -F pcapng FILE NEW")]
    OtherPcap,
    /// None of these; holds the first four bytes.
    #[error("it begins with {0:02x?}")]
    Other([u8; 4]),
}

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockDamage {
    /// Zeros where a block should start. After a machine crash, a file can end
    /// in space that was allocated but never written.
    #[error("only zeros where a block should start (a crash of the machine leaves such a tail)")]
    Zeros,
    /// A block length below 12 or not a multiple of 4.
    #[error("block length {0} is impossible")]
    BlockLength(u32),
    /// A block length above the limit for this block type.
    #[error("block length {length} exceeds the limit of {limit} bytes")]
    TooLong {
        /// Length in the block, in bytes.
        length: u64,
        /// Largest accepted length, in bytes.
        limit: usize,
    },
    /// The two length fields of a block differ.
    #[error("block length is {head} at its start but {tail} at its end")]
    LengthsDiffer {
        /// Length field at the start, in bytes.
        head: u32,
        /// Length field at the end, in bytes.
        tail: u32,
    },
    /// A section header or interface description that cannot be parsed.
    #[error("{0}")]
    Description(String),
    /// More sections, interfaces or channels than are tracked.
    #[error("more than {limit} {what}")]
    TooMany {
        /// The items counted, as a plural noun.
        what: &'static str,
        /// Most items accepted.
        limit: usize,
    },
    /// A packet block too short for its fixed part.
    #[error("packet block of {0} bytes is too short")]
    ShortBlock(usize),
    /// More captured bytes than the block holds.
    #[error("{captured} captured bytes do not fit into the block")]
    CapturedLength {
        /// Captured length in the block, in bytes.
        captured: u32,
    },
    /// No interface description precedes a packet of this interface.
    #[error("interface {0} was not described before")]
    UnknownInterface(u32),
    /// The timestamp is not between 1970 and 2554.
    #[error("timestamp out of range")]
    Time,
    /// The pseudo-header is damaged, or was truncated by a snap length.
    #[error(transparent)]
    Header(HeaderError),
}
