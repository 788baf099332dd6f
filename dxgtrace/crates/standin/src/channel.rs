//! A fake `struct vmbus_channel` with the fields that the probe reads.

use dxgtrace_ebpf::record::{GLOBAL_TYPE, IF_TYPE_OFFSET, RELID_OFFSET, VGPU_TYPE};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;

const SIZE: usize = 256;
/// Interface type of the synthetic network adapter,
/// `f8615163-df3e-46c5-913f-f2d2f965ed0e`, as it stands in memory.
const NETWORK_TYPE: [u8; 16] = [
    0x63, 0x51, 0x61, 0xf8, 0x3e, 0xdf, 0xc5, 0x46, 0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed, 0x0e,
];

/// The memory that a channel pointer points to.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct FakeChannel([u8; SIZE]);

impl FakeChannel {
    /// A copy of a captured channel with the number `relid`. A channel of
    /// unknown kind becomes a global one.
    pub(super) fn new(channel: &Channel, relid: u32) -> Self {
        let interface = match channel.kind {
            ChannelKind::Vgpu => VGPU_TYPE,
            ChannelKind::Global | ChannelKind::Unknown => GLOBAL_TYPE,
        };
        Self::with(interface, channel.instance.unwrap_or_default(), relid)
    }

    /// The channel of a network adapter, which the probe must ignore.
    pub(super) fn foreign() -> Self {
        Self::with(NETWORK_TYPE, [0; 16], 7)
    }

    fn with(interface: [u8; 16], instance: [u8; 16], relid: u32) -> Self {
        let mut memory = [0; SIZE];
        let at = IF_TYPE_OFFSET as usize;
        memory[at..at + 16].copy_from_slice(&interface);
        memory[at + 16..at + 32].copy_from_slice(&instance);
        let at = RELID_OFFSET as usize;
        memory[at..at + 4].copy_from_slice(&relid.to_ne_bytes());
        Self(memory)
    }
}
