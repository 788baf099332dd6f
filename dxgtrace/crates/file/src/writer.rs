//! Writes capture files, in whole blocks.

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
const BEFORE: usize = TAGS.len() + header::LENGTH;
/// Room kept in a block for everything but the message.
const ROOM: usize = 1 << 20;
/// A comment is cut to this many bytes; the format's limit is 65535.
const MAX_COMMENT: usize = 32 << 10;
/// All comments of a record together take at most this many bytes.
const MAX_COMMENTS: usize = 512 << 10;

/// Where and with what a capture was made: shown by `capinfos`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOrigin {
    /// Machine and processor; left out if empty.
    pub hardware: String,
    /// Operating system and kernel version; left out if empty.
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

/// When bytes go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlushPolicy {
    /// Every record is written at once, with one call. A kill costs at most the
    /// record being written, and whoever reads a pipe sees every record.
    #[default]
    EveryRecord,
    /// Whole blocks are collected until there are this many bytes, or until
    /// [`Writer::flush`]. For what can be made again: converting, cutting.
    Collect(usize),
}

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output refused: disk full, pipe closed.
    #[error("cannot write the capture: {0}")]
    Io(#[from] io::Error),
    /// The packet's interface is not in the list of channels.
    #[error("packet {number} is of channel {interface}, which does not exist")]
    UnknownChannel {
        /// The packet's number.
        number: u64,
        /// What it names as its channel.
        interface: u32,
    },
    /// The payload is longer than any block may be.
    #[error("packet {number} with {length} bytes does not fit into a block")]
    TooLong {
        /// The packet's number.
        number: u64,
        /// Its captured bytes.
        length: usize,
    },
    /// pcap-file refused the block.
    #[error("cannot form a block: {0}")]
    Format(String),
    /// Writing failed before; the output may end in the middle of a block.
    #[error("writing failed before")]
    Failed,
}

/// Writes records as pcapng. Only whole blocks are ever handed to the output,
/// so that whatever stops the program, at most the last block is incomplete.
pub struct Writer<W> {
    output: W,
    /// Forms the blocks in memory.
    blocks: PcapNgWriter<Vec<u8>>,
    flush: FlushPolicy,
    snap_length: usize,
    /// Interface numbers of the caller's channels.
    interfaces: Vec<Option<u32>>,
    /// The interface of losses that belong to no channel.
    orphan: Option<u32>,
    statistics: Vec<InterfaceStatistics>,
    data: Vec<u8>,
    written: u64,
    records: u64,
    failed: bool,
}

/// What the statistics block of an interface says.
#[derive(Debug, Clone, Copy, Default)]
struct InterfaceStatistics {
    received: u64,
    dropped: u64,
    first: u64,
    last: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file: writes its section header at once.
    ///
    /// # Errors
    /// The output refuses.
    pub fn new(output: W, about: &CaptureOrigin, flush: FlushPolicy) -> Result<Self, WriteError> {
        Self::with_comment(output, about, "", flush)
    }

    /// Begins a file with a comment on all of it, which Wireshark shows.
    ///
    /// # Errors
    /// The output refuses.
    pub fn with_comment(
        output: W,
        about: &CaptureOrigin,
        comment: &str,
        flush: FlushPolicy,
    ) -> Result<Self, WriteError> {
        let options = [
            (!comment.is_empty())
                .then(|| SectionHeaderOption::Common(CommonOption::Comment(short(comment).into()))),
            (!about.hardware.is_empty())
                .then(|| SectionHeaderOption::Hardware(short(&about.hardware).into())),
            (!about.os.is_empty()).then(|| SectionHeaderOption::OS(short(&about.os).into())),
            (!about.application.is_empty())
                .then(|| SectionHeaderOption::UserApplication(short(&about.application).into())),
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
            orphan: None,
            statistics: Vec::new(),
            data: Vec::new(),
            written: 0,
            records: 0,
            failed: false,
        };
        writer.hand_over()?;
        Ok(writer)
    }

    /// Keeps at most `bytes` of each message. Its true length stays in the
    /// record.
    #[must_use]
    pub fn with_snap_length(mut self, bytes: usize) -> Self {
        self.snap_length = bytes;
        self
    }

    /// Writes one record, and before the first one of a channel the interface
    /// that describes it.
    ///
    /// `channels` is the list into which [`Packet::interface`] points; it may
    /// grow between calls but not change. A loss may name a channel that does
    /// not exist: it belongs to none. `comments` are shown by Wireshark; very
    /// long ones are cut, and beyond half a megabyte on one record the rest is
    /// left out.
    ///
    /// # Errors
    /// After any error but [`WriteError::UnknownChannel`] and
    /// [`WriteError::TooLong`], nothing more can be written.
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
            RecordKind::Lost | RecordKind::Ioctl => packet.payload,
            _ => packet
                .payload
                .get(..self.snap_length)
                .unwrap_or(packet.payload),
        };
        if payload.len() > MAX_BLOCK - ROOM {
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
        let result = self.form(interface, packet, payload, lost, comments);
        self.failed = result.is_err();
        result?;
        self.records += 1;
        self.hand_over_if_due()
    }

    /// Describes all channels of the list that are not yet, so that they are in
    /// the file even if no record names them, and in the list's order.
    ///
    /// # Errors
    /// The output refuses.
    pub fn describe_all(&mut self, channels: &[Channel]) -> Result<(), WriteError> {
        for (index, channel) in channels.iter().enumerate() {
            if !matches!(self.interfaces.get(index), Some(Some(_))) {
                self.describe_as(index, channel)?;
            }
        }
        self.hand_over_if_due()
    }

    /// Hands all whole blocks to the output and flushes it.
    ///
    /// # Errors
    /// The output refuses.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.hand_over()?;
        self.output.flush().map_err(|error| self.fail(error))
    }

    /// Writes the closing statistics of every interface and gives the output
    /// back, flushed. A file without them is complete all the same.
    ///
    /// # Errors
    /// The output refuses.
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
            self.block(block)?;
        }
        self.flush()?;
        Ok(self.output)
    }

    /// Bytes written or about to be, for limits on a file's size.
    pub fn bytes(&self) -> u64 {
        self.written + self.blocks.get_ref().len() as u64
    }

    /// Interfaces described so far.
    pub fn interfaces(&self) -> usize {
        self.statistics.len()
    }

    /// Records written so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The interface number of a packet's channel, described if need be.
    fn interface(&mut self, packet: &Packet<'_>, channels: &[Channel]) -> Result<u32, WriteError> {
        let index = packet.interface as usize;
        if let Some(Some(number)) = self.interfaces.get(index) {
            return Ok(*number);
        }
        let Some(channel) = channels.get(index) else {
            if packet.header.kind == RecordKind::Lost {
                return self.orphan_interface();
            }
            return Err(WriteError::UnknownChannel {
                number: packet.number,
                interface: packet.interface,
            });
        };
        self.describe_as(index, channel)
    }

    fn describe_as(&mut self, index: usize, channel: &Channel) -> Result<u32, WriteError> {
        let number = self.describe(channel)?;
        if self.interfaces.len() <= index {
            self.interfaces.resize(index + 1, None);
        }
        if let Some(place) = self.interfaces.get_mut(index) {
            *place = Some(number);
        }
        Ok(number)
    }

    fn orphan_interface(&mut self) -> Result<u32, WriteError> {
        if let Some(number) = self.orphan {
            return Ok(number);
        }
        let number = self.describe(&Channel {
            name: "none".to_owned(),
            kind: ChannelKind::Unknown,
            relid: 0,
            instance: None,
        })?;
        self.orphan = Some(number);
        Ok(number)
    }

    fn describe(&mut self, channel: &Channel) -> Result<u32, WriteError> {
        let number = self.statistics.len() as u32;
        let snap_length = self.snap_length.saturating_add(BEFORE);
        let block = InterfaceDescriptionBlock {
            linktype: DataLink::WIRESHARK_UPPER_PDU,
            // 0 means no limit, which is also right when a limit is as large.
            snaplen: u32::try_from(snap_length).unwrap_or(0),
            options: vec![
                InterfaceDescriptionOption::IfName(short(&channel.name).into()),
                InterfaceDescriptionOption::IfDescription(description::describe(channel).into()),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ],
        };
        self.block(block)?;
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

    fn form(
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
            let comment = Cow::Borrowed(short(comment));
            // Its code, length and padding take up to 7 bytes.
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

        // Lent to the block and taken back, to keep its allocation.
        let data = std::mem::take(&mut self.data);
        let block = EnhancedPacketBlock {
            interface_id: interface,
            timestamp: Duration::from_nanos(packet.time),
            original_len: u32::try_from(whole.saturating_add(BEFORE)).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&data),
            options,
        };
        let result = self.block(block);
        self.data = data;
        result
    }

    fn block<'b, B: PcapNgBlock<'b>>(&mut self, block: B) -> Result<(), WriteError> {
        // The blocks go to memory, so this can only fail before any byte.
        self.blocks
            .write_pcapng_block(block)
            .map(drop)
            .map_err(format_error)
    }

    fn hand_over_if_due(&mut self) -> Result<(), WriteError> {
        match self.flush {
            FlushPolicy::EveryRecord => self.flush(),
            FlushPolicy::Collect(bytes) if self.blocks.get_ref().len() >= bytes => self.hand_over(),
            FlushPolicy::Collect(_) => Ok(()),
        }
    }

    fn hand_over(&mut self) -> Result<(), WriteError> {
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

/// `text`, cut to what an option can hold, between characters.
fn short(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_COMMENT);
    text.get(..end).unwrap_or(text)
}

fn format_error(error: PcapNgWriteError) -> WriteError {
    match error {
        PcapNgWriteError::Io(error) => WriteError::Io(error),
        other => WriteError::Format(other.to_string()),
    }
}
