//! Splits packet blocks into their parts. Done here because pcap-file's typed
//! blocks allocate a list of options per packet.

use std::ops::Range;

use pcap_file::pcapng::blocks::{ENHANCED_PACKET_BLOCK, PACKET_BLOCK, SIMPLE_PACKET_BLOCK};

use super::byte_order::ByteOrder;
use super::error::BlockDamage;

/// The parts of a packet block. Ranges are offsets from the block's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PacketParts {
    /// Number of the interface within its section.
    pub interface: u32,
    /// Timestamp in ticks of the interface; `None` for simple packet blocks,
    /// which carry none.
    pub ticks: Option<u64>,
    /// Captured bytes.
    pub data: Range<usize>,
    /// Options, up to the trailing block length.
    pub options: Range<usize>,
}

/// Splits a complete pcapng block of type `kind`; `None` if `kind` is not a
/// packet block.
///
/// `snap_length` returns the snap length of the section's interface 0. A simple
/// packet block does not carry its captured length, so it is derived from that.
#[inline]
pub(super) fn split(
    kind: u32,
    block: &[u8],
    order: ByteOrder,
    snap_length: impl FnOnce() -> u32,
) -> Option<Result<PacketParts, BlockDamage>> {
    let parts = match kind {
        ENHANCED_PACKET_BLOCK => split_timed(block, order, order.u32(block, 8)),
        PACKET_BLOCK => split_timed(block, order, order.u16(block, 8).map(u32::from)),
        SIMPLE_PACKET_BLOCK => split_simple(block, order, snap_length()),
        _ => return None,
    };
    Some(parts)
}

/// Bytes of type, length and trailing length around a block's body.
const FRAME: usize = 12;

#[inline]
fn split_timed(
    block: &[u8],
    order: ByteOrder,
    interface: Option<u32>,
) -> Result<PacketParts, BlockDamage> {
    const DATA: usize = 28;
    let short = || BlockDamage::ShortBlock(block.len());
    let head = block.first_chunk::<DATA>().ok_or_else(short)?;
    let end = block.len() - 4;
    if end < DATA {
        return Err(short());
    }
    let high = order.u32(head, 12).ok_or_else(short)?;
    let low = order.u32(head, 16).ok_or_else(short)?;
    let captured = order.u32(head, 20).ok_or_else(short)?;
    let length = captured as usize;
    let data = DATA..DATA.saturating_add(length);
    let padded = data.end.saturating_add(length.wrapping_neg() % 4);
    if padded > end {
        return Err(BlockDamage::CapturedLength { captured });
    }
    Ok(PacketParts {
        interface: interface.ok_or_else(short)?,
        ticks: Some(u64::from(high) << 32 | u64::from(low)),
        data,
        options: padded..end,
    })
}

fn split_simple(
    block: &[u8],
    order: ByteOrder,
    snap_length: u32,
) -> Result<PacketParts, BlockDamage> {
    const DATA: usize = 12;
    let original = order
        .u32(block, 8)
        .filter(|_| block.len() >= FRAME + 4)
        .ok_or(BlockDamage::ShortBlock(block.len()))?;
    let captured = match snap_length {
        0 => original,
        limit => original.min(limit),
    };
    let end = block.len() - 4;
    let data = DATA..DATA.saturating_add(captured as usize);
    if data.end > end {
        return Err(BlockDamage::CapturedLength { captured });
    }
    Ok(PacketParts {
        interface: 0,
        ticks: None,
        data,
        options: end..end,
    })
}

/// Length of the header of a classic pcap record, in bytes.
pub(super) const CLASSIC: usize = 16;

/// Captured length of the classic pcap record at the start of `bytes`.
pub(super) fn classic_length(bytes: &[u8], order: ByteOrder) -> Option<u32> {
    order.u32(bytes, 8)
}

/// Splits a complete classic pcap record. `per_second` is the number of
/// fraction units in a second: a million or a billion.
pub(super) fn split_classic(
    record: &[u8],
    order: ByteOrder,
    per_second: u64,
) -> Result<PacketParts, BlockDamage> {
    let short = || BlockDamage::ShortBlock(record.len());
    let seconds = order.u32(record, 0).ok_or_else(short)?;
    let fraction = order.u32(record, 4).ok_or_else(short)?;
    if record.len() < CLASSIC {
        return Err(short());
    }
    Ok(PacketParts {
        interface: 0,
        ticks: Some(u64::from(seconds) * per_second + u64::from(fraction)),
        data: CLASSIC..record.len(),
        options: record.len()..record.len(),
    })
}
