//! Reads a capture file or pipe once, from start to end.
//!
//! pcap-file parses section headers and interface descriptions. Packet blocks
//! are parsed here, in the input buffer: no allocation and no copy per packet.

use std::io::Read;
use std::ops::Range;

use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapTsResolution};
use pcap_file::pcapng::blocks::{
    CUSTOM_BLOCK_COPIABLE, CUSTOM_BLOCK_NON_COPIABLE, INTERFACE_DESCRIPTION_BLOCK,
    SECTION_HEADER_BLOCK, SYSTEMD_JOURNAL_EXPORT_BLOCK,
};
use pcap_file::pcapng::{PcapNgParseError, PcapNgParser, RawBlock};

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{HeaderError, RecordHeader};

use super::MAX_BLOCK;
use super::block::{self, PacketParts};
use super::byte_order::ByteOrder;
use super::clock::InterfaceClock;
use super::error::{BlockDamage, NotACapture, ReadError};
use super::file_layout::{FileFormat, FileInterface, FileLayout, Link};
use super::record::{BlockOptions, FileRecord, RecordAt};
use super::tags;
use super::window::InputWindow;

/// Longest section header and interface description that are accepted, in
/// bytes. Lower than for packets, since pcap-file keeps them in memory.
const MAX_SECTION_HEADER: usize = 1 << 20;
const MAX_DESCRIPTION: usize = 16 << 10;

/// Counts of the records in a file, returned and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileSummary {
    /// Records of any kind: the number of frames in Wireshark.
    pub records: u64,
    /// Records returned.
    pub packets: u64,
    /// Skipped records of other protocols or programs.
    pub foreign: u64,
    /// Skipped records whose kind or direction is unknown: written by a later
    /// version of this program.
    pub unsupported: u64,
    /// Skipped records whose content is damaged. The first one is returned as
    /// an error at the end of the file.
    pub damaged: u64,
}

/// Reads a capture from any [`Read`]; does its own buffering.
///
/// Memory is bounded by [`MAX_BLOCK`], whatever the length of the file.
pub struct Reader<R> {
    window: InputWindow<R>,
    parser: Option<PcapNgParser>,
    layout: FileLayout,
    summary: FileSummary,
    /// Length of the block that was parsed last and is still in the window,
    /// because the returned record borrows from it.
    consumed: usize,
    /// The record in that block. Filled in place, since returning it by value
    /// through the functions below costs time per packet.
    current: ParsedRecord,
    first_damage: Option<ReadError>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the first block of `input`: a pcapng section header, or the header
    /// of a classic pcap file with microseconds or nanoseconds.
    ///
    /// # Errors
    /// [`ReadError::NotACapture`], or the first block is incomplete or damaged.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut window = InputWindow::new(input);
        window
            .fill(24)
            .map_err(|source| ReadError::Io { offset: 0, source })?;
        let mut reader = Self {
            layout: FileLayout::new(FileFormat::Pcapng),
            parser: None,
            window,
            summary: FileSummary::default(),
            consumed: 0,
            current: ParsedRecord::EMPTY,
            first_damage: None,
            ended: false,
        };
        if reader
            .window
            .bytes()
            .starts_with(&SECTION_HEADER_BLOCK.to_be_bytes())
        {
            reader.begin_pcapng()?;
        } else {
            reader.begin_classic()?;
        }
        Ok(reader)
    }

    /// Reads up to the next record of this program; `None` at the end of the
    /// file.
    ///
    /// # Errors
    /// At most one, after which the reader returns `None`: where the next block
    /// cannot be located, or at the end of the file if single records were
    /// damaged.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<FileRecord<'_>>, ReadError> {
        if !self.advance()? {
            return Ok(None);
        }
        Ok(Some(self.current.record(
            self.summary.records,
            self.window.offset(),
            self.window.bytes(),
            self.layout.channels(),
        )))
    }

    /// The channels found so far. [`Packet::interface`] is an index into them.
    pub fn channels(&self) -> &[Channel] {
        self.layout.channels()
    }

    /// Counts of the records read so far.
    pub fn summary(&self) -> FileSummary {
        self.summary
    }

    /// Offset of the end of the last block read, in bytes.
    pub fn position(&self) -> u64 {
        self.window.offset() + self.consumed as u64
    }

    /// Sections, interfaces and channels found so far, for a
    /// [`super::RandomReader`].
    pub fn layout(&self) -> &FileLayout {
        &self.layout
    }

    /// Ends reading and returns the [`Reader::layout`].
    pub fn into_layout(self) -> FileLayout {
        self.layout
    }

    fn begin_pcapng(&mut self) -> Result<(), ReadError> {
        let Some(length) = self.read_block()? else {
            return Err(ReadError::NotACapture(NotACapture::Empty));
        };
        let first = self.window.bytes().get(..length).unwrap_or(&[]);
        let (_, parser) =
            PcapNgParser::new(first).map_err(|error| damaged(0, 0, format_damage(&error)))?;
        add_section(&mut self.layout, &parser, 0).map_err(|what| damaged(0, 0, what))?;
        self.parser = Some(parser);
        self.consumed = length;
        Ok(())
    }

    fn begin_classic(&mut self) -> Result<(), ReadError> {
        const HEADER: usize = 24;
        let bytes = self.window.bytes();
        let magic: [u8; 4] = match bytes.first_chunk() {
            Some(magic) => *magic,
            None => return Err(ReadError::NotACapture(detect_format(bytes))),
        };
        let is_classic = matches!(
            u32::from_be_bytes(magic),
            0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1
        );
        if !is_classic {
            return Err(ReadError::NotACapture(detect_format(bytes)));
        }
        let Ok((_, header)) = PcapHeader::from_slice(bytes) else {
            return Err(ReadError::Cut {
                offset: 0,
                records: 0,
                missing: HEADER.saturating_sub(bytes.len()) as u64,
                at_least: false,
            });
        };
        let per_second = match header.ts_resolution {
            PcapTsResolution::MicroSecond => 1_000_000,
            PcapTsResolution::NanoSecond => 1_000_000_000,
        };
        // The upper 16 bits describe frame check sequences.
        let link_type = DataLink::from(u32::from(header.datalink) & 0xffff);
        self.layout.container = FileFormat::Classic { per_second };
        self.layout
            .begin_section(0, header.endianness.into())
            .and_then(|()| {
                self.layout.add_interface(FileInterface {
                    link: if link_type == DataLink::WIRESHARK_UPPER_PDU {
                        Link::Undescribed
                    } else {
                        Link::Foreign
                    },
                    clock: InterfaceClock::decimal(1_000_000_000 / per_second),
                    snap_length: header.snaplen,
                })
            })
            .map_err(|what| damaged(0, 0, what))?;
        self.consumed = HEADER;
        Ok(())
    }

    /// Reads up to the next record of this program and stores it in `current`;
    /// false at the end of the file.
    fn advance(&mut self) -> Result<bool, ReadError> {
        if self.ended {
            return Ok(false);
        }
        loop {
            self.window.consume(std::mem::take(&mut self.consumed));
            let step = match self.layout.container {
                FileFormat::Pcapng => self.step_pcapng(),
                FileFormat::Classic { per_second } => self.step_classic(per_second),
            };
            match step {
                Ok(BlockStep::Record) => {
                    self.summary.packets += 1;
                    return Ok(true);
                }
                Ok(BlockStep::Skipped) => {}
                Ok(BlockStep::End) => {
                    self.ended = true;
                    return match self.first_damage.take() {
                        Some(error) => Err(error),
                        None => Ok(false),
                    };
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
    }

    #[inline]
    fn step_pcapng(&mut self) -> Result<BlockStep, ReadError> {
        let Some(length) = self.read_block()? else {
            return Ok(BlockStep::End);
        };
        self.consumed = length;
        let block = self.window.bytes().get(..length).unwrap_or(&[]);
        let Some(section) = self.layout.current() else {
            return Ok(BlockStep::End);
        };
        match section.order.u32(block, 0).unwrap_or(0) {
            SECTION_HEADER_BLOCK | INTERFACE_DESCRIPTION_BLOCK => self.read_description(length),
            // Wireshark shows these as frames, so they count as records.
            SYSTEMD_JOURNAL_EXPORT_BLOCK | CUSTOM_BLOCK_COPIABLE | CUSTOM_BLOCK_NON_COPIABLE => {
                self.summary.records += 1;
                self.summary.foreign += 1;
                Ok(BlockStep::Skipped)
            }
            kind => {
                let snap_length = || {
                    let first = self.layout.interface(section, 0);
                    first.map_or(0, |first| first.snap_length)
                };
                Ok(
                    match block::split(kind, block, section.order, snap_length) {
                        Some(parts) => self.take_record(parts, length),
                        None => BlockStep::Skipped,
                    },
                )
            }
        }
    }

    /// Adds a section header or an interface description to the layout.
    #[cold]
    fn read_description(&mut self, length: usize) -> Result<BlockStep, ReadError> {
        let offset = self.window.offset();
        let records = self.summary.records;
        let failed = |what| damaged(offset, records, what);
        let block = self.window.bytes().get(..length).unwrap_or(&[]);
        let Some(parser) = self.parser.as_mut() else {
            return Ok(BlockStep::End);
        };
        let kind = match parser.next_raw_block(block) {
            Ok((_, RawBlock { type_, .. })) => type_,
            Err(error) => return Err(failed(format_damage(&error))),
        };
        if kind == SECTION_HEADER_BLOCK {
            add_section(&mut self.layout, parser, offset).map_err(failed)?;
        } else if let Some(interface) = parser.interfaces().last() {
            self.layout.describe(interface).map_err(failed)?;
        }
        Ok(BlockStep::Skipped)
    }

    fn step_classic(&mut self, per_second: u64) -> Result<BlockStep, ReadError> {
        let Some(order) = self.layout.current().map(|section| section.order) else {
            return Ok(BlockStep::End);
        };
        if !self.fill(block::CLASSIC)? {
            return match self.window.bytes().len() {
                0 => Ok(BlockStep::End),
                had => Err(self.cut_error(block::CLASSIC - had, true)),
            };
        }
        let captured = block::classic_length(self.window.bytes(), order).unwrap_or(0);
        let length = block::CLASSIC.saturating_add(captured as usize);
        self.check_limit(length as u64, MAX_BLOCK)?;
        if !self.fill(length)? {
            return Err(self.cut_error(length - self.window.bytes().len(), false));
        }
        self.consumed = length;
        let record = self.window.bytes().get(..length).unwrap_or(&[]);
        let parts = block::split_classic(record, order, per_second);
        Ok(self.take_record(parts, length))
    }

    /// Counts the record in the block of `length` bytes at the window's start
    /// and, if this program wrote it, stores it in `current`.
    #[inline]
    fn take_record(&mut self, parts: Result<PacketParts, BlockDamage>, length: usize) -> BlockStep {
        self.summary.records += 1;
        match parts.and_then(|parts| self.locate(parts, length)) {
            Ok(step) => step,
            Err(what) => self.skip_record(what),
        }
    }

    #[inline]
    fn locate(&mut self, parts: PacketParts, length: usize) -> Result<BlockStep, BlockDamage> {
        let block = self.window.bytes().get(..length).unwrap_or(&[]);
        let Some(section) = self.layout.current() else {
            return Ok(BlockStep::Skipped);
        };
        let interface = self.layout.interface(section, parts.interface);
        let interface = interface.ok_or(BlockDamage::UnknownInterface(parts.interface))?;
        let record = &mut self.current;
        if !record.content.open(block, &parts, &interface)? {
            self.summary.foreign += 1;
            return Ok(BlockStep::Skipped);
        }
        record.channel = self
            .layout
            .channel(interface.link, &record.content.header)?;
        record.order = section.order;
        record.options = parts.options;
        // At most MAX_BLOCK.
        record.length = length as u32;
        Ok(BlockStep::Record)
    }

    /// Counts a record that is skipped because of `what`.
    #[cold]
    fn skip_record(&mut self, what: BlockDamage) -> BlockStep {
        if let BlockDamage::Header(HeaderError::UnknownKind(_) | HeaderError::UnknownDirection(_)) =
            what
        {
            self.summary.unsupported += 1;
        } else {
            self.summary.damaged += 1;
            let before = self.summary.records - 1;
            let offset = self.window.offset();
            self.first_damage
                .get_or_insert_with(|| damaged(offset, before, what));
        }
        BlockStep::Skipped
    }

    /// Reads the next block completely into the window and returns its length;
    /// `None` at the end of the input.
    fn read_block(&mut self) -> Result<Option<usize>, ReadError> {
        const LEAST: usize = 12;
        if !self.fill(LEAST)? {
            return match self.window.bytes().len() {
                0 => Ok(None),
                had => Err(self.cut_error(LEAST - had, true)),
            };
        }
        let bytes = self.window.bytes();
        let kind = ByteOrder::Little.u32(bytes, 0).unwrap_or(0);
        let order = if kind == SECTION_HEADER_BLOCK {
            // This block type reads the same in both byte orders. The byte-order
            // magic after the length decides.
            match bytes.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => ByteOrder::Big,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => ByteOrder::Little,
                _ => {
                    let what = "section header without byte order mark".to_owned();
                    return Err(self.damage_error(BlockDamage::Description(what)));
                }
            }
        } else {
            self.layout
                .current()
                .map_or(ByteOrder::Little, |section| section.order)
        };
        let length = order.u32(bytes, 4).unwrap_or(0);
        if length < LEAST as u32 || length % 4 != 0 {
            let zeros = bytes.get(..LEAST) == Some(&[0; LEAST]);
            return Err(self.damage_error(if zeros {
                BlockDamage::Zeros
            } else {
                BlockDamage::BlockLength(length)
            }));
        }
        let limit = match order.u32(bytes, 0) {
            Some(SECTION_HEADER_BLOCK) => MAX_SECTION_HEADER,
            Some(INTERFACE_DESCRIPTION_BLOCK) => MAX_DESCRIPTION,
            _ => MAX_BLOCK,
        };
        self.check_limit(length.into(), limit)?;
        let length = length as usize;
        if !self.fill(length)? {
            return Err(self.cut_error(length - self.window.bytes().len(), false));
        }
        let head = length as u32;
        match order.u32(self.window.bytes(), length - 4) {
            Some(tail) if tail != head => {
                Err(self.damage_error(BlockDamage::LengthsDiffer { head, tail }))
            }
            _ => Ok(Some(length)),
        }
    }

    fn fill(&mut self, wanted: usize) -> Result<bool, ReadError> {
        let offset = self.window.offset();
        self.window
            .fill(wanted)
            .map_err(|source| ReadError::Io { offset, source })
    }

    fn check_limit(&self, length: u64, limit: usize) -> Result<(), ReadError> {
        if length > limit as u64 {
            return Err(self.damage_error(BlockDamage::TooLong { length, limit }));
        }
        Ok(())
    }

    #[cold]
    fn cut_error(&self, missing: usize, at_least: bool) -> ReadError {
        ReadError::Cut {
            offset: self.window.offset(),
            records: self.summary.records,
            missing: missing as u64,
            at_least,
        }
    }

    #[cold]
    fn damage_error(&self, what: BlockDamage) -> ReadError {
        damaged(self.window.offset(), self.summary.records, what)
    }
}

/// The outcome of reading one block.
enum BlockStep {
    /// A record, now in [`Reader::current`].
    Record,
    Skipped,
    End,
}

/// A record without the bytes that it borrows from the window.
struct ParsedRecord {
    content: PacketContent,
    channel: u32,
    order: ByteOrder,
    options: Range<usize>,
    length: u32,
}

impl ParsedRecord {
    const EMPTY: Self = Self {
        content: PacketContent::EMPTY,
        channel: 0,
        order: ByteOrder::Little,
        options: 0..0,
        length: 0,
    };

    /// Builds record `number` from `block`, which starts at `offset` in the
    /// file.
    #[inline]
    fn record<'a>(
        &'a self,
        number: u64,
        offset: u64,
        block: &'a [u8],
        channels: &'a [Channel],
    ) -> FileRecord<'a> {
        FileRecord {
            packet: Packet {
                number,
                time: self.content.time,
                interface: self.channel,
                header: &self.content.header,
                payload: block.get(self.content.payload.clone()).unwrap_or(&[]),
            },
            channels,
            at: RecordAt {
                offset,
                length: self.length,
            },
            options: BlockOptions {
                bytes: block.get(self.options.clone()).unwrap_or(&[]),
                order: self.order,
            },
        }
    }
}

/// The content of a packet block that this program wrote. `payload` is a range
/// of offsets from the block's first byte.
pub(super) struct PacketContent {
    pub header: RecordHeader,
    pub time: u64,
    pub payload: Range<usize>,
}

impl PacketContent {
    pub(super) const EMPTY: Self = Self {
        header: RecordHeader::EMPTY,
        time: 0,
        payload: 0..0,
    };

    /// Parses tags, pseudo-header and time of a packet block; false if this
    /// program did not write it.
    #[inline]
    pub(super) fn open(
        &mut self,
        block: &[u8],
        parts: &PacketParts,
        interface: &FileInterface,
    ) -> Result<bool, BlockDamage> {
        if interface.link == Link::Foreign {
            return Ok(false);
        }
        let data = block.get(parts.data.clone()).unwrap_or(&[]);
        let Some(tags) = tags::skip(data) else {
            return Ok(false);
        };
        let header = data.get(tags..).unwrap_or(&[]);
        let length = self.header.read(header).map_err(BlockDamage::Header)?;
        self.time = match parts.ticks {
            Some(ticks) => interface
                .clock
                .nanoseconds(ticks)
                .ok_or(BlockDamage::Time)?,
            None => 0,
        };
        self.payload = parts.data.start + tags + length..parts.data.end;
        Ok(true)
    }
}

/// Adds the section whose header pcap-file has just parsed to `layout`.
fn add_section(
    layout: &mut FileLayout,
    parser: &PcapNgParser,
    offset: u64,
) -> Result<(), BlockDamage> {
    let section = parser.section();
    if section.major_version != 1 {
        return Err(BlockDamage::Description(format!(
            "pcapng version {}.{} is not known",
            section.major_version, section.minor_version
        )));
    }
    layout.begin_section(offset, section.endianness.into())
}

#[cold]
fn damaged(offset: u64, records: u64, what: BlockDamage) -> ReadError {
    ReadError::Damaged {
        offset,
        records,
        what,
    }
}

/// Converts an error of pcap-file, with all its causes in the text.
fn format_damage(error: &PcapNgParseError) -> BlockDamage {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    BlockDamage::Description(text)
}

/// Names the format of an input that does not start as a capture file.
fn detect_format(bytes: &[u8]) -> NotACapture {
    match bytes {
        [] => NotACapture::Empty,
        [0x1f, 0x8b, ..] => NotACapture::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => NotACapture::Zstd,
        [0xfd, b'7', b'z', b'X', ..] => NotACapture::Xz,
        // Magic number of the "modified" pcap format, in both byte orders.
        [0xa1, 0xb2, 0xcd, 0x34, ..] | [0x34, 0xcd, 0xb2, 0xa1, ..] => NotACapture::OtherPcap,
        _ if bytes
            .iter()
            .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..)) =>
        {
            NotACapture::Text
        }
        _ => {
            let mut first = [0; 4];
            for (to, from) in first.iter_mut().zip(bytes) {
                *to = *from;
            }
            NotACapture::Other(first)
        }
    }
}
