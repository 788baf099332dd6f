//! Writes capture files. Blocks are encoded in memory and written whole.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::{
    InterfaceStatisticsBlock, InterfaceStatisticsOption,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{self, ChannelKind, Direction, LostPackets, RecordKind};

use super::MAX_BLOCK;
use super::description;
use super::tags::TAGS;

/// Bytes before every message: tags and pseudo-header.
const PREFIX: usize = TAGS.len() + header::LENGTH;
/// Bytes of a block reserved for everything but the message.
const RESERVED: usize = 1 << 20;
/// Longest comment, in bytes; longer ones are truncated. The format's limit is
/// 65535.
const MAX_COMMENT: usize = 32 << 10;
/// Limit for all comments of a record together, in bytes.
const MAX_COMMENTS: usize = 512 << 10;

/// Machine and program that made a capture. `capinfos` shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOrigin {
    /// Machine and processor; not written if empty.
    pub hardware: String,
    /// Operating system and kernel version; not written if empty.
    pub os: String,
    /// Program and version that wrote the file.
    pub application: String,
}

impl Default for CaptureOrigin {
    fn default() -> Self {
        Self {
            hardware: std::env::consts::ARCH.to_owned(),
            os: std::env::consts::OS.to_owned(),
            application: concat!("dxgtrace ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// When encoded blocks are passed to the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlushPolicy {
    /// After every record, with one `write` call. If the program is killed, at
    /// most the last record is incomplete; the reader of a pipe gets every
    /// record at once.
    #[default]
    EveryRecord,
    /// When this many bytes have been collected, and on [`Writer::flush`]. For
    /// output that can be made again: converting or cutting a file.
    Collect(usize),
}

/// Errors of writing a capture file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output failed, for example because the disk is full or the pipe is
    /// closed.
    #[error("cannot write the capture: {0}")]
    Io(#[from] io::Error),
    /// The packet's interface is not in the list of channels.
    #[error("packet {number} names channel {interface}, which does not exist")]
    UnknownChannel {
        /// The packet's number.
        number: u64,
        /// The packet's [`Packet::interface`].
        interface: u32,
    },
    /// The payload does not fit into the longest block.
    #[error("packet {number} with {length} bytes does not fit into a block")]
    TooLong {
        /// The packet's number.
        number: u64,
        /// Captured length of the packet, in bytes.
        length: usize,
    },
    /// pcap-file cannot encode the block.
    #[error("cannot encode a block: {0}")]
    Format(String),
    /// An earlier call failed; the output may end in the middle of a block.
    #[error("an earlier write failed")]
    Failed,
}

/// Writes records as pcapng. The output is passed whole blocks only, so that at
/// most the last block is incomplete when the program is stopped.
pub struct Writer<W> {
    output: W,
    /// Encoded blocks that were not yet passed to the output.
    blocks: PcapNgWriter<Vec<u8>>,
    flush: FlushPolicy,
    snap_length: usize,
    /// Interface number of each of the caller's channels, once described.
    interfaces: Vec<Option<u32>>,
    /// Interface of losses that belong to no channel, once described.
    channelless: Option<u32>,
    /// By interface number.
    statistics: Vec<InterfaceStatistics>,
    /// Data of the packet block being encoded; kept for its allocation.
    data: Vec<u8>,
    written: u64,
    records: u64,
    failed: bool,
}

/// Content of an interface's statistics block: counts, and times in nanoseconds
/// since 1970.
#[derive(Debug, Clone, Copy, Default)]
struct InterfaceStatistics {
    received: u64,
    dropped: u64,
    first: u64,
    last: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file: writes the section header immediately.
    ///
    /// # Errors
    /// The output fails.
    pub fn new(output: W, origin: &CaptureOrigin, flush: FlushPolicy) -> Result<Self, WriteError> {
        Self::with_comment(output, origin, "", flush)
    }

    /// Begins a file whose section header carries `comment`, which Wireshark
    /// shows in the file's properties.
    ///
    /// # Errors
    /// The output fails.
    pub fn with_comment(
        output: W,
        origin: &CaptureOrigin,
        comment: &str,
        flush: FlushPolicy,
    ) -> Result<Self, WriteError> {
        let options = [
            (!comment.is_empty()).then(|| {
                SectionHeaderOption::Common(CommonOption::Comment(truncated(comment).into()))
            }),
            (!origin.hardware.is_empty())
                .then(|| SectionHeaderOption::Hardware(truncated(&origin.hardware).into())),
            (!origin.os.is_empty()).then(|| SectionHeaderOption::OS(truncated(&origin.os).into())),
            (!origin.application.is_empty()).then(|| {
                SectionHeaderOption::UserApplication(truncated(&origin.application).into())
            }),
        ];
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: options.into_iter().flatten().collect(),
            ..SectionHeaderBlock::default()
        };
        let mut writer = Self {
            output,
            blocks: PcapNgWriter::with_section_header(Vec::new(), section).map_err(format_error)?,
            flush,
            snap_length: usize::MAX,
            interfaces: Vec::new(),
            channelless: None,
            statistics: Vec::new(),
            data: Vec::new(),
            written: 0,
            records: 0,
            failed: false,
        };
        writer.write_out()?;
        Ok(writer)
    }

    /// Truncates messages to `bytes`. The record keeps the original length.
    #[must_use]
    pub fn with_snap_length(mut self, bytes: usize) -> Self {
        self.snap_length = bytes;
        self
    }

    /// Writes one record, preceded by an interface description if it is the
    /// first of its channel.
    ///
    /// `channels` is the list that [`Packet::interface`] is an index into;
    /// between calls it may grow, but existing entries must not change. The
    /// index of a loss record may be out of range: the loss belongs to no
    /// channel. `comments` are shown by Wireshark; each is truncated to 32 KiB,
    /// and those beyond 512 KiB per record are dropped.
    ///
    /// # Errors
    /// The writer is unusable after any error but
    /// [`WriteError::UnknownChannel`] and [`WriteError::TooLong`].
    pub fn write(
        &mut self,
        packet: &Packet<'_>,
        channels: &[Channel],
        comments: &[String],
    ) -> Result<(), WriteError> {
        if self.failed {
            return Err(WriteError::Failed);
        }
        let payload = match packet.header.kind {
            kind if !kind.has_message() => packet.payload,
            _ => packet
                .payload
                .get(..self.snap_length)
                .unwrap_or(packet.payload),
        };
        if payload.len() > MAX_BLOCK - RESERVED {
            return Err(WriteError::TooLong {
                number: packet.number,
                length: payload.len(),
            });
        }
        let interface = self.interface(packet, channels)?;
        let lost = match packet.header.kind {
            RecordKind::Lost => LostPackets::decode(payload).map(|lost| lost.total()),
            _ => None,
        };
        self.count(interface, packet.time, lost);
        let result = self.packet_block(interface, packet, payload, lost, comments);
        self.failed = result.is_err();
        result?;
        self.records += 1;
        self.write_out_if_due()
    }

    /// Writes the interface descriptions of all `channels` that have none yet,
    /// in the order of the list, whether or not a record follows.
    ///
    /// # Errors
    /// The output fails.
    pub fn describe_all(&mut self, channels: &[Channel]) -> Result<(), WriteError> {
        for (index, channel) in channels.iter().enumerate() {
            if !matches!(self.interfaces.get(index), Some(Some(_))) {
                self.describe_channel(index, channel)?;
            }
        }
        self.write_out_if_due()
    }

    /// Passes all collected blocks to the output and flushes it.
    ///
    /// # Errors
    /// The output fails.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.write_out()?;
        self.output.flush().map_err(|error| self.fail(error))
    }

    /// Writes the statistics block of every interface and returns the flushed
    /// output. A file without these blocks is valid too.
    ///
    /// # Errors
    /// The output fails.
    pub fn finish(mut self) -> Result<W, WriteError> {
        for (number, statistics) in self.statistics.clone().into_iter().enumerate() {
            let block = InterfaceStatisticsBlock {
                interface_id: number as u32,
                timestamp: Duration::from_nanos(statistics.last),
                options: vec![
                    InterfaceStatisticsOption::IsbStartTime(Duration::from_nanos(statistics.first)),
                    InterfaceStatisticsOption::IsbEndTime(Duration::from_nanos(statistics.last)),
                    InterfaceStatisticsOption::IsbIfRecv(statistics.received),
                    InterfaceStatisticsOption::IsbIfDrop(statistics.dropped),
                ],
            };
            self.add_block(block)?;
        }
        self.flush()?;
        Ok(self.output)
    }

    /// Size of the file in bytes, including blocks not yet passed to the output.
    pub fn bytes(&self) -> u64 {
        self.written + self.blocks.get_ref().len() as u64
    }

    /// Number of interface descriptions written.
    pub fn interfaces(&self) -> usize {
        self.statistics.len()
    }

    /// Number of records written.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The interface number of the packet's channel. Describes it if it is new.
    fn interface(&mut self, packet: &Packet<'_>, channels: &[Channel]) -> Result<u32, WriteError> {
        let index = packet.interface as usize;
        if let Some(Some(number)) = self.interfaces.get(index) {
            return Ok(*number);
        }
        let Some(channel) = channels.get(index) else {
            if packet.header.kind == RecordKind::Lost {
                return self.channelless_interface();
            }
            return Err(WriteError::UnknownChannel {
                number: packet.number,
                interface: packet.interface,
            });
        };
        self.describe_channel(index, channel)
    }

    fn describe_channel(&mut self, index: usize, channel: &Channel) -> Result<u32, WriteError> {
        let number = self.add_interface(channel)?;
        if self.interfaces.len() <= index {
            self.interfaces.resize(index + 1, None);
        }
        if let Some(place) = self.interfaces.get_mut(index) {
            *place = Some(number);
        }
        Ok(number)
    }

    fn channelless_interface(&mut self) -> Result<u32, WriteError> {
        if let Some(number) = self.channelless {
            return Ok(number);
        }
        let number = self.add_interface(&Channel {
            name: "none".to_owned(),
            kind: ChannelKind::Unknown,
            relid: 0,
            instance: None,
        })?;
        self.channelless = Some(number);
        Ok(number)
    }

    fn add_interface(&mut self, channel: &Channel) -> Result<u32, WriteError> {
        let number = self.statistics.len() as u32;
        let snap_length = self.snap_length.saturating_add(PREFIX);
        let block = InterfaceDescriptionBlock {
            linktype: DataLink::WIRESHARK_UPPER_PDU,
            // 0 means unlimited; so does a limit above u32::MAX.
            snaplen: u32::try_from(snap_length).unwrap_or(0),
            options: vec![
                InterfaceDescriptionOption::IfName(truncated(&channel.name).into()),
                InterfaceDescriptionOption::IfDescription(description::describe(channel).into()),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ],
        };
        self.add_block(block)?;
        self.statistics.push(InterfaceStatistics::default());
        Ok(number)
    }

    fn count(&mut self, interface: u32, time: u64, lost: Option<u64>) {
        if let Some(statistics) = self.statistics.get_mut(interface as usize) {
            if statistics.first == 0 {
                statistics.first = time;
            }
            statistics.last = statistics.last.max(time);
            match lost {
                Some(lost) => statistics.dropped = statistics.dropped.saturating_add(lost),
                None => statistics.received += 1,
            }
        }
    }

    fn packet_block(
        &mut self,
        interface: u32,
        packet: &Packet<'_>,
        payload: &[u8],
        lost: Option<u64>,
        comments: &[String],
    ) -> Result<(), WriteError> {
        const INBOUND: u32 = 1;
        const OUTBOUND: u32 = 2;
        self.data.clear();
        self.data.extend_from_slice(&TAGS);
        self.data.extend_from_slice(&packet.header.encode());
        self.data.extend_from_slice(payload);
        let whole = (packet.header.payload_length as usize).max(packet.payload.len());

        let mut options = Vec::with_capacity(2 + comments.len());
        let mut room = MAX_COMMENTS;
        for comment in comments {
            let comment = Cow::Borrowed(truncated(comment));
            // Code, length and padding of an option take up to 7 bytes.
            room = match room.checked_sub(comment.len() + 7) {
                Some(room) => room,
                None => break,
            };
            options.push(EnhancedPacketOption::Common(CommonOption::Comment(comment)));
        }
        options.push(EnhancedPacketOption::Flags(match packet.header.direction {
            Direction::HostToGuest => INBOUND,
            Direction::GuestToHost => OUTBOUND,
        }));
        options.extend(lost.map(EnhancedPacketOption::DropCount));

        // Taken out because the block borrows it while `self` is borrowed too.
        let data = std::mem::take(&mut self.data);
        let block = EnhancedPacketBlock {
            interface_id: interface,
            timestamp: Duration::from_nanos(packet.time),
            original_len: u32::try_from(whole.saturating_add(PREFIX)).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&data),
            options,
        };
        let result = self.add_block(block);
        self.data = data;
        result
    }

    fn add_block<'b, B: PcapNgBlock<'b>>(&mut self, block: B) -> Result<(), WriteError> {
        // Writing to memory cannot fail, and encoding fails before it writes: no
        // partial block can result.
        self.blocks
            .write_pcapng_block(block)
            .map(drop)
            .map_err(format_error)
    }

    fn write_out_if_due(&mut self) -> Result<(), WriteError> {
        match self.flush {
            FlushPolicy::EveryRecord => self.flush(),
            FlushPolicy::Collect(bytes) if self.blocks.get_ref().len() >= bytes => self.write_out(),
            FlushPolicy::Collect(_) => Ok(()),
        }
    }

    fn write_out(&mut self) -> Result<(), WriteError> {
        if self.failed {
            return Err(WriteError::Failed);
        }
        let result = self.output.write_all(self.blocks.get_ref());
        result.map_err(|error| self.fail(error))?;
        self.written += self.blocks.get_ref().len() as u64;
        self.blocks.get_mut().clear();
        Ok(())
    }

    fn fail(&mut self, error: io::Error) -> WriteError {
        self.failed = true;
        WriteError::Io(error)
    }
}

/// `text`, truncated to [`MAX_COMMENT`] bytes at a character boundary.
fn truncated(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_COMMENT);
    text.get(..end).unwrap_or(text)
}

fn format_error(error: PcapNgWriteError) -> WriteError {
    match error {
        PcapNgWriteError::Io(error) => WriteError::Io(error),
        other => WriteError::Format(other.to_string()),
    }
}
