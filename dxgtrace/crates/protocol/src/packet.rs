//! One packet as every consumer sees it, live or from a file.

use crate::record::header::{RecordHeader, RecordKind};

/// A packet of a capture, borrowed from the buffer that holds it.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Position in the capture, counted from 1 over all records, as
    /// Wireshark's frame number.
    pub number: u64,
    /// Time in nanoseconds since 1970-01-01 UTC.
    pub time: u64,
    /// Index into the capture's list of channels (pcapng interface number).
    pub interface: u32,
    /// What the recorder knew besides the bytes.
    pub header: &'a RecordHeader,
    /// The captured bytes: a message, or of [`RecordKind::Lost`] the counts.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// Whether the payload was cut by the snap length.
    pub fn is_cut(&self) -> bool {
        self.payload.len() < self.header.payload_length as usize
    }

    /// Whether this is a message that really travelled, as opposed to a
    /// refused send or a loss.
    pub fn is_message(&self) -> bool {
        self.header.kind == RecordKind::Packet
    }
}

/// A VMBus channel of the capture: one pcapng interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Short name, unique in the capture: `global`, `vgpu0`, `vgpu1` ...
    pub name: String,
    /// Interface type.
    pub kind: crate::record::header::ChannelKind,
    /// VMBus channel number (`child_relid`).
    pub relid: u32,
    /// Instance GUID as it stands in memory, if known. The first 8 bytes of a
    /// vGPU channel's are the adapter LUID that user mode sees.
    pub instance: Option<[u8; 16]>,
}
