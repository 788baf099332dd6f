//! GUIDs in text form and in memory order, in which the first three groups are little
//! endian.

use std::fmt::Write as _;

use crate::schema::text::fail_build;

/// The bytes of a GUID in the order of its text form.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The text form of a GUID in memory order: lower case, without braces.
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

/// Parses the text form of a GUID into memory order.
pub const fn parse(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut guid = [0; 16];
    let mut at = 0;
    let mut place = 0;
    while place < guid.len() {
        if matches!(place, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        let high = (text[at] as char).to_digit(16);
        let low = (text[at + 1] as char).to_digit(16);
        guid[TEXT_ORDER[place]] = match (high, low) {
            (Some(high), Some(low)) => (high << 4 | low) as u8,
            _ => return None,
        };
        at += 2;
        place += 1;
    }
    Some(guid)
}

/// Parses a GUID at compile time. An invalid text fails the build.
pub const fn from_literal(text: &str) -> [u8; 16] {
    match parse(text) {
        Some(guid) => guid,
        None => fail_build("GUID", "is not in text form:", text),
    }
}

/// The LUID of an adapter in the guest, from the first 8 bytes of the instance GUID of its
/// channel: high and low part.
pub fn luid(guid: &[u8; 16]) -> (u32, u32) {
    let word = |at: usize| {
        let bytes = guid.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    (word(4), word(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_form_is_read_into_memory_order_and_back() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let memory = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        assert_eq!(parse(text), Some(memory));
        assert_eq!(parse(&text.to_uppercase()), Some(memory));
        assert_eq!(super::text(&memory), text);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeeff0",
            "00112233+4455-6677-8899-aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233-4455-6677-8899-aabbccddee\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
