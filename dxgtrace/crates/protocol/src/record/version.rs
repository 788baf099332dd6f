//! Which bytes are a pseudo-header.

/// Length of the pseudo-header of [`VERSION`] in bytes.
pub const LENGTH: usize = 80;
/// The version written by this program. A reader accepts any later version
/// whose header is at least as long, since versions only append.
pub const VERSION: u8 = 1;

/// Why bytes are no pseudo-header of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the shortest header, or than the header says it has.
    #[error("pseudo-header needs {wanted} bytes, only {had} are there")]
    Short {
        /// Bytes that the header takes.
        wanted: usize,
        /// Bytes that are there.
        had: usize,
    },
    /// Version 0, or a header length below that of version 1.
    #[error("pseudo-header claims version {version} and {length} bytes, which no version has")]
    Malformed {
        /// What stands in the version byte.
        version: u8,
        /// What stands in the header length field, in bytes.
        length: u16,
    },
    /// A record kind that only a later version knows.
    #[error("record kind {0} is not known to this version")]
    UnknownKind(u8),
    /// A direction that only a later version knows.
    #[error("direction {0} is not known to this version")]
    UnknownDirection(u8),
}
