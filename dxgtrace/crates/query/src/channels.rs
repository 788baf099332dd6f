//! Selection of channels, for `-i` and the capture filter.

use std::fmt::{self, Display};
use std::str::FromStr;

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::table::guid;

/// A way to name channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelSelector {
    /// Every channel.
    All,
    /// The channels with this name, such as `global` or `vgpu0`.
    Name(String),
    /// The virtual GPU with this LUID, high and low part.
    Luid(u32, u32),
    /// The channel with this instance GUID, in memory byte order.
    Instance([u8; 16]),
    /// The channel at this position in a list, counted from 1.
    Index(usize),
}

impl ChannelSelector {
    /// Whether it selects `channel`, which is at index `place`, counted from 0.
    pub fn matches(&self, channel: &Channel, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => channel.name == *name,
            Self::Luid(high, low) => {
                channel.kind == ChannelKind::Vgpu
                    && channel.instance.as_ref().map(guid::luid) == Some((*high, *low))
            }
            Self::Instance(instance) => channel.instance.as_ref() == Some(instance),
            Self::Index(index) => *index == place + 1,
        }
    }
}

impl FromStr for ChannelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(index) = text.parse() {
            return Ok(Self::Index(index));
        }
        if let Some(instance) = guid::parse(text.trim_matches(['{', '}'])) {
            return Ok(Self::Instance(instance));
        }
        if let Some((high, low)) = luid(text) {
            return Ok(Self::Luid(high, low));
        }
        let stem = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
        match stem {
            "global" | "vgpu" | "channel" | "unknown" => Ok(Self::Name(text.to_owned())),
            _ => Err(
                "say all, global, vgpu0 and so on, a LUID as 00000000-0001d4c5, a GUID, or a \
                 number of the list that -D prints"
                    .to_owned(),
            ),
        }
    }
}

/// A LUID as this program writes it.
fn luid(text: &str) -> Option<(u32, u32)> {
    let (high, low) = text.split_once('-')?;
    let part = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    part(high).zip(part(low))
}

impl Display for ChannelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Name(name) => f.write_str(name),
            Self::Luid(high, low) => write!(f, "{high:08x}-{low:08x}"),
            Self::Instance(instance) => f.write_str(&guid::text(instance)),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

/// The selected channels.
#[derive(Debug, Clone, Default)]
pub struct ChannelSelection {
    choices: Vec<ChannelSelector>,
    /// Whether each channel is selected, by index.
    known: Vec<bool>,
}

impl ChannelSelection {
    /// Selects the channels that any of `choices` matches; every channel if
    /// there are none.
    pub fn new(choices: Vec<ChannelSelector>) -> Self {
        let all = choices.contains(&ChannelSelector::All);
        Self {
            choices: if all { Vec::new() } else { choices },
            known: Vec::new(),
        }
    }

    /// Whether every channel is selected.
    pub fn includes_all(&self) -> bool {
        self.choices.is_empty()
    }

    /// Whether a packet is on a selected channel. Loss records belong to every
    /// channel.
    pub fn includes(&mut self, packet: &Packet<'_>, channels: &[Channel]) -> bool {
        if self.choices.is_empty()
            || packet.header.kind == dxgtrace_protocol::record::header::RecordKind::Lost
        {
            return true;
        }
        for (place, channel) in channels.iter().enumerate().skip(self.known.len()) {
            let chosen = self.choices.iter().any(|one| one.matches(channel, place));
            self.known.push(chosen);
        }
        let place = packet.interface as usize;
        self.known.get(place).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_channel_is_understood() {
        for text in [
            "all",
            "global",
            "vgpu12",
            "00000000-0001d4c5",
            "dde9cbc0-5060-4436-9448-ea1254a5d177",
            "3",
        ] {
            assert_eq!(text.parse::<ChannelSelector>().unwrap().to_string(), text);
        }
        for text in ["", "eth0", "vgpu0x", "1-", "{}"] {
            assert!(text.parse::<ChannelSelector>().is_err(), "{text}");
        }
    }
}
