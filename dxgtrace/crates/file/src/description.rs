//! The channel in the `if_description` option of an interface:
//! `dxgkrnl relid=21 instance=<GUID> type=<GUID>`.
//!
//! Words are separated by one space. Every `key=value` but `relid` is optional,
//! unknown keys are skipped, and GUIDs are in the usual text form, lower case,
//! without braces.

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

/// First word of every description that this program writes.
const MARK: &str = "dxgkrnl";
/// Longest channel name that is kept, in characters.
const NAME: usize = 32;

/// Formats the description of `channel`.
pub(super) fn describe(channel: &Channel) -> String {
    let mut text = format!("{MARK} relid={}", channel.relid);
    if let Some(instance) = &channel.instance {
        text.push_str(" instance=");
        text.push_str(&guid::text(instance));
    }
    let kind = match channel.kind {
        ChannelKind::Global => Some(&GLOBAL_CHANNEL),
        ChannelKind::Vgpu => Some(&VGPU_CHANNEL),
        ChannelKind::Unknown => None,
    };
    if let Some(kind) = kind {
        text.push_str(" type=");
        text.push_str(&guid::text(kind));
    }
    text
}

/// Parses the `if_name` and `if_description` of an interface; `None` if the
/// description was not written by this program.
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
            "instance" => instance = guid::parse(value),
            "type" => {
                kind = match guid::parse(value) {
                    Some(GLOBAL_CHANNEL) => ChannelKind::Global,
                    Some(VGPU_CHANNEL) => ChannelKind::Vgpu,
                    _ => ChannelKind::Unknown,
                }
            }
            _ => {}
        }
    }
    // The file is untrusted, and names are printed to terminals.
    let plain = |letter: char| {
        if letter.is_ascii_graphic() {
            letter
        } else {
            '?'
        }
    };
    Some(Channel {
        name: name.chars().take(NAME).map(plain).collect(),
        kind,
        relid: relid?,
        instance,
    })
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
