//! Byte order of a section, and bounded reads in it.

use pcap_file::Endianness;

/// Byte order of the numbers in a section's blocks. The pseudo-header is little
/// endian and the tags are big endian whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl From<Endianness> for Order {
    fn from(endianness: Endianness) -> Self {
        match endianness {
            Endianness::Little => Self::Little,
            Endianness::Big => Self::Big,
        }
    }
}

impl Order {
    /// The number at `at`, or `None` beyond the end.
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let number = u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self == Self::Big {
            number.swap_bytes()
        } else {
            number
        })
    }

    /// The number at `at`, or `None` beyond the end.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self == Self::Big {
            number.swap_bytes()
        } else {
            number
        })
    }

    /// The number at `at`, or `None` beyond the end.
    #[inline]
    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let number = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self == Self::Big {
            number.swap_bytes()
        } else {
            number
        })
    }
}
