//! What a field or an array can be set to.

use super::error::EncodeError;
use crate::decode::Value;
use crate::schema::values::Flags;
use crate::schema::{Field, FieldType};
use crate::table::statuses::STATUSES;

/// What a field or an array can be set to.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue<'v> {
    /// A number: also a handle, a status, an address or a truth value.
    Number(u64),
    /// A signed number.
    Signed(i64),
    /// Text of a UTF-16 field; of other fields, names of values as the
    /// description has them (bits of a set are separated by `|`).
    Text(&'v str),
    /// The elements of an array, as bytes on the wire.
    Bytes(&'v [u8]),
    /// The elements of an array of 4-byte numbers or less.
    Words(&'v [u32]),
    /// The same of numbers written without a suffix, as `&[1, 2]`.
    Integers(&'v [i32]),
    /// The elements of an array.
    Numbers(&'v [u64]),
}

macro_rules! from_number {
    ($($ty:ty),*) => {$(
        impl From<$ty> for FieldValue<'_> {
            fn from(value: $ty) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}
from_number!(bool, u8, u16, u32, u64);

impl From<i32> for FieldValue<'_> {
    fn from(value: i32) -> Self {
        Self::Signed(value.into())
    }
}

impl From<i64> for FieldValue<'_> {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl<'v> From<&'v str> for FieldValue<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

macro_rules! from_list {
    ($($ty:ty => $variant:ident),*) => {$(
        impl<'v> From<&'v [$ty]> for FieldValue<'v> {
            fn from(list: &'v [$ty]) -> Self {
                Self::$variant(list)
            }
        }
        impl<'v, const N: usize> From<&'v [$ty; N]> for FieldValue<'v> {
            fn from(list: &'v [$ty; N]) -> Self {
                Self::$variant(list)
            }
        }
        impl<'v> From<&'v Vec<$ty>> for FieldValue<'v> {
            fn from(list: &'v Vec<$ty>) -> Self {
                Self::$variant(list)
            }
        }
    )*};
}
from_list!(u8 => Bytes, u32 => Words, i32 => Integers, u64 => Numbers);

impl<'v> From<Value<'v>> for FieldValue<'v> {
    fn from(value: Value<'v>) -> Self {
        match value {
            Value::Text(bytes) | Value::Bytes(bytes) | Value::Array(_, bytes) => Self::Bytes(bytes),
            Value::Signed(number) => Self::Signed(number),
            number => Self::Number(number.raw().unwrap_or(0)),
        }
    }
}

impl<'v> From<&FieldValue<'v>> for FieldValue<'v> {
    fn from(value: &FieldValue<'v>) -> Self {
        *value
    }
}

/// What a value is written to.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueDestination {
    /// Name of the message.
    pub message: &'static str,
    /// Name of the field or array.
    pub name: &'static str,
    /// Type of an element.
    pub ty: FieldType,
    /// Bits of an element.
    pub bits: u32,
}

impl ValueDestination {
    /// An array of single values behind the fixed part.
    pub fn array(message: &'static str, name: &'static str, ty: FieldType) -> Self {
        Self {
            message,
            name,
            ty,
            bits: 8 * u32::from(ty.size()),
        }
    }

    /// A field.
    pub fn field(message: &'static str, field: &Field) -> Self {
        Self {
            bits: (field.mask() >> field.mask().trailing_zeros()).count_ones(),
            ..Self::array(message, field.name, field.ty)
        }
    }

    /// The element's bits of a number.
    fn fit(&self, value: i128) -> Result<u64, EncodeError> {
        let most = u64::MAX >> (64 - self.bits.clamp(1, 64));
        let least = -(i128::from(most >> 1) + 1);
        if value < least || value > i128::from(most) {
            return Err(EncodeError::TooLarge {
                message: self.message,
                field: self.name,
                value,
                bits: self.bits,
            });
        }
        Ok(value as u64 & most)
    }

    /// How many elements of `size` bytes `length` bytes are.
    pub fn whole(&self, length: usize, size: usize) -> Result<usize, EncodeError> {
        if !length.is_multiple_of(size) {
            return Err(EncodeError::PartOfElement {
                message: self.message,
                field: self.name,
                length,
                size,
            });
        }
        Ok(length / size)
    }

    /// The number of a name, or of several names of bits.
    fn named(&self, text: &str) -> Result<u64, EncodeError> {
        let number = match self.ty {
            FieldType::Enum(names) => names.number_of(text),
            FieldType::NtStatus => STATUSES
                .iter()
                .find(|status| status.name == text)
                .map(|status| status.value.into()),
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                bits_of(set, text)
            }
            _ => None,
        };
        number.ok_or_else(|| EncodeError::UnknownName {
            message: self.message,
            field: self.name,
            name: text.to_owned(),
        })
    }
}

/// The bits that `a|b|c` names.
fn bits_of(set: &Flags, text: &str) -> Option<u64> {
    let mut bits = 0;
    for name in text.split('|').map(str::trim) {
        bits |= set.find(name)?.mask();
    }
    Some(bits)
}

impl FieldValue<'_> {
    /// Number of elements that it gives to a destination.
    pub(super) fn count(&self, to: &ValueDestination) -> Result<usize, EncodeError> {
        let size = usize::from(to.ty.size());
        Ok(match self {
            Self::Text(text) if matches!(to.ty, FieldType::Utf16) => text.encode_utf16().count(),
            Self::Number(_) | Self::Signed(_) | Self::Text(_) => 1,
            Self::Words(list) => list.len(),
            Self::Integers(list) => list.len(),
            Self::Numbers(list) => list.len(),
            Self::Bytes(bytes) => to.whole(bytes.len(), size)?,
        })
    }

    /// Hands over the numbers of the elements, in order, with their indices.
    pub(super) fn each(
        &self,
        to: &ValueDestination,
        mut element: impl FnMut(usize, u64),
    ) -> Result<(), EncodeError> {
        match *self {
            Self::Number(number) => element(0, to.fit(number.into())?),
            Self::Signed(number) => element(0, to.fit(number.into())?),
            Self::Text(text) if matches!(to.ty, FieldType::Utf16) => {
                for (index, unit) in text.encode_utf16().enumerate() {
                    element(index, unit.into());
                }
            }
            Self::Text(text) => element(0, to.named(text)?),
            Self::Bytes(bytes) => {
                let chunks = bytes.chunks_exact(usize::from(to.ty.size()));
                for (index, chunk) in chunks.enumerate() {
                    let number = chunk.iter().rev();
                    element(
                        index,
                        number.fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
                    );
                }
            }
            Self::Words(list) => numbered(list, to, element)?,
            Self::Integers(list) => numbered(list, to, element)?,
            Self::Numbers(list) => numbered(list, to, element)?,
        }
        Ok(())
    }
}

/// Hands over the numbers of a list that fit into their destination.
fn numbered<N: Copy + Into<i128>>(
    list: &[N],
    to: &ValueDestination,
    mut element: impl FnMut(usize, u64),
) -> Result<(), EncodeError> {
    for (index, number) in list.iter().enumerate() {
        element(index, to.fit((*number).into())?);
    }
    Ok(())
}
