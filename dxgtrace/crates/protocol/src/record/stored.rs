//! The encoding of the members of the pseudo-header.

use super::names::{ChannelKind, Direction, KnownFields, RecordKind};
use super::version::{HeaderError, LENGTH};
use crate::schema::text::fail_build;
use crate::schema::{Field, FieldType, field};

/// A value that is stored in the pseudo-header as little-endian bytes.
pub(super) trait Stored: Copy {
    /// Size in bytes.
    const SIZE: u16;
    /// The type of the field.
    const TY: FieldType;
    /// The value whose bytes are all 0.
    const ZERO: Self;

    /// Writes the value at offset `at`.
    fn store(self, header: &mut [u8; LENGTH], at: usize);

    /// Reads the value at offset `at`.
    fn load(header: &[u8; LENGTH], at: usize) -> Result<Self, HeaderError>;
}

macro_rules! stored_number {
    ($($number:ty, $ty:expr;)+) => {
        $(impl Stored for $number {
            const SIZE: u16 = size_of::<Self>() as u16;
            const TY: FieldType = $ty;
            const ZERO: Self = 0;

            fn store(self, header: &mut [u8; LENGTH], at: usize) {
                self.to_le_bytes().store(header, at);
            }

            #[inline]
            fn load(header: &[u8; LENGTH], at: usize) -> Result<Self, HeaderError> {
                Ok(Self::from_le_bytes(bytes(header, at)))
            }
        })+
    };
}

stored_number! {
    u8, FieldType::U8;
    u16, FieldType::U16;
    u32, FieldType::U32;
    u64, FieldType::U64;
    i32, FieldType::I32;
}

impl<const N: usize> Stored for [u8; N] {
    const SIZE: u16 = N as u16;
    const TY: FieldType = FieldType::Byte;
    const ZERO: Self = [0; N];

    fn store(self, header: &mut [u8; LENGTH], at: usize) {
        if let Some(place) = header.get_mut(at..at + N) {
            place.copy_from_slice(&self);
        }
    }

    #[inline]
    fn load(header: &[u8; LENGTH], at: usize) -> Result<Self, HeaderError> {
        Ok(bytes(header, at))
    }
}

impl Stored for KnownFields {
    const SIZE: u16 = u16::SIZE;
    const TY: FieldType = FieldType::Flags16(&Self::NAMES);
    const ZERO: Self = Self(0);

    fn store(self, header: &mut [u8; LENGTH], at: usize) {
        self.0.store(header, at);
    }

    #[inline]
    fn load(header: &[u8; LENGTH], at: usize) -> Result<Self, HeaderError> {
        u16::load(header, at).map(Self)
    }
}

macro_rules! stored_byte_enum {
    ($($type:ty, $zero:ident, $read:expr;)+) => {
        $(impl Stored for $type {
            const SIZE: u16 = u8::SIZE;
            const TY: FieldType = FieldType::Enum(&Self::NAMES);
            const ZERO: Self = Self::$zero;

            fn store(self, header: &mut [u8; LENGTH], at: usize) {
                (self as u8).store(header, at);
            }

            #[inline]
            fn load(header: &[u8; LENGTH], at: usize) -> Result<Self, HeaderError> {
                u8::load(header, at).and_then($read)
            }
        }

        const _: () = assert!(<$type>::$zero as u8 == 0);)+
    };
}

stored_byte_enum! {
    RecordKind, Packet, |number| Self::from_number(number).ok_or(HeaderError::UnknownKind(number));
    Direction, GuestToHost, |number| {
        Self::from_number(number).ok_or(HeaderError::UnknownDirection(number))
    };
    ChannelKind, Unknown, |number| Ok(Self::from_number_or_unknown(number));
}

/// The `N` bytes of a header at offset `at`, which is a constant inside the header, so
/// that the compiler removes the fallback.
#[inline]
fn bytes<const N: usize>(header: &[u8; LENGTH], at: usize) -> [u8; N] {
    header
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .unwrap_or([0; N])
}

/// The field that describes `size` bytes at offset `at`. If `ty` is larger, the field is a
/// bit field of the aligned word that holds the bytes; if `ty` is smaller, an array.
pub(super) const fn describe(
    at: u16,
    name: &'static str,
    size: u16,
    ty: FieldType,
    doc: &'static str,
) -> Field {
    let unit = ty.size();
    if size >= unit {
        if !size.is_multiple_of(unit) {
            fail_build("pseudo-header", "has a part of an element in", name);
        }
        let described = field(at, name, ty, doc);
        return if size > unit {
            described.array(size / unit)
        } else {
            described
        };
    }
    let word = at - at % unit;
    if at + size > word + unit {
        fail_build("pseudo-header", "has a field in two words:", name);
    }
    field(word, name, ty, doc).bits(8 * (at - word) as u8, 8 * size as u8)
}

/// Sorts fields by their first bit.
pub(super) const fn sort_by_offset<const N: usize>(mut fields: [Field; N]) -> [Field; N] {
    let mut sorted = 1;
    while sorted < N {
        let mut i = sorted;
        while i > 0 && first_bit(&fields[i]) < first_bit(&fields[i - 1]) {
            fields.swap(i, i - 1);
            i -= 1;
        }
        sorted += 1;
    }
    fields
}

const fn first_bit(field: &Field) -> u32 {
    let shift = match field.bits {
        Some((shift, _)) => shift,
        None => 0,
    };
    8 * field.at as u32 + shift as u32
}
