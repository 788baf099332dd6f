//! Identifies the driver's channels.

use dxgtrace_ebpf::record::{
    CHANNEL_GLOBAL, CHANNEL_VGPU, GLOBAL_TYPE, OFFER_IF_TYPE_OFFSET, OFFER_RELID_OFFSET, VGPU_TYPE,
    Words, words,
};

use crate::{
    config::{IF_TYPE_OFFSET, RELID_OFFSET},
    memory::Memory,
};

/// A VMBus channel of the driver.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DriverChannel {
    /// Address of the `struct vmbus_channel`.
    pub address: u64,
    /// Instance GUID.
    pub instance: Words,
    /// Channel number.
    pub relid: u32,
    /// `CHANNEL_GLOBAL` or `CHANNEL_VGPU`.
    pub kind: u32,
}

impl DriverChannel {
    /// The channel at `address`, if it is one of the driver. For a channel of another
    /// device, this costs one read of 32 bytes and a comparison.
    #[inline(always)]
    pub fn identify<M: Memory>(address: u64) -> Option<Self> {
        Self::at::<M>(address, IF_TYPE_OFFSET.load(), RELID_OFFSET.load())
    }

    /// The channel that the host's message at this address offers, if it is one
    /// of the driver.
    #[inline(always)]
    pub fn offered<M: Memory>(message: u64) -> Option<Self> {
        Self::at::<M>(message, OFFER_IF_TYPE_OFFSET, OFFER_RELID_OFFSET)
    }

    /// The channel that is described at these offsets from `address`.
    #[inline(always)]
    fn at<M: Memory>(address: u64, if_type: u32, relid: u32) -> Option<Self> {
        let offer = address.wrapping_add(if_type.into());
        let [type_low, type_high, instance_low, instance_high] = M::read::<[u64; 4]>(offer)?;
        let kind = if [type_low, type_high] == words(GLOBAL_TYPE) {
            CHANNEL_GLOBAL
        } else if [type_low, type_high] == words(VGPU_TYPE) {
            CHANNEL_VGPU
        } else {
            return None;
        };
        let relid = M::read::<u32>(address.wrapping_add(relid.into()))?;
        Some(Self {
            address,
            instance: [instance_low, instance_high],
            relid,
            kind: kind.into(),
        })
    }
}
