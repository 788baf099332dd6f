//! The channels of a capture, in the order in which they were first seen.

use dxgtrace_ebpf::record;

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;

/// The channels seen so far; an interface number is an index into them.
#[derive(Debug, Default)]
pub(super) struct ChannelList {
    channels: Vec<Channel>,
    /// The interface that stands for the driver itself.
    driver: Option<u32>,
}

impl ChannelList {
    pub(super) fn all(&self) -> &[Channel] {
        &self.channels
    }

    /// The channel of an interface.
    pub(super) fn get(&self, interface: u32) -> Option<&Channel> {
        self.channels.get(interface as usize)
    }

    /// The interface of a packet's channel, which is added if it is new.
    pub(super) fn interface_of(&mut self, packet: &record::PacketRecord) -> u32 {
        let kind = ChannelKind::from_number_or_unknown(packet.channel_kind);
        let instance = Some(record::bytes(packet.instance));
        let known = self.channels.iter().position(|channel| {
            channel.relid == packet.relid && channel.kind == kind && channel.instance == instance
        });
        if let Some(known) = known {
            return known as u32;
        }
        let stem = match kind {
            ChannelKind::Global => "global",
            ChannelKind::Vgpu => "vgpu",
            ChannelKind::Unknown => "channel",
        };
        let same = self.channels.iter();
        let same = same.filter(|channel| channel.kind == kind).count();
        self.add(Channel {
            // There is one global channel, unless it is closed and offered again.
            name: match (kind, same) {
                (ChannelKind::Global, 0) => stem.into(),
                _ => format!("{stem}{same}"),
            },
            kind,
            relid: packet.relid,
            instance,
        })
    }

    /// The interface for records that belong to the driver as a whole.
    pub(super) fn driver_interface(&mut self) -> u32 {
        match self.driver {
            Some(interface) => interface,
            None => {
                let interface = self.add(placeholder("driver"));
                *self.driver.insert(interface)
            }
        }
    }

    /// Adds a channel of unknown kind if there is none yet: a file needs one.
    pub(super) fn ensure_one(&mut self) {
        if self.channels.is_empty() {
            self.add(placeholder("unknown"));
        }
    }

    fn add(&mut self, channel: Channel) -> u32 {
        self.channels.push(channel);
        (self.channels.len() - 1) as u32
    }
}

fn placeholder(name: &str) -> Channel {
    Channel {
        name: name.into(),
        kind: ChannelKind::Unknown,
        relid: 0,
        instance: None,
    }
}
