//! The pseudo-header: 80 bytes before every payload in a capture file.
//!
//! VMBus itself tells neither who sent a packet nor what the send function
//! returned. The probe knows, and this header carries it into the file, where
//! it survives conversion to other formats and gives Wireshark real fields.
//! `docs/capture-format.md` describes every byte; all numbers are little endian.

/// Length of the pseudo-header of [`VERSION`] in bytes.
pub const LENGTH: usize = 80;
/// The version written by this program. A reader accepts any later version
/// whose header is at least as long, since versions only append.
pub const VERSION: u8 = 1;

/// What a record in a capture file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A VMBus packet: the payload follows.
    Packet = 0,
    /// A send that the ring or the host refused for good: the payload never
    /// left the guest.
    Refused = 1,
    /// Packets are missing here: the payload is a [`Lost`].
    Lost = 2,
}

impl Kind {
    /// The kind with this number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Packet),
            1 => Some(Self::Refused),
            2 => Some(Self::Lost),
            _ => None,
        }
    }
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Direction {
    /// Sent by the driver.
    GuestToHost = 0,
    /// Received by the driver.
    HostToGuest = 1,
}

/// Which of dxgkrnl's two channel types a packet travelled on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ChannelKind {
    /// The interface type was not captured.
    Unknown = 0,
    /// The VM-wide channel.
    Global = 1,
    /// The channel of one virtual GPU.
    Vgpu = 2,
}

/// Which optional members of [`Header`] hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known(pub u16);

impl Known {
    /// `pid`, `tid`, `comm` and `cpu` describe the task that was running.
    pub const TASK: u16 = 1 << 0;
    /// The task is the one that made the request (of a completion: found by
    /// channel and transaction id), not whoever the interrupt hit.
    pub const REQUESTER: u16 = 1 << 1;
    /// `return_value` is what the send function returned.
    pub const RETURN_VALUE: u16 = 1 << 2;
    /// `expected_reply_length` is what the driver asked for.
    pub const EXPECTED_REPLY: u16 = 1 << 3;
    /// `ioctl` and, after its end, `ioctl_result` are known.
    pub const IOCTL: u16 = 1 << 4;
    /// The payload length is the exact one; otherwise the VMBus ring has
    /// rounded it up to a multiple of 8.
    pub const EXACT_LENGTH: u16 = 1 << 5;

    /// Whether all of `bits` are set.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

/// The pseudo-header of one record, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the record is.
    pub kind: Kind,
    /// Which way it went.
    pub direction: Direction,
    /// Which type of channel it used.
    pub channel_kind: ChannelKind,
    /// VMBus packet type: 6 in-band data, 11 completion.
    pub packet_type: u16,
    /// VMBus packet flags: bit 0 asks for a completion.
    pub packet_flags: u16,
    /// Which of the following members are known.
    pub known: Known,
    /// VMBus channel number (`child_relid`), unique among open channels.
    pub channel: u32,
    /// VMBus transaction id, 0 where none is used.
    pub transaction: u64,
    /// Thread group id in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Task name as the kernel has it: bytes of any value, padded with NUL.
    pub comm: [u8; 16],
    /// What the send function returned: 0 or a negative errno.
    pub return_value: i32,
    /// How many attempts were refused (ring full) before this one.
    pub refused_attempts: u32,
    /// Bytes that the driver expects in the reply.
    pub expected_reply_length: u32,
    /// Negotiated interface version, 0 when unknown to the recorder.
    pub interface_version: u32,
    /// ioctl request number during which the packet was sent.
    pub ioctl: u32,
    /// What that ioctl returned to the application.
    pub ioctl_result: i32,
    /// Processor on which the packet was seen.
    pub cpu: u32,
    /// Payload length before any cut, in bytes.
    pub payload_length: u32,
}

/// How many packets were lost at one place of the stream, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// The kernel's ring buffer was full.
    pub ring_full: u64,
    /// The kernel did not run the probe (nested or out of return slots).
    pub missed_probes: u64,
    /// The queue between reader and consumer was full.
    pub user_queue: u64,
    /// The probe could not read the packet's memory.
    pub unreadable: u64,
}

impl Lost {
    /// Length of the encoded form in bytes: four `u64`, in the order above.
    pub const LENGTH: usize = 32;

    /// All causes together.
    pub fn total(&self) -> u64 {
        self.ring_full
            .saturating_add(self.missed_probes)
            .saturating_add(self.user_queue)
            .saturating_add(self.unreadable)
    }
}
