//! What an interface's description says about its channel:
//! `dxgkrnl relid=21 instance=<GUID> type=<GUID>`.
//!
//! Words are separated by one space. Every `key=value` may be absent, keys of
//! later versions are passed over, and GUIDs are in the usual text form, lower
//! case, without braces.

use std::fmt::Write as _;

use crate::capture::header::ChannelKind;
use crate::packet::Channel;

/// First word of every description: a foreign interface has another.
const MARK: &str = "dxgkrnl";
/// Interface type of the VM-wide channel, as it stands in memory.
const GLOBAL: [u8; 16] = *b"\xc0\xcb\xe9\xdd\x60\x50\x36\x44\x94\x48\xea\x12\x54\xa5\xd1\x77";
/// Interface type of a virtual GPU's channel, as it stands in memory.
const VGPU: [u8; 16] = *b"\x18\x2d\x38\x6e\x36\x33\x4b\x4f\xac\xc4\x2b\x77\x03\xd4\xdf\x4a";

/// The description of `channel`.
pub(super) fn describe(channel: &Channel) -> String {
    let mut text = format!("{MARK} relid={}", channel.relid);
    if let Some(instance) = &channel.instance {
        text.push_str(" instance=");
        push_guid(&mut text, instance);
    }
    let kind = match channel.kind {
        ChannelKind::Global => Some(&GLOBAL),
        ChannelKind::Vgpu => Some(&VGPU),
        ChannelKind::Unknown => None,
    };
    if let Some(kind) = kind {
        text.push_str(" type=");
        push_guid(&mut text, kind);
    }
    text
}

/// The channel that an interface with this name and description stands for,
/// or `None` if the description is not one of ours.
pub(super) fn parse(name: &str, description: &str) -> Option<Channel> {
    let mut words = description.split(' ');
    if words.next() != Some(MARK) {
        return None;
    }
    let mut relid = None;
    let mut instance = None;
    let mut kind = ChannelKind::Unknown;
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        match key {
            "relid" => relid = value.parse().ok(),
            "instance" => instance = parse_guid(value),
            "type" => {
                kind = match parse_guid(value) {
                    Some(GLOBAL) => ChannelKind::Global,
                    Some(VGPU) => ChannelKind::Vgpu,
                    _ => ChannelKind::Unknown,
                }
            }
            _ => {}
        }
    }
    Some(Channel {
        name: name.to_owned(),
        kind,
        relid: relid?,
        instance,
    })
}

/// The bytes of a GUID in the order of its text form: the first three groups
/// are little endian in memory.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

fn push_guid(text: &mut String, guid: &[u8; 16]) {
    for (place, from) in TEXT_ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{:02x}", guid[from]);
    }
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn vgpu() -> Channel {
        Channel {
            name: "vgpu0".into(),
            kind: ChannelKind::Vgpu,
            relid: 21,
            instance: Some(*b"\xb3\xa2\x01\0\0\0\0\0\x9f\x31\x1c\x55\x7a\x02\xd4\x66"),
        }
    }

    #[test]
    fn a_channel_is_described_in_the_documented_form() {
        assert_eq!(
            describe(&vgpu()),
            "dxgkrnl relid=21 instance=0001a2b3-0000-0000-9f31-1c557a02d466 \
             type=6e382d18-3336-4f4b-acc4-2b7703d4df4a"
        );
    }

    #[test]
    fn a_description_gives_back_the_channel() {
        let bare = Channel {
            name: "x".into(),
            kind: ChannelKind::Unknown,
            relid: 0,
            instance: None,
        };
        let global = Channel {
            kind: ChannelKind::Global,
            ..vgpu()
        };
        for channel in [vgpu(), bare, global] {
            assert_eq!(
                parse(&channel.name, &describe(&channel)).as_ref(),
                Some(&channel)
            );
        }
    }

    #[test]
    fn the_global_type_is_written_as_the_kernel_prints_it() {
        let global = Channel {
            kind: ChannelKind::Global,
            instance: None,
            ..vgpu()
        };
        assert_eq!(
            describe(&global),
            "dxgkrnl relid=21 type=dde9cbc0-5060-4436-9448-ea1254a5d177"
        );
    }

    #[test]
    fn later_keys_are_passed_over_and_foreign_text_is_refused() {
        assert!(parse("a", "dxgkrnl colour=red relid=7 x instance=zz").is_some());
        assert_eq!(parse("a", "dxgkrnl"), None);
        assert_eq!(parse("a", "eth0 relid=7"), None);
        assert_eq!(parse("a", ""), None);
        let odd = parse(
            "a",
            "dxgkrnl relid=7 instance=é001a2b-0000-0000-9f31-1c557a02d466",
        );
        assert_eq!(odd.and_then(|channel| channel.instance), None);
    }
}
