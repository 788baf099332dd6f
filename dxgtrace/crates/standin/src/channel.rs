//! A fake `struct vmbus_channel` with the fields that the probe reads.

use dxgtrace_ebpf::record::{IF_TYPE_OFFSET, OFFER_OFFSET, RELID_OFFSET, RESCIND_RELID_OFFSET};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

const SIZE: usize = 256;
/// Interface type of the synthetic network adapter.
const NETWORK_TYPE: [u8; 16] = guid::from_literal("f8615163-df3e-46c5-913f-f2d2f965ed0e");

/// The memory that a channel pointer points to.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct FakeChannel([u8; SIZE]);

impl FakeChannel {
    /// A copy of a captured channel with the number `relid`. A channel of
    /// unknown kind becomes a global one.
    pub(super) fn new(channel: &Channel, relid: u32) -> Self {
        let interface = match channel.kind {
            ChannelKind::Vgpu => VGPU_CHANNEL,
            ChannelKind::Global | ChannelKind::Unknown => GLOBAL_CHANNEL,
        };
        Self::with(interface, channel.instance.unwrap_or_default(), relid)
    }

    /// The channel of a network adapter, which the probe must ignore.
    pub(super) fn foreign() -> Self {
        Self::with(NETWORK_TYPE, [0; 16], 7)
    }

    /// The host's message that offered the channel.
    pub(super) fn offer(&self) -> &[u8] {
        self.0.get(OFFER_OFFSET as usize..).unwrap_or_default()
    }

    /// The host's message that takes the channel back.
    pub(super) fn rescind(&self) -> [u8; RESCIND_RELID_OFFSET as usize + 4] {
        let mut message = [0; RESCIND_RELID_OFFSET as usize + 4];
        let at = RELID_OFFSET as usize;
        if let (Some(relid), Some(place)) = (
            self.0.get(at..at + 4),
            message.get_mut(RESCIND_RELID_OFFSET as usize..),
        ) {
            place.copy_from_slice(relid);
        }
        message
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
