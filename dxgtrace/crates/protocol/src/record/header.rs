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
pub enum RecordKind {
    /// A VMBus packet: the payload follows.
    Packet = 0,
    /// A send that the ring or the host refused for good: the payload never
    /// left the guest.
    Refused = 1,
    /// Packets are missing here: the payload is a [`LostPackets`].
    Lost = 2,
    /// An ioctl of the driver has ended: the payload is an [`IoctlEnd`].
    Ioctl = 3,
}

impl RecordKind {
    /// The kind with this number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Packet),
            1 => Some(Self::Refused),
            2 => Some(Self::Lost),
            3 => Some(Self::Ioctl),
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

impl Direction {
    /// The direction with this number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::GuestToHost),
            1 => Some(Self::HostToGuest),
            _ => None,
        }
    }
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

impl ChannelKind {
    /// The channel kind with this number; a number that this version does not
    /// know is [`ChannelKind::Unknown`], since the packet can be read without.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Global,
            2 => Self::Vgpu,
            _ => Self::Unknown,
        }
    }
}

/// Which optional members of [`RecordHeader`] hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownFields(pub u16);

impl KnownFields {
    /// `pid`, `tid` and `comm` describe the task that was running.
    pub const TASK: u16 = 1 << 0;
    /// The task is the one that made the request (of a completion: found by
    /// channel and transaction id), not whoever the interrupt hit.
    pub const REQUESTER: u16 = 1 << 1;
    /// `return_value` is what the send function returned.
    pub const RETURN_VALUE: u16 = 1 << 2;
    /// `expected_reply_length` is what the driver asked for.
    pub const EXPECTED_REPLY: u16 = 1 << 3;
    /// `ioctl` is the one that the record is about or was sent during.
    pub const IOCTL: u16 = 1 << 4;
    /// The payload length is the exact one; otherwise the VMBus ring has
    /// rounded it up to a multiple of 8.
    pub const EXACT_LENGTH: u16 = 1 << 5;
    /// The ioctl has ended: `ioctl_result` is what it returned.
    pub const IOCTL_RESULT: u16 = 1 << 6;

    /// Whether all of `bits` are set.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

/// Why bytes are no pseudo-header of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the shortest header, or than the header says it has.
    #[error("pseudo-header needs {wanted} bytes, only {had} are there")]
    Short {
        /// Bytes that the header takes.
        wanted: usize,
        /// Bytes that are there.
        had: usize,
    },
    /// Version 0, or a header length below that of version 1.
    #[error("pseudo-header claims version {version} and {length} bytes, which no version has")]
    Malformed {
        /// What stands in the version byte.
        version: u8,
        /// What stands in the header length field, in bytes.
        length: u16,
    },
    /// A record kind that only a later version knows.
    #[error("record kind {0} is not known to this version")]
    UnknownKind(u8),
    /// A direction that only a later version knows.
    #[error("direction {0} is not known to this version")]
    UnknownDirection(u8),
}

/// The pseudo-header of one record, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record is.
    pub kind: RecordKind,
    /// Which way it went.
    pub direction: Direction,
    /// Which type of channel it used.
    pub channel_kind: ChannelKind,
    /// VMBus packet type: 6 in-band data, 11 completion.
    pub packet_type: u16,
    /// VMBus packet flags: bit 0 asks for a completion.
    pub packet_flags: u16,
    /// Which of the following members are known.
    pub known: KnownFields,
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
    /// What the send function returned: 0 or a negative errno. Of
    /// [`RecordKind::Ioctl`]: what the driver's first failed synchronous send in it
    /// returned, or 0.
    pub return_value: i32,
    /// How many attempts were refused (ring full) before this one.
    pub refused_attempts: u32,
    /// Bytes that the driver expects in the reply.
    pub expected_reply_length: u32,
    /// Negotiated interface version, 0 when unknown to the recorder.
    pub interface_version: u32,
    /// Request number of the ioctl during which the packet was sent, or that
    /// has ended.
    pub ioctl: u32,
    /// What that ioctl returned to the application.
    pub ioctl_result: i32,
    /// Processor on which the packet was seen.
    pub cpu: u32,
    /// Payload length before any cut, in bytes.
    pub payload_length: u32,
}

impl Default for RecordHeader {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl RecordHeader {
    /// A packet to the host of which nothing is known.
    pub const EMPTY: Self = Self {
        kind: RecordKind::Packet,
        direction: Direction::GuestToHost,
        channel_kind: ChannelKind::Unknown,
        packet_type: 0,
        packet_flags: 0,
        known: KnownFields(0),
        channel: 0,
        transaction: 0,
        pid: 0,
        tid: 0,
        comm: [0; 16],
        return_value: 0,
        refused_attempts: 0,
        expected_reply_length: 0,
        interface_version: 0,
        ioctl: 0,
        ioctl_result: 0,
        cpu: 0,
        payload_length: 0,
    };

    /// The header as it stands in a file, in the current [`VERSION`].
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out[0] = VERSION;
        out[1] = self.kind as u8;
        out[2..4].copy_from_slice(&(LENGTH as u16).to_le_bytes());
        out[4] = self.direction as u8;
        out[5] = self.channel_kind as u8;
        out[6..8].copy_from_slice(&self.packet_type.to_le_bytes());
        out[8..10].copy_from_slice(&self.packet_flags.to_le_bytes());
        out[10..12].copy_from_slice(&self.known.0.to_le_bytes());
        out[12..16].copy_from_slice(&self.channel.to_le_bytes());
        out[16..24].copy_from_slice(&self.transaction.to_le_bytes());
        out[24..28].copy_from_slice(&self.pid.to_le_bytes());
        out[28..32].copy_from_slice(&self.tid.to_le_bytes());
        out[32..48].copy_from_slice(&self.comm);
        out[48..52].copy_from_slice(&self.return_value.to_le_bytes());
        out[52..56].copy_from_slice(&self.refused_attempts.to_le_bytes());
        out[56..60].copy_from_slice(&self.expected_reply_length.to_le_bytes());
        out[60..64].copy_from_slice(&self.interface_version.to_le_bytes());
        out[64..68].copy_from_slice(&self.ioctl.to_le_bytes());
        out[68..72].copy_from_slice(&self.ioctl_result.to_le_bytes());
        out[72..76].copy_from_slice(&self.cpu.to_le_bytes());
        out[76..80].copy_from_slice(&self.payload_length.to_le_bytes());
        out
    }

    /// Reads a header of this or a later version from the start of `bytes`, and
    /// says how many bytes it took: the payload starts there. What a later
    /// version appended is skipped.
    ///
    /// # Errors
    /// See [`HeaderError`]. An unknown kind or direction is an error, so that
    /// the caller can count what it passes over.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let mut header = Self::EMPTY;
        let length = header.read(bytes)?;
        Ok((header, length))
    }

    /// The same in place, for headers that come one after the other. After an
    /// error, what it holds is that of the header before.
    ///
    /// # Errors
    /// As of [`RecordHeader::decode`].
    #[inline]
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, HeaderError> {
        let had = bytes.len();
        let fields: &[u8; LENGTH] = bytes.first_chunk().ok_or(HeaderError::Short {
            wanted: LENGTH,
            had,
        })?;
        let version = fields[0];
        let length = u16::from_le_bytes(take(fields, 2));
        let wanted = usize::from(length);
        if version == 0 || wanted < LENGTH {
            return Err(HeaderError::Malformed { version, length });
        }
        if had < wanted {
            return Err(HeaderError::Short { wanted, had });
        }
        *self = Self {
            kind: RecordKind::from_number(fields[1]).ok_or(HeaderError::UnknownKind(fields[1]))?,
            direction: Direction::from_number(fields[4])
                .ok_or(HeaderError::UnknownDirection(fields[4]))?,
            channel_kind: ChannelKind::from_number(fields[5]),
            packet_type: u16::from_le_bytes(take(fields, 6)),
            packet_flags: u16::from_le_bytes(take(fields, 8)),
            known: KnownFields(u16::from_le_bytes(take(fields, 10))),
            channel: u32::from_le_bytes(take(fields, 12)),
            transaction: u64::from_le_bytes(take(fields, 16)),
            pid: u32::from_le_bytes(take(fields, 24)),
            tid: u32::from_le_bytes(take(fields, 28)),
            comm: take(fields, 32),
            return_value: i32::from_le_bytes(take(fields, 48)),
            refused_attempts: u32::from_le_bytes(take(fields, 52)),
            expected_reply_length: u32::from_le_bytes(take(fields, 56)),
            interface_version: u32::from_le_bytes(take(fields, 60)),
            ioctl: u32::from_le_bytes(take(fields, 64)),
            ioctl_result: i32::from_le_bytes(take(fields, 68)),
            cpu: u32::from_le_bytes(take(fields, 72)),
            payload_length: u32::from_le_bytes(take(fields, 76)),
        };
        Ok(wanted)
    }
}

/// `N` bytes from `at` of a whole header. Every caller's offset is a constant
/// within it, so the fallback is never used and the compiler drops it.
fn take<const N: usize>(fields: &[u8; LENGTH], at: usize) -> [u8; N] {
    fields
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .unwrap_or([0; N])
}

/// What a recorder knows of an ioctl at its end, beside the pseudo-header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoctlEnd {
    /// Nanoseconds from its begin to its end.
    pub duration: u64,
    /// Messages sent in it, whether captured or not.
    pub messages: u64,
}

impl IoctlEnd {
    /// Length of the encoded form in bytes: two `u64`, in the order above.
    pub const LENGTH: usize = 16;

    /// The payload of a [`RecordKind::Ioctl`] record.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut out = [0; Self::LENGTH];
        for (place, number) in out.chunks_exact_mut(8).zip([self.duration, self.messages]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        out
    }

    /// Reads the payload of a [`RecordKind::Ioctl`] record; what a later version
    /// appended is skipped. `None` if it is too short.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (numbers, _) = payload.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        Some(Self {
            duration: numbers.next()?,
            messages: numbers.next()?,
        })
    }
}

/// How many packets were lost at one place of the stream, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LostPackets {
    /// The kernel's ring buffer was full.
    pub ring_full: u64,
    /// The kernel did not run the probe (nested or out of return slots).
    pub missed_probes: u64,
    /// The queue between reader and consumer was full.
    pub user_queue: u64,
    /// The probe could not read the packet's memory.
    pub unreadable: u64,
}

impl LostPackets {
    /// Length of the encoded form in bytes: four `u64`, in the order above.
    pub const LENGTH: usize = 32;

    /// The payload of a [`RecordKind::Lost`] record.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut out = [0; Self::LENGTH];
        let causes = [
            self.ring_full,
            self.missed_probes,
            self.user_queue,
            self.unreadable,
        ];
        for (place, cause) in out.chunks_exact_mut(8).zip(causes) {
            place.copy_from_slice(&cause.to_le_bytes());
        }
        out
    }

    /// Reads the payload of a [`RecordKind::Lost`] record. Causes that a later
    /// version appended are not told apart but counted as [`LostPackets::unreadable`],
    /// so that the total stays right. `None` if a cause of this version lacks.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (causes, rest) = payload.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        let mut causes = causes.iter().map(|cause| u64::from_le_bytes(*cause));
        let mut lost = Self {
            ring_full: causes.next()?,
            missed_probes: causes.next()?,
            user_queue: causes.next()?,
            unreadable: causes.next()?,
        };
        for later in causes {
            lost.unreadable = lost.unreadable.saturating_add(later);
        }
        Some(lost)
    }

    /// All causes together.
    pub fn total(&self) -> u64 {
        self.ring_full
            .saturating_add(self.missed_probes)
            .saturating_add(self.user_queue)
            .saturating_add(self.unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> RecordHeader {
        RecordHeader {
            kind: RecordKind::Refused,
            direction: Direction::HostToGuest,
            channel_kind: ChannelKind::Vgpu,
            packet_type: 0x0b0a,
            packet_flags: 0x0d0c,
            known: KnownFields(0x0f0e),
            channel: 0x1312_1110,
            transaction: 0x2726_2524_2322_2120,
            pid: 0x3332_3130,
            tid: 0x4342_4140,
            comm: *b"0123456789abcdef",
            return_value: -11,
            refused_attempts: 0x5352_5150,
            expected_reply_length: 0x6362_6160,
            interface_version: 40,
            ioctl: 0x7372_7170,
            ioctl_result: -75,
            cpu: 3,
            payload_length: 0x8382_8180,
        }
    }

    #[test]
    fn a_header_survives_encoding() {
        assert_eq!(
            RecordHeader::decode(&header().encode()),
            Ok((header(), LENGTH))
        );
    }

    #[test]
    fn every_field_stands_where_the_format_says() {
        let bytes = header().encode();
        assert_eq!(bytes[..12], [1, 1, 80, 0, 1, 2, 10, 11, 12, 13, 14, 15]);
        assert_eq!(bytes[12..16], [0x10, 0x11, 0x12, 0x13]);
        assert_eq!(bytes[16], 0x20);
        assert_eq!(bytes[24], 0x30);
        assert_eq!(bytes[28], 0x40);
        assert_eq!(&bytes[32..48], b"0123456789abcdef");
        assert_eq!(bytes[48..52], [0xf5, 0xff, 0xff, 0xff]);
        assert_eq!(bytes[52], 0x50);
        assert_eq!(bytes[56], 0x60);
        assert_eq!(bytes[60], 40);
        assert_eq!(bytes[64], 0x70);
        assert_eq!(bytes[68], 0xb5);
        assert_eq!(bytes[72], 3);
        assert_eq!(bytes[76..80], [0x80, 0x81, 0x82, 0x83]);
    }

    #[test]
    fn a_longer_header_of_a_later_version_is_read() {
        let mut bytes = header().encode().to_vec();
        bytes[0] = 2;
        bytes[2] = 88;
        bytes.extend([0xaa; 8]);
        assert_eq!(RecordHeader::decode(&bytes), Ok((header(), 88)));
        bytes.pop();
        assert_eq!(
            RecordHeader::decode(&bytes),
            Err(HeaderError::Short {
                wanted: 88,
                had: 87
            })
        );
    }

    #[test]
    fn what_a_later_version_means_is_not_guessed() {
        let mut bytes = header().encode();
        bytes[1] = 9;
        assert_eq!(
            RecordHeader::decode(&bytes),
            Err(HeaderError::UnknownKind(9))
        );
        bytes[1] = 0;
        bytes[4] = 7;
        assert_eq!(
            RecordHeader::decode(&bytes),
            Err(HeaderError::UnknownDirection(7))
        );
        bytes[4] = 0;
        bytes[5] = 200;
        assert_eq!(
            RecordHeader::decode(&bytes).map(|(header, _)| header.channel_kind),
            Ok(ChannelKind::Unknown)
        );
    }

    #[test]
    fn a_header_that_no_version_has_is_refused() {
        let mut bytes = header().encode();
        bytes[0] = 0;
        assert!(matches!(
            RecordHeader::decode(&bytes),
            Err(HeaderError::Malformed { version: 0, .. })
        ));
        bytes[0] = 1;
        bytes[2] = 79;
        assert!(matches!(
            RecordHeader::decode(&bytes),
            Err(HeaderError::Malformed { length: 79, .. })
        ));
        assert!(matches!(
            RecordHeader::decode(&bytes[..79]),
            Err(HeaderError::Short { had: 79, .. })
        ));
    }

    #[test]
    fn the_end_of_an_ioctl_survives_encoding() {
        let end = IoctlEnd {
            duration: 1 << 40,
            messages: 3,
        };
        assert_eq!(IoctlEnd::decode(&end.encode()), Some(end));
        assert_eq!(IoctlEnd::decode(&end.encode()[..15]), None);
    }

    #[test]
    fn losses_survive_encoding_and_later_causes_stay_in_the_total() {
        let lost = LostPackets {
            ring_full: 1,
            missed_probes: 2,
            user_queue: 3,
            unreadable: 4,
        };
        let mut bytes = lost.encode().to_vec();
        assert_eq!(LostPackets::decode(&bytes), Some(lost));
        bytes.extend(5u64.to_le_bytes());
        assert_eq!(
            LostPackets::decode(&bytes).map(|lost| lost.total()),
            Some(15)
        );
        bytes.pop();
        assert_eq!(LostPackets::decode(&bytes), None);
        assert_eq!(LostPackets::decode(&bytes[..24]), None);
    }
}
