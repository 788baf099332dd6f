//! Why a capture cannot be read, or not to its end.

use std::io;

use dxgtrace_protocol::record::header::HeaderError;

/// Why reading stopped. Everything before it has been handed out.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input is no capture file at all.
    #[error("not a pcapng file: {0}")]
    NotACapture(NotACapture),
    /// The operating system refused to read.
    #[error("cannot read at byte {offset}: {source}")]
    Io {
        /// Bytes read before.
        offset: u64,
        /// What it said.
        source: io::Error,
    },
    /// The file ends in the middle of a block: the writer was killed, the disk
    /// was full, or the file was copied in part.
    #[error(
        "the file is cut: the block at byte {offset}, after record {records}, lacks {}{missing} bytes",
        if *.at_least { "at least " } else { "" }
    )]
    Cut {
        /// Where the incomplete block starts, in bytes.
        offset: u64,
        /// Whole records before it.
        records: u64,
        /// Bytes that it lacks.
        missing: u64,
        /// Whether the block's own length is missing too.
        at_least: bool,
    },
    /// A block contradicts the format.
    #[error("damaged at byte {offset}, after record {records}: {what}")]
    Damaged {
        /// Where the block starts, in bytes.
        offset: u64,
        /// Records before it, readable or not.
        records: u64,
        /// What is wrong with it.
        what: BlockDamage,
    },
}

/// What the input looks like instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACapture {
    /// No bytes.
    #[error("it is empty")]
    Empty,
    /// A directory.
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
    /// Something else: its first bytes.
    #[error("it begins with {0:02x?}")]
    Other([u8; 4]),
}

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockDamage {
    /// Zeros where a block should start: after a crash of the machine, file
    /// systems leave a tail that was allocated but never written.
    #[error("only zeros where a block should start (a crash of the machine leaves such a tail)")]
    Zeros,
    /// A length that no block can have.
    #[error("block length {0} is impossible")]
    BlockLength(u32),
    /// A length beyond the limit for this type of block.
    #[error("block length {length} exceeds the limit of {limit} bytes")]
    TooLong {
        /// What stands there, in bytes.
        length: u64,
        /// What is accepted, in bytes.
        limit: usize,
    },
    /// The lengths at a block's start and end differ.
    #[error("block length is {head} at its start but {tail} at its end")]
    LengthsDiffer {
        /// At the start, in bytes.
        head: u32,
        /// At the end, in bytes.
        tail: u32,
    },
    /// A section or interface header that makes no sense.
    #[error("{0}")]
    Description(String),
    /// More of something than this program keeps track of.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A packet block too short for its fixed part.
    #[error("packet block of {0} bytes is too short")]
    ShortBlock(usize),
    /// More captured bytes than the block holds.
    #[error("{captured} captured bytes do not fit into the block")]
    CapturedLength {
        /// What the block says, in bytes.
        captured: u32,
    },
    /// The packet's interface was not described before.
    #[error("interface {0} was not described before")]
    UnknownInterface(u32),
    /// The timestamp is not between 1970 and 2554.
    #[error("timestamp out of range")]
    Time,
    /// The pseudo-header is damaged, or was cut by a snap length.
    #[error(transparent)]
    Header(HeaderError),
}
