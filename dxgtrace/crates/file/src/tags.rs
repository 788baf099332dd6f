//! The "exported PDU" tags before each pseudo-header. They name the dissector
//! that Wireshark calls. Always big endian.

use super::byte_order::ByteOrder;

/// The tags that this program writes: tag 12 (dissector name) with 8 bytes
/// `dxgtrace`, then the end tag.
pub(super) const TAGS: [u8; 16] = *b"\x00\x0c\x00\x08dxgtrace\x00\x00\x00\x00";

const END: u16 = 0;
const DISSECTOR_NAME: u16 = 12;
const NAME: &[u8] = b"dxgtrace";

/// Skips the tags and returns the offset of the pseudo-header; `None` unless
/// they name this program. Other tags may precede or follow the name, and the
/// name may be padded with NULs.
pub(super) fn skip(data: &[u8]) -> Option<usize> {
    if data.starts_with(&TAGS) {
        return Some(TAGS.len());
    }
    let mut at: usize = 0;
    let mut ours = false;
    loop {
        let tag = ByteOrder::Big.u16(data, at)?;
        let length = usize::from(ByteOrder::Big.u16(data, at + 2)?);
        let value = data.get(at + 4..)?.get(..length)?;
        at += 4 + length;
        match tag {
            END => return ours.then_some(at),
            DISSECTOR_NAME => ours = trim(value) == NAME,
            _ => {}
        }
    }
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_tags_are_recognised() {
        assert_eq!(skip(&TAGS), Some(16));
        assert_eq!(skip(&[&TAGS[..], &[1, 2, 3]].concat()), Some(16));
    }

    #[test]
    fn further_tags_and_padding_do_not_hide_the_name() {
        let tags =
            b"\x00\x21\x00\x04DXG\x00\x00\x0c\x00\x0cdxgtrace\x00\x00\x00\x00\x00\x00\x00\x00rest";
        assert_eq!(skip(tags), Some(tags.len() - 4));
    }

    #[test]
    fn other_names_and_damaged_tags_are_foreign() {
        assert_eq!(skip(b"\x00\x0c\x00\x08DXGTRACE\x00\x00\x00\x00"), None);
        assert_eq!(skip(b"\x00\x0c\x00\x03dns\x00\x00\x00\x00"), None);
        assert_eq!(skip(b"\x00\x00\x00\x00"), None);
        for cut in 0..TAGS.len() {
            assert_eq!(skip(&TAGS[..cut]), None);
        }
        assert_eq!(skip(b"\x00\x0c\xff\xffdxgtrace"), None);
    }
}
