//! Damages captures deterministically.

use std::io::Cursor;

use anyhow::Result;
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Reader, Writer};
use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{ChannelKind, Direction, RecordHeader, RecordKind};

use crate::generate::Made;

/// More than the number of any channel in one capture.
const CHANNELS_OF_ONE: u32 = 1 << 16;

/// Copies the readable part of a capture, so that one that is cut off ends cleanly.
pub fn whole(capture: &[u8]) -> Result<Vec<u8>> {
    copy(capture, usize::MAX, |_, _| {})
}

/// Copies a capture, with at most `snap` bytes of each message.
pub fn cut(capture: &[u8], snap: usize) -> Result<Vec<u8>> {
    copy(capture, snap, |_, _| {})
}

/// A capture of packets that follow each other by a microsecond.
pub fn capture(packets: &[Made]) -> Result<Vec<u8>> {
    let channels: Vec<_> = [ChannelKind::Global, ChannelKind::Vgpu]
        .into_iter()
        .zip(["global", "vgpu0"])
        .enumerate()
        .map(|(index, (kind, name))| Channel {
            name: name.to_owned(),
            kind,
            relid: index as u32 + 1,
            instance: None,
        })
        .collect();
    let mut writer = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::Collect(1 << 20),
    )?;
    for (index, made) in packets.iter().enumerate() {
        let mut packet = made.packet();
        let vgpu = packet.header.channel_kind == ChannelKind::Vgpu;
        packet.interface = u32::from(vgpu);
        let header = RecordHeader {
            channel: packet.interface + 1,
            ..*packet.header
        };
        packet.header = &header;
        packet.number = index as u64 + 1;
        packet.time = packet.number * 1000;
        writer.write(&packet, &channels, &[])?;
    }
    Ok(writer.finish()?)
}

/// Copies a capture with a few changes to every second packet.
pub fn damage(capture: &[u8], seed: u64) -> Result<Vec<u8>> {
    let mut random = Random(seed | 1);
    copy(capture, usize::MAX, move |header, payload| {
        if header.kind == RecordKind::Lost {
            return;
        }
        match random.below(16) {
            0..8 => {}
            8..12 => {
                for _ in 0..=random.below(3) {
                    let at = random.below(payload.len().max(1));
                    if let Some(byte) = payload.get_mut(at) {
                        *byte ^= 1 << random.below(8);
                    }
                }
            }
            12 => {
                let length = random.below(payload.len() + 1);
                payload.truncate(length);
                header.payload_length = length as u32;
            }
            13 => {
                let more = 1 + random.below(24);
                payload.resize(payload.len() + more, 0x5a);
                header.payload_length += more as u32;
            }
            14 => match random.below(5) {
                0 => header.packet_type = random.below(16) as u16,
                1 => header.packet_flags ^= 1,
                2 => {
                    header.direction = match header.direction {
                        Direction::GuestToHost => Direction::HostToGuest,
                        Direction::HostToGuest => Direction::GuestToHost,
                    }
                }
                3 => header.transaction = random.below(4) as u64,
                _ => header.kind = RecordKind::Refused,
            },
            _ => {
                // Counts and flags stand at multiples of 4; make one large.
                let at = 4 * random.below(payload.len() / 4 + 1);
                let value = [1, 2, 200, 70_000, u32::MAX][random.below(5)];
                if let Some(word) = payload.get_mut(at..at + 4) {
                    word.copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    })
}

/// Joins captures into one, a second after each other, with separate channels: tshark
/// takes longer to start than to read.
pub fn join(captures: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut joined = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::Collect(1 << 20),
    )?;
    let mut channels: Vec<Channel> = Vec::new();
    let (mut number, mut end) = (0, 0);
    for (capture, nth) in captures.iter().zip(0_u32..) {
        let (first, shift) = (channels.len() as u32, nth * CHANNELS_OF_ONE);
        let shifted = |channel: &Channel| Channel {
            relid: channel.relid + shift,
            ..channel.clone()
        };
        channels.extend(self::channels(capture)?.iter().map(shifted));
        let mut reader = Reader::new(Cursor::new(capture))?;
        let (start, mut begun) = (end + 1_000_000_000, None);
        while let Some(record) = reader.next_record()? {
            let mut packet = record.packet;
            let header = RecordHeader {
                channel: packet.header.channel + shift,
                ..*packet.header
            };
            number += 1;
            end = start + (packet.time - *begun.get_or_insert(packet.time));
            packet.header = &header;
            packet.interface += first;
            packet.number = number;
            packet.time = end;
            joined.write(&packet, &channels, &[])?;
        }
    }
    Ok(joined.finish()?)
}

fn channels(capture: &[u8]) -> Result<Vec<Channel>> {
    let mut reader = Reader::new(Cursor::new(capture))?;
    while let Ok(Some(_)) = reader.next_record() {}
    Ok(reader.channels().to_vec())
}

fn copy(
    capture: &[u8],
    snap: usize,
    mut change: impl FnMut(&mut RecordHeader, &mut Vec<u8>),
) -> Result<Vec<u8>> {
    let channels = channels(capture)?;
    let mut reader = Reader::new(Cursor::new(capture))?;
    let mut writer = Writer::new(
        Vec::new(),
        &CaptureOrigin::default(),
        FlushPolicy::Collect(1 << 20),
    )?
    .with_snap_length(snap);
    while let Ok(Some(record)) = reader.next_record() {
        let mut packet = record.packet;
        let mut payload = packet.payload.to_vec();
        let mut header = *packet.header;
        change(&mut header, &mut payload);
        packet.header = &header;
        packet.payload = &payload;
        writer.write(&packet, &channels, &[])?;
    }
    Ok(writer.finish()?)
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
