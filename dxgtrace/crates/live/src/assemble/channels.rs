//! The channels of a capture, in the order in which they were first seen.
//!
//! Virtual GPUs are numbered by LUID, as far as the host offers them when the
//! first is seen: so a name means the same channel in every capture of a
//! machine. Those that come later have the next numbers.

use dxgtrace_doctor::VmbusChannels;
use dxgtrace_ebpf::record;

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::table::guid;

/// Channel number, kind and instance GUID: what tells channels apart.
type ChannelKey = (u32, ChannelKind, [u8; 16]);

/// The channels seen so far; an interface number is an index into them.
#[derive(Debug)]
pub(super) struct ChannelList {
    channels: Vec<Channel>,
    /// The interface that stands for the driver itself.
    driver: Option<u32>,
    /// Says what the host offers now.
    offered: fn() -> VmbusChannels,
    /// The virtual GPUs in the order of their numbers.
    vgpus: Vec<ChannelKey>,
    /// The other channels that were offered.
    others: Vec<ChannelKey>,
    /// Numbers of channels that the host has taken back; another device may have
    /// got them since.
    withdrawn: Vec<u32>,
}

impl ChannelList {
    /// Knows what the host offers now.
    pub(super) fn new(offered: fn() -> VmbusChannels) -> Self {
        let mut list = Self {
            channels: Vec::new(),
            driver: None,
            offered,
            vgpus: Vec::new(),
            others: Vec::new(),
            withdrawn: Vec::new(),
        };
        list.take_offered();
        list
    }

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
        self.interface_of_key((packet.relid, kind, record::bytes(packet.instance)))
    }

    /// The interface of a channel to which something happened; `None` if it is
    /// one of another device.
    pub(super) fn interface_of_event(&mut self, event: &record::ChannelRecord) -> Option<u32> {
        let relid = event.relid;
        if event.event != record::CHANNEL_RESCIND {
            let kind = ChannelKind::from_number_or_unknown(event.channel_kind);
            self.withdrawn.retain(|withdrawn| *withdrawn != relid);
            return Some(self.interface_of_key((relid, kind, record::bytes(event.instance))));
        }
        if self.withdrawn.contains(&relid) {
            return None;
        }
        let seen = self
            .channels
            .iter()
            .rposition(|channel| channel.relid == relid && channel.kind != ChannelKind::Unknown);
        let interface = match seen {
            Some(seen) => seen as u32,
            None => {
                let mut offered = self.vgpus.iter().chain(&self.others);
                let key = *offered.find(|(number, _, _)| *number == relid)?;
                self.interface_of_key(key)
            }
        };
        self.withdrawn.push(relid);
        Some(interface)
    }

    /// The interface of a channel, which is added if it is new.
    fn interface_of_key(&mut self, key: ChannelKey) -> u32 {
        let (relid, kind, instance) = key;
        let known = self.channels.iter().position(|channel| {
            channel.relid == relid && channel.kind == kind && channel.instance == Some(instance)
        });
        if let Some(known) = known {
            return known as u32;
        }
        let stem = match kind {
            ChannelKind::Global => "global",
            ChannelKind::Vgpu => "vgpu",
            ChannelKind::Unknown => "channel",
        };
        let number = match kind {
            ChannelKind::Vgpu => self.vgpu_number(key),
            _ => {
                let same = self.channels.iter();
                same.filter(|channel| channel.kind == kind).count()
            }
        };
        self.add(Channel {
            // There is one global channel, unless it is closed and offered again.
            name: match (kind, number) {
                (ChannelKind::Global, 0) => stem.into(),
                _ => format!("{stem}{number}"),
            },
            kind,
            relid,
            instance: Some(instance),
        })
    }

    fn vgpu_number(&mut self, key: ChannelKey) -> usize {
        if !self.vgpus.contains(&key) {
            self.take_offered();
        }
        let known = self.vgpus.iter().position(|vgpu| *vgpu == key);
        known.unwrap_or_else(|| {
            self.vgpus.push(key);
            self.vgpus.len() - 1
        })
    }

    /// Notes what the host offers now: numbers virtual GPUs by LUID.
    fn take_offered(&mut self) {
        let mut offered: Vec<ChannelKey> = (self.offered)()
            .into_iter()
            .filter_map(|(instance, channel)| {
                let kind = match channel.is_vgpu {
                    true => ChannelKind::Vgpu,
                    false => ChannelKind::Global,
                };
                Some((channel.relid?, kind, instance))
            })
            .collect();
        offered.sort_by_key(|(_, _, instance)| guid::luid(instance));
        for key in offered {
            let known = match key.1 {
                ChannelKind::Vgpu => &mut self.vgpus,
                _ => &mut self.others,
            };
            if !known.contains(&key) {
                known.push(key);
            }
        }
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
