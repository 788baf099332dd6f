//! The values that fields and arrays can be set to.

use super::error::EncodeError;
use crate::decode::Value;
use crate::schema::values::Flags;
use crate::schema::{Field, FieldType};
use crate::table::statuses::STATUSES;

/// A value that a field or an array can be set to.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue<'v> {
    /// A number, handle, status, address or truth value.
    Number(u64),
    /// A signed number.
    Signed(i64),
    /// The text of a UTF-16 field; for other fields, the name of a value or names of bits
    /// separated by `|`.
    Text(&'v str),
    /// The elements of an array as encoded bytes.
    Bytes(&'v [u8]),
    /// The elements of an array, as 32-bit numbers.
    Words(&'v [u32]),
    /// The elements of an array, as literals without a suffix, such as `&[1, 2]`.
    Integers(&'v [i32]),
    /// The elements of an array, as 64-bit numbers.
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
            number => Self::Number(number.as_number().unwrap_or(0)),
        }
    }
}

impl<'v> From<&FieldValue<'v>> for FieldValue<'v> {
    fn from(value: &FieldValue<'v>) -> Self {
        *value
    }
}

/// The field or array to which a value is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueDestination {
    /// Name of the message.
    pub message: &'static str,
    /// Name of the field or array.
    pub name: &'static str,
    /// Type of one element.
    pub ty: FieldType,
    /// Width of one element in bits.
    pub bits: u32,
}

impl ValueDestination {
    /// Makes the destination for an array of single values after the fixed part.
    pub fn array(message: &'static str, name: &'static str, ty: FieldType) -> Self {
        Self {
            message,
            name,
            ty,
            bits: 8 * u32::from(ty.size()),
        }
    }

    /// Makes the destination for a field.
    pub fn field(message: &'static str, field: &Field) -> Self {
        Self {
            bits: (field.mask() >> field.mask().trailing_zeros()).count_ones(),
            ..Self::array(message, field.name, field.ty)
        }
    }

    /// The bits of `value`, or an error if it does not fit into an element.
    fn truncate_checked(&self, value: i128) -> Result<u64, EncodeError> {
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

    /// Number of elements of `size` bytes in `length` bytes, or an error if the last one is
    /// incomplete.
    pub fn element_count(&self, length: usize, size: usize) -> Result<usize, EncodeError> {
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

    /// The number called `text`, or the bits whose names `text` lists.
    fn number_named(&self, text: &str) -> Result<u64, EncodeError> {
        let number = match self.ty {
            FieldType::Enum(names) => names.number_of(text),
            FieldType::NtStatus => STATUSES
                .iter()
                .find(|status| status.name == text)
                .map(|status| status.value.into()),
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                bits_named(set, text)
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

/// The bits whose names `text` lists, separated by `|`.
fn bits_named(set: &Flags, text: &str) -> Option<u64> {
    let mut bits = 0;
    for name in text.split('|').map(str::trim) {
        bits |= set.find(name)?.mask();
    }
    Some(bits)
}

impl FieldValue<'_> {
    /// Number of elements that the value has in the destination.
    pub(super) fn count(&self, to: &ValueDestination) -> Result<usize, EncodeError> {
        let size = usize::from(to.ty.size());
        Ok(match self {
            Self::Text(text) if matches!(to.ty, FieldType::Utf16) => text.encode_utf16().count(),
            Self::Number(_) | Self::Signed(_) | Self::Text(_) => 1,
            Self::Words(list) => list.len(),
            Self::Integers(list) => list.len(),
            Self::Numbers(list) => list.len(),
            Self::Bytes(bytes) => to.element_count(bytes.len(), size)?,
        })
    }

    /// Calls `element` with index and number of every element, in order.
    pub(super) fn for_each_number(
        &self,
        to: &ValueDestination,
        mut element: impl FnMut(usize, u64),
    ) -> Result<(), EncodeError> {
        match *self {
            Self::Number(number) => element(0, to.truncate_checked(number.into())?),
            Self::Signed(number) => element(0, to.truncate_checked(number.into())?),
            Self::Text(text) if matches!(to.ty, FieldType::Utf16) => {
                for (index, unit) in text.encode_utf16().enumerate() {
                    element(index, unit.into());
                }
            }
            Self::Text(text) => element(0, to.number_named(text)?),
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
            Self::Words(list) => for_each_fitting(list, to, element)?,
            Self::Integers(list) => for_each_fitting(list, to, element)?,
            Self::Numbers(list) => for_each_fitting(list, to, element)?,
        }
        Ok(())
    }
}

/// Calls `element` with index and number of every element of `list`.
fn for_each_fitting<N: Copy + Into<i128>>(
    list: &[N],
    to: &ValueDestination,
    mut element: impl FnMut(usize, u64),
) -> Result<(), EncodeError> {
    for (index, number) in list.iter().enumerate() {
        element(index, to.truncate_checked((*number).into())?);
    }
    Ok(())
}
