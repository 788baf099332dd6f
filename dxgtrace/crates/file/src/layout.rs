//! What a file says about itself: its sections, interfaces and channels.
//!
//! Small and bounded whatever the file holds. A reader builds it while it walks
//! the file; afterwards it is all that is needed to fetch single records.

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{ChannelKind, RecordHeader};

use super::clock::InterfaceClock;
use super::description;
use super::error::BlockDamage;
use super::order::ByteOrder;

/// Sections, interfaces of one section, and interfaces and channels of a whole
/// file that are kept track of: far beyond any real capture, so that a made-up
/// file cannot grow memory.
const MAX_SECTIONS: usize = 1 << 16;
const MAX_INTERFACES_PER_SECTION: usize = 1 << 10;
const MAX_INTERFACES: usize = 1 << 16;
const MAX_CHANNELS: usize = 1 << 10;

/// The container format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    Pcapng,
    /// Classic pcap, whose fractions count so many per second.
    Classic {
        per_second: u64,
    },
}

/// A file's sections, interfaces and channels, as far as it has been read.
#[derive(Debug, Clone)]
pub struct FileLayout {
    pub(super) container: FileFormat,
    sections: Vec<Section>,
    /// Interfaces of all sections, in the order of the file.
    interfaces: Vec<FileInterface>,
    channels: Vec<Channel>,
    /// Channels that no interface describes, found by their packets.
    derived: Vec<Derived>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    offset: u64,
    pub order: ByteOrder,
    /// Index of its first interface in the list of all.
    first: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FileInterface {
    pub link: Link,
    pub clock: InterfaceClock,
    pub snap_length: u32,
}

/// Whose packets an interface carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Ours, of this channel.
    Channel(u32),
    /// Perhaps ours: the tags tell, and the pseudo-header tells the channel.
    Undescribed,
    /// Not ours.
    Foreign,
}

#[derive(Debug, Clone, Copy)]
struct Derived {
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
            derived: Vec::new(),
        }
    }

    /// The channels seen so far; [`dxgtrace_protocol::packet::Packet::interface`] is an
    /// index into them. Only ever appended to while a file is read.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Grows with everything that is added, so that whoever keeps a copy knows
    /// when it is out of date.
    pub fn extent(&self) -> usize {
        self.sections.len() + self.interfaces.len() + self.channels.len()
    }

    pub(super) fn begin_section(
        &mut self,
        offset: u64,
        order: ByteOrder,
    ) -> Result<(), BlockDamage> {
        bounded(self.sections.len(), MAX_SECTIONS, "sections")?;
        self.sections.push(Section {
            offset,
            order,
            first: self.interfaces.len(),
        });
        Ok(())
    }

    /// The section that is being read.
    pub(super) fn current(&self) -> Option<Section> {
        self.sections.last().copied()
    }

    /// The section in which the block at `offset` stands.
    pub(super) fn section_at(&self, offset: u64) -> Option<Section> {
        let after = self
            .sections
            .partition_point(|section| section.offset <= offset);
        self.sections.get(after.checked_sub(1)?).copied()
    }

    /// Interface `number` of `section`. The number comes from a packet that was
    /// read before, or from the section being read, so it cannot reach into
    /// the next section unless the packet is damaged.
    pub(super) fn interface(&self, section: Section, number: u32) -> Option<FileInterface> {
        let index = section.first.checked_add(number as usize)?;
        self.interfaces.get(index).copied()
    }

    /// Adds the interface that a section describes next.
    pub(super) fn describe(
        &mut self,
        interface: &InterfaceDescriptionBlock<'_>,
    ) -> Result<(), BlockDamage> {
        let link = if interface.linktype == DataLink::WIRESHARK_UPPER_PDU {
            self.link(interface)?
        } else {
            Link::Foreign
        };
        self.add(FileInterface {
            link,
            clock: InterfaceClock::of(interface),
            snap_length: interface.snaplen,
        })
    }

    pub(super) fn add(&mut self, interface: FileInterface) -> Result<(), BlockDamage> {
        let first = self.current().map_or(0, |section| section.first);
        bounded(
            self.interfaces.len().saturating_sub(first),
            MAX_INTERFACES_PER_SECTION,
            "interfaces in a section",
        )?;
        bounded(self.interfaces.len(), MAX_INTERFACES, "interfaces")?;
        self.interfaces.push(interface);
        Ok(())
    }

    fn link(&mut self, interface: &InterfaceDescriptionBlock<'_>) -> Result<Link, BlockDamage> {
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
        // Files of one capture that were joined repeat their interfaces: the
        // instance GUID says that it is the same channel.
        let known = self
            .channels
            .iter()
            .position(|known| channel.instance.is_some() && *known == channel);
        match known {
            Some(index) => Ok(Link::Channel(index as u32)),
            None => self.push(channel).map(Link::Channel),
        }
    }

    /// The channel of a packet, adding one that no interface describes.
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
                let is_vgpu = |derived: &&Derived| derived.kind == ChannelKind::Vgpu;
                format!("vgpu{}", self.derived.iter().filter(is_vgpu).count())
            }
            ChannelKind::Unknown => format!("channel{relid}"),
        };
        let channel = self.push(Channel {
            name,
            kind,
            relid,
            instance: None,
        })?;
        self.derived.push(Derived {
            relid,
            kind,
            channel,
        });
        Ok(channel)
    }

    /// The channel of a packet, if it is known already.
    #[inline]
    pub(super) fn find_channel(&self, link: Link, header: &RecordHeader) -> Option<u32> {
        if let Link::Channel(channel) = link {
            return Some(channel);
        }
        self.derived
            .iter()
            .find(|known| known.relid == header.channel && known.kind == header.channel_kind)
            .map(|known| known.channel)
    }

    fn push(&mut self, mut channel: Channel) -> Result<u32, BlockDamage> {
        bounded(self.channels.len(), MAX_CHANNELS, "channels")?;
        if channel.name.is_empty() {
            channel.name = format!("channel{}", channel.relid);
        }
        // Two machines' captures in one file: keep the names apart.
        while self.channels.iter().any(|known| known.name == channel.name) {
            channel.name = format!("{}-{}", channel.name, self.channels.len() + 1);
        }
        self.channels.push(channel);
        Ok((self.channels.len() - 1) as u32)
    }
}

fn bounded(count: usize, limit: usize, what: &'static str) -> Result<(), BlockDamage> {
    if count < limit {
        Ok(())
    } else {
        Err(BlockDamage::TooMany { what, limit })
    }
}
