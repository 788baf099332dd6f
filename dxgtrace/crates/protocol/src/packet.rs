//! One packet as every consumer sees it, live or from a file.

use crate::record::header::{RecordHeader, RecordKind};

/// A packet of a capture, borrowed from the buffer that holds it.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Number of the record in the capture, from 1, as in Wireshark.
    pub number: u64,
    /// Time in nanoseconds since 1970-01-01 UTC.
    pub time: u64,
    /// Index into the capture's list of channels (pcapng interface number).
    pub interface: u32,
    /// The record header.
    pub header: &'a RecordHeader,
    /// The captured bytes of the message or, in records of other kinds, the counts.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// Whether the payload was cut by the snap length.
    pub fn is_cut(&self) -> bool {
        self.payload.len() < self.header.payload_length as usize
    }

    /// Whether the record is a packet on the channel: not a refused send, a loss or an
    /// ioctl.
    pub fn is_message(&self) -> bool {
        self.header.kind == RecordKind::Packet
    }
}

/// A VMBus channel of the capture: one pcapng interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Short name, unique in the capture: `global`, `vgpu0`, `vgpu1` and so on.
    pub name: String,
    /// Interface type.
    pub kind: crate::record::header::ChannelKind,
    /// VMBus channel number (`child_relid`).
    pub relid: u32,
    /// Instance GUID in memory order, if known. For the channel of a virtual GPU, the
    /// first 8 bytes are the adapter LUID in user mode.
    pub instance: Option<[u8; 16]>,
}
