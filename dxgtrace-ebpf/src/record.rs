//! The records that the probe writes into its ring buffer.
//!
//! Records never leave the machine and the program that embeds the probe, so they are
//! in native byte order and have no version. The first byte of a record is its kind.

use core::mem::{offset_of, size_of};

/// The record is a [`PacketRecord`]: entry of the send function, payload follows.
pub const KIND_SEND: u8 = 1;
/// The record is a [`SendReturn`].
pub const KIND_SEND_RETURN: u8 = 2;
/// The record is a [`PacketRecord`]: a packet handed to the driver, payload follows.
pub const KIND_RECEIVE: u8 = 3;
/// The record is an [`IoctlEndRecord`].
pub const KIND_IOCTL_END: u8 = 4;

/// The record is a [`ChannelRecord`].
pub const KIND_CHANNEL: u8 = 5;

/// In [`ChannelRecord::event`]: the host offers the channel.
pub const CHANNEL_OFFER: u8 = 0;
/// In [`ChannelRecord::event`]: the driver has opened the channel, or could not.
pub const CHANNEL_OPEN: u8 = 1;
/// In [`ChannelRecord::event`]: the driver closes the channel.
pub const CHANNEL_CLOSE: u8 = 2;
/// In [`ChannelRecord::event`]: the host takes the channel back.
pub const CHANNEL_RESCIND: u8 = 3;

/// In [`PacketRecord::view`]: [`PacketRecord::ioctl`] is known.
pub const VIEW_IOCTL: u16 = 1;
/// In [`PacketRecord::view`]: [`PacketRecord::expected`] is known.
pub const VIEW_EXPECTED: u16 = 2;

/// In [`IoctlEndRecord::flags`]: the end of the ioctl was missed.
pub const END_UNSEEN: u8 = 1;
/// In [`IoctlEndRecord::flags`]: a synchronous send of the driver ended in it.
pub const END_SYNC: u8 = 2;

/// The channel carries VM-wide commands.
pub const CHANNEL_GLOBAL: u8 = 1;
/// The channel belongs to one virtual GPU.
pub const CHANNEL_VGPU: u8 = 2;

/// Interface type of the VM-wide channel as it stands in memory:
/// `dde9cbc0-5060-4436-9448-ea1254a5d177`.
pub const GLOBAL_TYPE: [u8; 16] = [
    0xc0, 0xcb, 0xe9, 0xdd, 0x60, 0x50, 0x36, 0x44, 0x94, 0x48, 0xea, 0x12, 0x54, 0xa5, 0xd1, 0x77,
];
/// Interface type of a virtual GPU's channel as it stands in memory:
/// `6e382d18-3336-4f4b-acc4-2b7703d4df4a`.
pub const VGPU_TYPE: [u8; 16] = [
    0x18, 0x2d, 0x38, 0x6e, 0x36, 0x33, 0x4b, 0x4f, 0xac, 0xc4, 0x2b, 0x77, 0x03, 0xd4, 0xdf, 0x4a,
];

/// Offset of `offermsg.offer.if_type` in `struct vmbus_channel`; the instance
/// GUID follows it directly, as the host's offer message lays them out.
pub const IF_TYPE_OFFSET: u32 = 36;
/// Offset of `offermsg.child_relid` in `struct vmbus_channel`.
pub const RELID_OFFSET: u32 = 212;

/// Offset of `offermsg` in `struct vmbus_channel`: a copy of the host's message.
pub const OFFER_OFFSET: u32 = 28;
/// Offset of the interface type in the host's message that offers a channel.
pub const OFFER_IF_TYPE_OFFSET: u32 = IF_TYPE_OFFSET - OFFER_OFFSET;
/// Offset of the channel number in that message.
pub const OFFER_RELID_OFFSET: u32 = RELID_OFFSET - OFFER_OFFSET;
/// Offset of the channel number in the host's message that takes one back: it
/// follows the header of 8 bytes.
pub const RESCIND_RELID_OFFSET: u32 = 8;

/// In a key of the probe's map of processes: the number is not the kernel's own
/// but that of the tracer's PID namespace. No number has this bit.
pub const IN_NAMESPACE: u32 = 1 << 31;

/// The longest payload that is copied: 128 KiB and an extended header.
pub const MAX_PAYLOAD: u32 = 128 * 1024 + 16;

/// Sixteen bytes as two words in memory order: BPF would move bytes one by one.
pub type Words = [u64; 2];

/// The words of sixteen bytes.
pub const fn words(bytes: [u8; 16]) -> Words {
    let both = u128::from_ne_bytes(bytes);
    if cfg!(target_endian = "little") {
        [both as u64, (both >> 64) as u64]
    } else {
        [(both >> 64) as u64, both as u64]
    }
}

/// The bytes of two words.
pub const fn bytes([first, second]: Words) -> [u8; 16] {
    let both = if cfg!(target_endian = "little") {
        first as u128 | (second as u128) << 64
    } else {
        (first as u128) << 64 | second as u128
    };
    both.to_ne_bytes()
}

/// A packet: of [`KIND_SEND`] or [`KIND_RECEIVE`].
///
/// The ring reserves by size class, so the record is longer than the header
/// and the `kept` bytes of payload after it; the rest is not initialized.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketRecord {
    /// [`KIND_SEND`] or [`KIND_RECEIVE`].
    pub kind: u8,
    /// [`CHANNEL_GLOBAL`] or [`CHANNEL_VGPU`].
    pub channel_kind: u8,
    /// VMBus packet type.
    pub packet_type: u16,
    /// VMBus packet flags.
    pub packet_flags: u16,
    /// `VIEW_` bits: the members below that are known.
    pub view: u16,
    /// `CLOCK_MONOTONIC` in nanoseconds. With `task` it identifies a send.
    pub time: u64,
    /// Thread group id in the upper half, thread id in the lower.
    pub task: u64,
    /// Address of the `struct vmbus_channel`.
    pub channel: u64,
    /// VMBus transaction id.
    pub transaction: u64,
    /// Length of the payload.
    pub length: u32,
    /// Bytes of payload that follow the record.
    pub kept: u32,
    /// Packets lost so far because the ring was full, modulo 2^32.
    pub lost_ring_full: u32,
    /// Packets lost so far because their memory could not be read, modulo 2^32.
    pub lost_unreadable: u32,
    /// VMBus channel number.
    pub relid: u32,
    /// Number of the processor.
    pub cpu: u32,
    /// Instance GUID of the channel.
    pub instance: Words,
    /// Name of the running task.
    pub comm: Words,
    /// Request number of the ioctl during which it was sent.
    pub ioctl: u32,
    /// Bytes that the driver expects in the reply.
    pub expected: u32,
}

/// The end of a send.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendReturn {
    /// [`KIND_SEND_RETURN`].
    pub kind: u8,
    /// Zero.
    pub reserved: u8,
    /// Zero.
    pub reserved_too: u16,
    /// What the send function returned.
    pub value: i32,
    /// `time` of the send's [`PacketRecord`].
    pub entry: u64,
    /// `task` of the send's [`PacketRecord`].
    pub task: u64,
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub time: u64,
}

/// The end of an ioctl of the driver.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoctlEndRecord {
    /// [`KIND_IOCTL_END`].
    pub kind: u8,
    /// `END_` bits.
    pub flags: u8,
    /// Zero.
    pub reserved: u16,
    /// Request number.
    pub request: u32,
    /// `CLOCK_MONOTONIC` of its entry in nanoseconds.
    pub entry: u64,
    /// `CLOCK_MONOTONIC` of its end in nanoseconds.
    pub time: u64,
    /// Thread group id in the upper half, thread id in the lower.
    pub task: u64,
    /// The value that it returned to the application.
    pub result: i32,
    /// The value that its first failed synchronous send returned, or 0.
    pub failed: i32,
    /// Messages sent in it, including those that were lost.
    pub messages: u32,
    /// Number of the processor.
    pub cpu: u32,
    /// Packets lost so far because the ring was full, modulo 2^32.
    pub lost_ring_full: u32,
    /// Packets lost so far because their memory could not be read, modulo 2^32.
    pub lost_unreadable: u32,
    /// Name of the running task.
    pub comm: Words,
}

/// What happened to a channel. Of [`CHANNEL_RESCIND`] only the number of the
/// channel is known, which may be one of another device.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelRecord {
    /// [`KIND_CHANNEL`].
    pub kind: u8,
    /// [`CHANNEL_GLOBAL`] or [`CHANNEL_VGPU`]; 0 if not known.
    pub channel_kind: u8,
    /// What happened.
    pub event: u8,
    /// Zero.
    pub reserved: u8,
    /// What opening it returned.
    pub value: i32,
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub time: u64,
    /// Thread group id in the upper half, thread id in the lower.
    pub task: u64,
    /// Instance GUID of the channel, or 0.
    pub instance: Words,
    /// VMBus channel number.
    pub relid: u32,
    /// The processor.
    pub cpu: u32,
    /// Packets lost so far because the ring was full, modulo 2^32.
    pub lost_ring_full: u32,
    /// Packets lost so far because their memory could not be read, modulo 2^32.
    pub lost_unreadable: u32,
    /// Name of the running task.
    pub comm: Words,
}

/// The probe's counters of one processor.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Calls of the send function on a channel of the driver.
    pub sends: u64,
    /// Returns of such calls.
    pub returns: u64,
    /// Packets handed to the driver.
    pub receives: u64,
    /// Calls whose return value is not in the capture because the ring or a map was
    /// full.
    pub returns_lost: u64,
    /// Calls of the driver's ioctl function.
    pub ioctls: u64,
    /// Returns of such calls.
    pub ioctl_ends: u64,
    /// Runs of kprobes and kretprobes, on channels of any device. tracefs counts how
    /// often they were hit.
    pub kprobes: u64,
}

/// Number of `u64` in [`Counters`].
pub const COUNTERS: usize = size_of::<Counters>() / size_of::<u64>();

/// Index of the ring-full count in the probe's array of losses.
pub const LOST_RING_FULL: usize = 0;
/// Index of the unreadable count in the probe's array of losses.
pub const LOST_UNREADABLE: usize = 1;

// User space reads the records at these offsets, see `PacketRecord::read`.
const _: () = assert!(size_of::<PacketRecord>() == 104);
const _: () = assert!(offset_of!(PacketRecord, time) == 8);
const _: () = assert!(offset_of!(PacketRecord, length) == 40);
const _: () = assert!(offset_of!(PacketRecord, relid) == 56);
const _: () = assert!(offset_of!(PacketRecord, instance) == 64);
const _: () = assert!(offset_of!(PacketRecord, comm) == 80);
const _: () = assert!(offset_of!(PacketRecord, expected) == 100);
const _: () = assert!(size_of::<IoctlEndRecord>() == 72);
const _: () = assert!(offset_of!(IoctlEndRecord, result) == 32);
const _: () = assert!(offset_of!(IoctlEndRecord, comm) == 56);
const _: () = assert!(size_of::<ChannelRecord>() == 72);
const _: () = assert!(offset_of!(ChannelRecord, instance) == 24);
const _: () = assert!(offset_of!(ChannelRecord, comm) == 56);
const _: () = assert!(size_of::<SendReturn>() == 32);
const _: () = assert!(offset_of!(SendReturn, entry) == 8);
const _: () = assert!(COUNTERS == 7);

/// One record as user space sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// A packet and the kept part of its payload.
    Packet(PacketRecord, &'a [u8]),
    /// The end of a send.
    SendReturn(SendReturn),
    /// The end of an ioctl.
    IoctlEnd(IoctlEndRecord),
    /// What happened to a channel.
    Channel(ChannelRecord),
}

impl<'a> Record<'a> {
    /// Parses an entry of the ring buffer. Returns `None` if it is no valid record.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        match *bytes.first()? {
            KIND_SEND | KIND_RECEIVE => {
                let packet = PacketRecord::read(bytes)?;
                let end = size_of::<PacketRecord>().checked_add(packet.kept as usize)?;
                let payload = bytes.get(size_of::<PacketRecord>()..end)?;
                Some(Self::Packet(packet, payload))
            }
            KIND_SEND_RETURN => Some(Self::SendReturn(SendReturn::read(bytes)?)),
            KIND_IOCTL_END => Some(Self::IoctlEnd(IoctlEndRecord::read(bytes)?)),
            KIND_CHANNEL => Some(Self::Channel(ChannelRecord::read(bytes)?)),
            _ => None,
        }
    }
}

impl ChannelRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; size_of::<Self>()] = bytes.first_chunk()?;
        Some(Self {
            kind: bytes[0],
            channel_kind: bytes[1],
            event: bytes[2],
            reserved: bytes[3],
            value: i32::from_ne_bytes(part(bytes, 4)?),
            time: u64::from_ne_bytes(part(bytes, 8)?),
            task: u64::from_ne_bytes(part(bytes, 16)?),
            instance: words(part(bytes, 24)?),
            relid: u32::from_ne_bytes(part(bytes, 40)?),
            cpu: u32::from_ne_bytes(part(bytes, 44)?),
            lost_ring_full: u32::from_ne_bytes(part(bytes, 48)?),
            lost_unreadable: u32::from_ne_bytes(part(bytes, 52)?),
            comm: words(part(bytes, 56)?),
        })
    }
}

impl PacketRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; size_of::<Self>()] = bytes.first_chunk()?;
        Some(Self {
            kind: bytes[0],
            channel_kind: bytes[1],
            packet_type: u16::from_ne_bytes(part(bytes, 2)?),
            packet_flags: u16::from_ne_bytes(part(bytes, 4)?),
            view: u16::from_ne_bytes(part(bytes, 6)?),
            time: u64::from_ne_bytes(part(bytes, 8)?),
            task: u64::from_ne_bytes(part(bytes, 16)?),
            channel: u64::from_ne_bytes(part(bytes, 24)?),
            transaction: u64::from_ne_bytes(part(bytes, 32)?),
            length: u32::from_ne_bytes(part(bytes, 40)?),
            kept: u32::from_ne_bytes(part(bytes, 44)?),
            lost_ring_full: u32::from_ne_bytes(part(bytes, 48)?),
            lost_unreadable: u32::from_ne_bytes(part(bytes, 52)?),
            relid: u32::from_ne_bytes(part(bytes, 56)?),
            cpu: u32::from_ne_bytes(part(bytes, 60)?),
            instance: words(part(bytes, 64)?),
            comm: words(part(bytes, 80)?),
            ioctl: u32::from_ne_bytes(part(bytes, 96)?),
            expected: u32::from_ne_bytes(part(bytes, 100)?),
        })
    }
}

impl SendReturn {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; size_of::<Self>()] = bytes.first_chunk()?;
        Some(Self {
            kind: bytes[0],
            reserved: bytes[1],
            reserved_too: u16::from_ne_bytes(part(bytes, 2)?),
            value: i32::from_ne_bytes(part(bytes, 4)?),
            entry: u64::from_ne_bytes(part(bytes, 8)?),
            task: u64::from_ne_bytes(part(bytes, 16)?),
            time: u64::from_ne_bytes(part(bytes, 24)?),
        })
    }
}

impl IoctlEndRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; size_of::<Self>()] = bytes.first_chunk()?;
        Some(Self {
            kind: bytes[0],
            flags: bytes[1],
            reserved: u16::from_ne_bytes(part(bytes, 2)?),
            request: u32::from_ne_bytes(part(bytes, 4)?),
            entry: u64::from_ne_bytes(part(bytes, 8)?),
            time: u64::from_ne_bytes(part(bytes, 16)?),
            task: u64::from_ne_bytes(part(bytes, 24)?),
            result: i32::from_ne_bytes(part(bytes, 32)?),
            failed: i32::from_ne_bytes(part(bytes, 36)?),
            messages: u32::from_ne_bytes(part(bytes, 40)?),
            cpu: u32::from_ne_bytes(part(bytes, 44)?),
            lost_ring_full: u32::from_ne_bytes(part(bytes, 48)?),
            lost_unreadable: u32::from_ne_bytes(part(bytes, 52)?),
            comm: words(part(bytes, 56)?),
        })
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
