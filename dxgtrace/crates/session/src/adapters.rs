//! Virtual GPUs: which one a message is about, and what is known of each.
//!
//! Without async mode each has a channel of its own. In async mode everything
//! travels on the global channel, and only the LUID in the extended header
//! tells them apart.

use super::objects::ObjectId;
use dxgtrace_protocol::decode::Frame;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::schema::MessageSet;

/// Adapters followed at most; later ones are not told apart.
const MAX: usize = 64;
/// Bytes kept of a description.
const NAME: usize = 64;

/// A virtual GPU.
#[derive(Debug, Clone, Copy)]
pub struct Adapter {
    /// Number of its channel, if it was ever seen to use one.
    pub channel: Option<u32>,
    /// How extended headers name it: before and after the host said how.
    pub luids: [u64; 2],
    /// Its object, if it was opened or its handle was seen.
    pub object: Option<ObjectId>,
    /// The interface version that the driver declared when it opened it.
    pub declared: Option<u32>,
    /// Packets of its own that were seen.
    pub packets: u64,
    name: [u8; NAME],
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

    fn is_called(&self, luid: u64) -> bool {
        luid != 0 && self.luids.contains(&luid)
    }
}

/// The virtual GPUs of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Adapters {
    list: Vec<Adapter>,
}

impl Adapters {
    /// Number of the adapter that a guest message is about.
    pub fn of(&mut self, packet: &Packet<'_>, frame: &Frame) -> Option<u8> {
        if frame.set() != Some(MessageSet::Vgpu) {
            return None;
        }
        let luid = frame.extended.map_or(0, |extended| extended.vgpu_luid);
        let channel =
            (packet.header.channel_kind == ChannelKind::Vgpu).then_some(packet.header.channel);
        let known = self.list.iter().position(|adapter| match channel {
            // The same GPU may have been seen by its LUID before.
            Some(channel) => match adapter.channel {
                Some(own) => own == channel,
                None => adapter.is_called(luid),
            },
            None => adapter.is_called(luid),
        });
        let place = match known {
            Some(place) => place,
            None if channel.is_none() && luid == 0 => return None,
            None if self.list.len() >= MAX => return None,
            None => {
                self.list.push(Adapter {
                    channel,
                    luids: [luid, 0],
                    object: None,
                    declared: None,
                    packets: 0,
                    name: [0; NAME],
                });
                self.list.len() - 1
            }
        };
        let adapter = self.list.get_mut(place)?;
        adapter.packets += 1;
        if adapter.channel.is_none() {
            adapter.channel = channel;
        }
        u8::try_from(place).ok()
    }

    /// Number of the adapter on a channel.
    pub fn on(&self, channel: u32) -> Option<u8> {
        let place = self
            .list
            .iter()
            .position(|adapter| adapter.channel == Some(channel))?;
        u8::try_from(place).ok()
    }

    /// The adapter with that number.
    pub fn get(&self, number: u8) -> Option<&Adapter> {
        self.list.get(usize::from(number))
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, number: u8) -> Option<&mut Adapter> {
        self.list.get_mut(usize::from(number))
    }

    /// All of them.
    pub fn all(&self) -> &[Adapter] {
        &self.list
    }

    /// Host and guest call it this from now on.
    pub fn call(&mut self, number: u8, luid: u64) {
        if let Some(adapter) = self.get_mut(number)
            && !adapter.is_called(luid)
        {
            adapter.luids = [adapter.luids[0], luid];
        }
    }
}
