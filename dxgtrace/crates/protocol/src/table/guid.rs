//! GUIDs in their usual text form. In memory, the first three groups are
//! little endian.

use std::fmt::Write as _;

/// The bytes of a GUID in the order of its text form.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The text form of a GUID as it stands in memory: lower case, no braces.
pub fn text(guid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, from) in TEXT_ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{:02x}", guid[from]);
    }
    text
}

/// The GUID of a text form, as it stands in memory.
pub fn parse(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    let mut guid = [0; 16];
    for (pair, to) in digits.as_bytes().chunks_exact(2).zip(TEXT_ORDER) {
        let high = char::from(*pair.first()?).to_digit(16)?;
        let low = char::from(*pair.last()?).to_digit(16)?;
        guid[to] = u8::try_from(high << 4 | low).ok()?;
    }
    Some(guid)
}

/// The identifier of an adapter in the guest: the first 8 bytes of its
/// channel's instance GUID, as high and low part.
pub fn luid(guid: &[u8; 16]) -> (u32, u32) {
    let word = |at: usize| {
        let bytes = guid.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    (word(4), word(0))
}
