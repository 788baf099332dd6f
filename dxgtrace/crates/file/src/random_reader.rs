//! Reads single records by their position in the file.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use dxgtrace_protocol::packet::{Channel, Packet};

use super::MAX_BLOCK;
use super::block;
use super::byte_order::ByteOrder;
use super::error::{BlockDamage, ReadError};
use super::file_layout::{FileFormat, FileLayout};
use super::reader::PacketContent;
use super::record::{BlockOptions, FileRecord, RecordAt};

/// Reads records again that a [`super::Reader`] has returned. Keeps one block
/// in memory.
pub struct RandomReader<F> {
    file: F,
    layout: FileLayout,
    block: Vec<u8>,
    content: PacketContent,
}

impl<F: Read + Seek> RandomReader<F> {
    /// A reader of `file`. `layout` is that of the [`super::Reader`] which read
    /// the file first.
    pub fn new(file: F, layout: FileLayout) -> Self {
        Self {
            file,
            layout,
            block: Vec::new(),
            content: PacketContent::EMPTY,
        }
    }

    /// Replaces the layout, for a file that has grown.
    pub fn set_layout(&mut self, layout: FileLayout) {
        self.layout = layout;
    }

    /// The channels of the capture.
    pub fn channels(&self) -> &[Channel] {
        self.layout.channels()
    }

    /// Reads the record at `at`, which was record `number` of the first reading.
    ///
    /// # Errors
    /// The file cannot be read there, or has changed since it was first read.
    pub fn read_at(&mut self, number: u64, at: RecordAt) -> Result<FileRecord<'_>, ReadError> {
        let offset = at.offset;
        let damaged = |what| ReadError::Damaged {
            offset,
            records: number.saturating_sub(1),
            what,
        };
        let changed = || {
            damaged(BlockDamage::Description(
                "the record is no longer there: the file was changed".to_owned(),
            ))
        };
        if at.length as usize > MAX_BLOCK {
            return Err(changed());
        }
        self.block.resize(at.length as usize, 0);
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(&mut self.block))
            .map_err(|source| match source.kind() {
                ErrorKind::UnexpectedEof => changed(),
                _ => ReadError::Io { offset, source },
            })?;

        let section = self.layout.section_at(offset).ok_or_else(changed)?;
        let order = section.order;
        let parts = match self.layout.container {
            FileFormat::Pcapng => {
                let kind = order.u32(&self.block, 0).ok_or_else(changed)?;
                if order.u32(&self.block, 4) != Some(at.length) {
                    return Err(changed());
                }
                let snap_length = || {
                    let first = self.layout.interface(section, 0);
                    first.map_or(0, |first| first.snap_length)
                };
                block::split(kind, &self.block, order, snap_length).ok_or_else(changed)?
            }
            FileFormat::Classic { per_second } => {
                block::split_classic(&self.block, order, per_second)
            }
        }
        .map_err(damaged)?;
        let interface = self
            .layout
            .interface(section, parts.interface)
            .ok_or_else(changed)?;
        let content = &mut self.content;
        if !content
            .open(&self.block, &parts, &interface)
            .map_err(damaged)?
        {
            return Err(changed());
        }
        let channel = self
            .layout
            .find_channel(interface.link, &content.header)
            .ok_or_else(changed)?;
        Ok(FileRecord {
            packet: Packet {
                number,
                time: content.time,
                interface: channel,
                header: &content.header,
                payload: self.block.get(content.payload.clone()).unwrap_or(&[]),
            },
            channels: self.layout.channels(),
            at,
            options: BlockOptions {
                bytes: self.block.get(parts.options).unwrap_or(&[]),
                order: match self.layout.container {
                    FileFormat::Pcapng => order,
                    FileFormat::Classic { .. } => ByteOrder::Little,
                },
            },
        })
    }
}
