//! Fetches single records by their position.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use dxgtrace_protocol::packet::{Channel, Packet};

use super::MAX_BLOCK;
use super::block;
use super::error::{BlockDamage, ReadError};
use super::layout::{FileFormat, FileLayout};
use super::order::ByteOrder;
use super::reader::PacketContent;
use super::record::{BlockOptions, FileRecord, RecordAt};

/// Reads records again that a [`super::Reader`] has passed. Keeps one block in
/// memory.
pub struct RandomReader<F> {
    file: F,
    layout: FileLayout,
    block: Vec<u8>,
    inner: PacketContent,
}

impl<F: Read + Seek> RandomReader<F> {
    /// Reads from `file`, whose layout a reader has found.
    pub fn new(file: F, layout: FileLayout) -> Self {
        Self {
            file,
            layout,
            block: Vec::new(),
            inner: PacketContent::NOTHING,
        }
    }

    /// Takes over what a reader has found since: a growing file.
    pub fn set_layout(&mut self, layout: FileLayout) {
        self.layout = layout;
    }

    /// The channels of the capture.
    pub fn channels(&self) -> &[Channel] {
        self.layout.channels()
    }

    /// The record at `at`, which a reader gave out as record `number`.
    ///
    /// # Errors
    /// The file cannot be read there, or has been changed in the meantime.
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
        let inner = &mut self.inner;
        if !inner
            .open(&self.block, &parts, &interface)
            .map_err(damaged)?
        {
            return Err(changed());
        }
        let channel = self
            .layout
            .find_channel(interface.link, &inner.header)
            .ok_or_else(changed)?;
        Ok(FileRecord {
            packet: Packet {
                number,
                time: inner.time,
                interface: channel,
                header: &inner.header,
                payload: self.block.get(inner.payload.clone()).unwrap_or(&[]),
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
