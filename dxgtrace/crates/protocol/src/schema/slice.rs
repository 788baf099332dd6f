//! The position of a number in a part of a message.

use super::ty::FieldType;
use super::values::Bit;

/// A number at an offset, or some of its bits. Decoder, session and filters read all
/// numbers this way. Names are resolved to slices at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitSlice {
    /// Offset in bytes from the start of the part or structure.
    pub at: u16,
    /// Size in bytes of the word at that offset.
    pub size: u8,
    /// The lowest bit of the number in the word.
    pub shift: u8,
    /// Whether the number is a signed 4-byte number.
    pub signed: bool,
    /// The bits of the number in the word, in place.
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

    /// The `width` bits of the word from bit `shift` on.
    pub(super) const fn bits(mut self, shift: u8, width: u8) -> Self {
        self.mask = match width {
            // A mistake; the check of the whole layout fails the build.
            0 => 0,
            width => (u64::MAX >> (64 - width as u32)) << shift,
        };
        self.shift = shift;
        self.signed = false;
        self
    }

    /// A bit or bit group of this number.
    pub fn bit(mut self, bit: &Bit) -> Self {
        self.mask &= bit.mask() << self.shift;
        self.shift += bit.shift;
        self.signed = false;
        self
    }

    /// Width of the number in bits.
    pub fn width(&self) -> u32 {
        self.mask.count_ones()
    }

    /// Extracts the number from the word that holds it.
    pub const fn extract(&self, word: u64) -> u64 {
        (word & self.mask) >> self.shift
    }

    /// Extracts the number from the word that holds it, with its sign.
    pub fn extract_signed(&self, word: u64) -> i128 {
        match self.signed {
            true => i128::from(self.extract(word) as u32 as i32),
            false => i128::from(self.extract(word)),
        }
    }
}
