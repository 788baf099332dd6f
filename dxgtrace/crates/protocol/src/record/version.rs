//! The version of the pseudo-header, and the errors of its decoder.

/// Length of the pseudo-header of [`VERSION`] in bytes.
pub const LENGTH: usize = 80;
/// The version that this program writes. The decoder accepts later versions, since they
/// only append fields.
pub const VERSION: u8 = 1;

/// The error for bytes that are not a pseudo-header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There are fewer bytes than the shortest header, or than the header length says.
    #[error("pseudo-header needs {wanted} bytes, only {had} are there")]
    Short {
        /// Length of the header in bytes.
        wanted: usize,
        /// Number of bytes available.
        had: usize,
    },
    /// The version is 0, or the header is shorter than in version 1.
    #[error("pseudo-header claims version {version} and {length} bytes, which no version has")]
    Malformed {
        /// The value of the version byte.
        version: u8,
        /// The value of the header length field, in bytes.
        length: u16,
    },
    /// The record kind is not known to this version.
    #[error("record kind {0} is not known to this version")]
    UnknownKind(u8),
    /// The direction is not known to this version.
    #[error("direction {0} is not known to this version")]
    UnknownDirection(u8),
}
