//! Where a number stands in a part of a message.

use super::ty::FieldType;
use super::values::Bit;

/// A number at an offset, or some of its bits. Decoder, session and filters read all
/// numbers by these; the names that lead to them are resolved while compiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitSlice {
    /// Offset in bytes from the start of the part or structure.
    pub at: u16,
    /// Bytes of the word that is read there.
    pub size: u8,
    /// The lowest of its bits that counts.
    pub shift: u8,
    /// Whether the word is a 4-byte signed number.
    pub signed: bool,
    /// The bits of the word that count, in place.
    pub mask: u64,
}

impl BitSlice {
    /// A whole value of type `ty` at offset `at`.
    pub const fn whole(at: u16, ty: FieldType) -> Self {
        let size = ty.size() as u8;
        Self {
            at,
            size,
            shift: 0,
            signed: match ty {
                FieldType::I32 => true,
                FieldType::Enum(names) => names.signed,
                _ => false,
            },
            mask: u64::MAX >> (64 - 8 * size as u32),
        }
    }

    /// Of this number, the `width` bits from bit `shift` on.
    pub(super) const fn bits(mut self, shift: u8, width: u8) -> Self {
        self.mask = match width {
            // A mistake, which stops the build when the whole layout is checked.
            0 => 0,
            width => (u64::MAX >> (64 - width as u32)) << shift,
        };
        self.shift = shift;
        self.signed = false;
        self
    }

    /// Of this number, a bit or bit group.
    pub fn bit(mut self, bit: &Bit) -> Self {
        self.mask &= bit.mask() << self.shift;
        self.shift += bit.shift;
        self.signed = false;
        self
    }

    /// How many bits the number has.
    pub fn width(&self) -> u32 {
        self.mask.count_ones()
    }

    /// The number, from the word that holds it.
    pub const fn of(&self, word: u64) -> u64 {
        (word & self.mask) >> self.shift
    }

    /// The same with its sign.
    pub fn signed_of(&self, word: u64) -> i128 {
        match self.signed {
            true => i128::from(self.of(word) as u32 as i32),
            false => i128::from(self.of(word)),
        }
    }
}
