//! The sections, interfaces and channels of a capture file.
//!
//! A [`Reader`](crate::Reader) collects them while it reads; a
//! [`RandomReader`](crate::RandomReader) needs them, and nothing else, to fetch
//! single records. The limits below bound the memory for any file.

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{ChannelKind, RecordHeader};

use super::byte_order::ByteOrder;
use super::clock::InterfaceClock;
use super::description;
use super::error::BlockDamage;

/// Limits per file, and for interfaces also per section. They are far above any
/// real capture; a crafted file cannot make the layout grow beyond them.
const MAX_SECTIONS: usize = 1 << 16;
const MAX_INTERFACES_PER_SECTION: usize = 1 << 10;
const MAX_INTERFACES: usize = 1 << 16;
const MAX_CHANNELS: usize = 1 << 10;

/// The container format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    Pcapng,
    Classic {
        /// Timestamp fraction units in a second.
        per_second: u64,
    },
}

/// The sections, interfaces and channels of the part of a file read so far.
#[derive(Debug, Clone)]
pub struct FileLayout {
    pub(super) container: FileFormat,
    sections: Vec<Section>,
    /// Interfaces of all sections, in file order.
    interfaces: Vec<FileInterface>,
    channels: Vec<Channel>,
    /// Channels that no interface describes; known from their packets only.
    undescribed: Vec<UndescribedChannel>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    offset: u64,
    pub order: ByteOrder,
    /// Index of the section's first interface in [`FileLayout::interfaces`].
    first: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FileInterface {
    pub link: Link,
    pub clock: InterfaceClock,
    pub snap_length: u32,
}

/// Which packets an interface carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Packets of this program, all of the channel with this index.
    Channel(u32),
    /// Exported PDUs without our description. The tags of each packet say
    /// whether this program wrote it, its pseudo-header names the channel.
    Undescribed,
    /// Packets of another link type.
    Foreign,
}

#[derive(Debug, Clone, Copy)]
struct UndescribedChannel {
    relid: u32,
    kind: ChannelKind,
    channel: u32,
}

impl FileLayout {
    pub(super) fn new(container: FileFormat) -> Self {
        Self {
            container,
            sections: Vec::new(),
            interfaces: Vec::new(),
            channels: Vec::new(),
            undescribed: Vec::new(),
        }
    }

    /// The channels found so far. [`dxgtrace_protocol::packet::Packet::interface`]
    /// is an index into them. Reading on only appends.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Number of sections, interfaces and channels. It grows whenever the layout
    /// changes, so that the holder of a copy knows when to renew it.
    pub fn extent(&self) -> usize {
        self.sections.len() + self.interfaces.len() + self.channels.len()
    }

    pub(super) fn begin_section(
        &mut self,
        offset: u64,
        order: ByteOrder,
    ) -> Result<(), BlockDamage> {
        check_count(self.sections.len(), MAX_SECTIONS, "sections")?;
        self.sections.push(Section {
            offset,
            order,
            first: self.interfaces.len(),
        });
        Ok(())
    }

    /// The section being read.
    pub(super) fn current(&self) -> Option<Section> {
        self.sections.last().copied()
    }

    /// The section that contains the block at `offset`.
    pub(super) fn section_at(&self, offset: u64) -> Option<Section> {
        let after = self
            .sections
            .partition_point(|section| section.offset <= offset);
        self.sections.get(after.checked_sub(1)?).copied()
    }

    /// Interface `number` of `section`. `section` is the one being read, or
    /// `number` was valid when the packet was first read; so only a damaged
    /// packet can reach an interface of the next section.
    pub(super) fn interface(&self, section: Section, number: u32) -> Option<FileInterface> {
        let index = section.first.checked_add(number as usize)?;
        self.interfaces.get(index).copied()
    }

    /// Adds an interface to the current section from its description block.
    pub(super) fn describe(
        &mut self,
        interface: &InterfaceDescriptionBlock<'_>,
    ) -> Result<(), BlockDamage> {
        let link = if interface.linktype == DataLink::WIRESHARK_UPPER_PDU {
            self.classify(interface)?
        } else {
            Link::Foreign
        };
        self.add_interface(FileInterface {
            link,
            clock: InterfaceClock::of(interface),
            snap_length: interface.snaplen,
        })
    }

    pub(super) fn add_interface(&mut self, interface: FileInterface) -> Result<(), BlockDamage> {
        let first = self.current().map_or(0, |section| section.first);
        check_count(
            self.interfaces.len().saturating_sub(first),
            MAX_INTERFACES_PER_SECTION,
            "interfaces in a section",
        )?;
        check_count(self.interfaces.len(), MAX_INTERFACES, "interfaces")?;
        self.interfaces.push(interface);
        Ok(())
    }

    fn classify(&mut self, interface: &InterfaceDescriptionBlock<'_>) -> Result<Link, BlockDamage> {
        let mut name = "";
        let mut text = "";
        for option in &interface.options {
            match option {
                InterfaceDescriptionOption::IfName(value) => name = value,
                InterfaceDescriptionOption::IfDescription(value) => text = value,
                _ => {}
            }
        }
        let Some(channel) = description::parse(name, text) else {
            return Ok(Link::Undescribed);
        };
        // A file merged from parts of one capture repeats its interfaces; equal
        // instance GUIDs mean the same channel.
        let known = self
            .channels
            .iter()
            .position(|known| channel.instance.is_some() && *known == channel);
        match known {
            Some(index) => Ok(Link::Channel(index as u32)),
            None => self.add_channel(channel).map(Link::Channel),
        }
    }

    /// The channel index of a packet. Adds the channel if no interface
    /// describes it and no earlier packet named it.
    #[inline]
    pub(super) fn channel(
        &mut self,
        link: Link,
        header: &RecordHeader,
    ) -> Result<u32, BlockDamage> {
        if let Some(channel) = self.find_channel(link, header) {
            return Ok(channel);
        }
        let (relid, kind) = (header.channel, header.channel_kind);
        let name = match kind {
            ChannelKind::Global => "global".to_owned(),
            ChannelKind::Vgpu => {
                let is_vgpu =
                    |undescribed: &&UndescribedChannel| undescribed.kind == ChannelKind::Vgpu;
                format!("vgpu{}", self.undescribed.iter().filter(is_vgpu).count())
            }
            ChannelKind::Unknown => format!("channel{relid}"),
        };
        let channel = self.add_channel(Channel {
            name,
            kind,
            relid,
            instance: None,
        })?;
        self.undescribed.push(UndescribedChannel {
            relid,
            kind,
            channel,
        });
        Ok(channel)
    }

    /// The channel index of a packet, if the channel is known.
    #[inline]
    pub(super) fn find_channel(&self, link: Link, header: &RecordHeader) -> Option<u32> {
        if let Link::Channel(channel) = link {
            return Some(channel);
        }
        self.undescribed
            .iter()
            .find(|known| known.relid == header.channel && known.kind == header.channel_kind)
            .map(|known| known.channel)
    }

    fn add_channel(&mut self, mut channel: Channel) -> Result<u32, BlockDamage> {
        check_count(self.channels.len(), MAX_CHANNELS, "channels")?;
        if channel.name.is_empty() {
            channel.name = format!("channel{}", channel.relid);
        }
        // Merged captures of two machines use the same names: make them unique.
        while self.channels.iter().any(|known| known.name == channel.name) {
            channel.name = format!("{}-{}", channel.name, self.channels.len() + 1);
        }
        self.channels.push(channel);
        Ok((self.channels.len() - 1) as u32)
    }
}

fn check_count(count: usize, limit: usize, what: &'static str) -> Result<(), BlockDamage> {
    if count < limit {
        Ok(())
    } else {
        Err(BlockDamage::TooMany { what, limit })
    }
}
