//! Writes numbers into the bits of fields.

use crate::schema::Field;

/// Writes `value` into the bits of `field`. `bytes` begin with the structure of the field.
/// Excess bits of `value` are dropped. Returns `None`, and writes nothing, if `bytes` are
/// too short.
pub fn write_field(bytes: &mut [u8], field: &Field, value: u64) -> Option<()> {
    let at = usize::from(field.at);
    let place = bytes.get_mut(at..at + usize::from(field.ty.size()))?;
    let mut word = [0; 8];
    word.get_mut(..place.len())?.copy_from_slice(place);
    let shift = field.bits.map_or(0, |(shift, _)| shift);
    let kept = u64::from_le_bytes(word) & !field.mask();
    let word = (kept | (value << shift & field.mask())).to_le_bytes();
    place.copy_from_slice(word.get(..place.len())?);
    Some(())
}

/// Writes the element `index` of an array field.
pub(super) fn write_element(bytes: &mut [u8], field: &Field, index: usize, number: u64) {
    let size = usize::from(field.ty.size());
    let at = usize::from(field.at) + index * size;
    if let Some(place) = bytes.get_mut(at..at + size) {
        write_number(place, number);
    }
}

/// Writes the low bytes of `number`.
pub(super) fn write_number(place: &mut [u8], number: u64) {
    for (byte, value) in place.iter_mut().zip(number.to_le_bytes()) {
        *byte = value;
    }
}
