//! The virtual GPUs of a session, and which one a message is about.
//!
//! Without async mode, each virtual GPU has its own channel. In async mode, all
//! messages use the global channel, and the LUID in the extended header
//! identifies the virtual GPU.

use super::objects::ObjectId;
use dxgtrace_protocol::decode::Frame;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::schema::MessageSet;

/// Maximum number of adapters; further ones are not tracked.
const ADAPTERS_MAX: usize = 64;
/// Bytes of a description that are kept.
const NAME_BYTES: usize = 64;

/// A virtual GPU.
#[derive(Debug, Clone, Copy)]
pub struct Adapter {
    /// Number of its channel, if it uses one of its own.
    pub channel: Option<u32>,
    /// Its LUID in extended headers, before and after the host assigned one; 0
    /// if there is none.
    pub luids: [u64; 2],
    /// Its adapter object, if that was captured.
    pub object: Option<ObjectId>,
    /// The interface version that the driver declared when it opened the
    /// adapter.
    pub declared: Option<u32>,
    /// Number of its captured guest messages.
    pub packets: u64,
    /// Number of the packet with the latest of them.
    pub last: u64,
    name: [u8; NAME_BYTES],
}

impl Adapter {
    /// Its description: UTF-16LE up to the first NUL; empty if not known.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn set_name(&mut self, text: &[u8]) {
        for (place, byte) in self.name.iter_mut().zip(text) {
            *place = *byte;
        }
    }

    fn has_luid(&self, luid: u64) -> bool {
        luid != 0 && self.luids.contains(&luid)
    }
}

/// The virtual GPUs of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Adapters {
    list: Vec<Adapter>,
}

impl Adapters {
    /// The number of the adapter that a guest message is about. An adapter that
    /// is not known yet is added.
    pub fn find_or_add(&mut self, packet: &Packet<'_>, frame: &Frame) -> Option<u8> {
        if frame.set() != Some(MessageSet::Vgpu) {
            return None;
        }
        let luid = frame.extended.map_or(0, |extended| extended.vgpu_luid);
        let channel =
            (packet.header.channel_kind == ChannelKind::Vgpu).then_some(packet.header.channel);
        let known = self.list.iter().position(|adapter| match channel {
            // The same GPU may be known by its LUID already.
            Some(channel) => match adapter.channel {
                Some(own) => own == channel,
                None => adapter.has_luid(luid),
            },
            None => adapter.has_luid(luid),
        });
        let place = match known {
            Some(place) => place,
            None if channel.is_none() && luid == 0 => return None,
            None if self.list.len() >= ADAPTERS_MAX => return None,
            None => {
                self.list.push(Adapter {
                    channel,
                    luids: [luid, 0],
                    object: None,
                    declared: None,
                    packets: 0,
                    last: 0,
                    name: [0; NAME_BYTES],
                });
                self.list.len() - 1
            }
        };
        let adapter = self.list.get_mut(place)?;
        adapter.packets += 1;
        adapter.last = packet.number;
        if adapter.channel.is_none() {
            adapter.channel = channel;
        }
        u8::try_from(place).ok()
    }

    /// The number of the adapter on `channel`.
    pub fn on_channel(&self, channel: u32) -> Option<u8> {
        let place = self
            .list
            .iter()
            .position(|adapter| adapter.channel == Some(channel))?;
        u8::try_from(place).ok()
    }

    /// The adapter with `number`.
    pub fn get(&self, number: u8) -> Option<&Adapter> {
        self.list.get(usize::from(number))
    }

    /// The adapter with `number`, for modification.
    pub fn get_mut(&mut self, number: u8) -> Option<&mut Adapter> {
        self.list.get_mut(usize::from(number))
    }

    /// Every adapter, by number.
    pub fn as_slice(&self) -> &[Adapter] {
        &self.list
    }

    /// Records the LUID that the host assigned to an adapter.
    pub fn add_luid(&mut self, number: u8, luid: u64) {
        if let Some(adapter) = self.get_mut(number)
            && !adapter.has_luid(luid)
        {
            adapter.luids = [adapter.luids[0], luid];
        }
    }
}
