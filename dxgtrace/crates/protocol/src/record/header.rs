//! The pseudo-header: the 80 bytes before every payload in a capture file.
//!
//! It holds what a VMBus packet does not: for example the task that sent it and the
//! return value of the send function. It survives conversion to other file formats,
//! and Wireshark shows its fields. All numbers are little endian.
//!
//! One list of fields generates the struct [`RecordHeader`], its encoding, and the
//! layout [`RECORD`] for filters, exports, the reference and `docs/capture-format.md`.

use super::names::{IOCTL, PACKET_FLAGS, PACKET_TYPE};
use super::stored::{Stored, describe, sort_by_offset};
use crate::schema::{Field, FieldType, Layout, layout, when_set};
use crate::table::errno::EAGAIN;

pub use super::names::{ChannelEvent, ChannelKind, Direction, KnownFields, RecordKind};
pub use super::payload::{IoctlEnd, LostPackets};
pub use super::version::{HeaderError, LENGTH, VERSION};

/// The field type of a member: that of its Rust type, unless the list gives one.
macro_rules! meaning {
    ($type:ty) => {
        <$type>::TY
    };
    ($type:ty, $ty:expr) => {
        $ty
    };
}

/// Generates the struct, its encoding and its layout from one list:
/// `offset name: type [as FieldType], "doc" [, if "bit of known"];`. The `fixed` fields
/// are written by the encoder and are not members of the struct.
macro_rules! header {
    (
        fixed {
            $($fixed_at:literal $fixed:ident: $fixed_type:ty as $fixed_ty:expr, $fixed_doc:literal;)+
        }
        members {
            $($at:literal $name:ident: $type:ty $(as $ty:expr)?, $doc:literal $(, if $bit:literal)?;)+
        }
    ) => {
        /// The decoded pseudo-header of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct RecordHeader {
            $(#[doc = $doc] pub $name: $type,)+
        }

        /// The fields that the encoder writes by itself.
        struct Fixed {
            $($fixed: $fixed_type,)+
        }

        impl Fixed {
            fn store(&self, header: &mut [u8; LENGTH]) {
                $(self.$fixed.store(header, $fixed_at);)+
            }

            #[inline]
            fn load(header: &[u8; LENGTH]) -> Result<Self, HeaderError> {
                Ok(Self { $($fixed: Stored::load(header, $fixed_at)?,)+ })
            }
        }

        impl RecordHeader {
            /// The header of a packet to the host, with no optional field known.
            pub const EMPTY: Self = Self { $($name: Stored::ZERO,)+ };

            fn store(&self, header: &mut [u8; LENGTH]) {
                $(self.$name.store(header, $at);)+
            }

            /// Decodes in place, because moving a header right after reading it is slow.
            #[inline]
            fn load(&mut self, header: &[u8; LENGTH]) -> Result<(), HeaderError> {
                *self = Self { $($name: Stored::load(header, $at)?,)+ };
                Ok(())
            }
        }

        const FIELDS: [Field; [$($fixed_at,)+ $($at,)+].len()] = sort_by_offset([
            $(describe(
                $fixed_at,
                stringify!($fixed),
                <$fixed_type>::SIZE,
                $fixed_ty,
                $fixed_doc,
            ),)+
            $({
                let described = describe(
                    $at,
                    stringify!($name),
                    <$type>::SIZE,
                    meaning!($type $(, $ty)?),
                    $doc,
                );
                $(let described = described.when(when_set("known", &KnownFields::NAMES, $bit));)?
                described
            },)+
        ]);
    };
}

header! {
    fixed {
        0 version: u8 as FieldType::U32,
            "Version of this header; later ones only append.";
        2 header_length: u16 as FieldType::U32,
            "Length of this header in bytes; the payload follows it.";
    }
    members {
        1 kind: RecordKind,
            "What the record is.";
        4 direction: Direction,
            "Which way it went.";
        5 channel_kind: ChannelKind,
            "Which type of channel it used.";
        6 packet_type: u16 as FieldType::Enum(&PACKET_TYPE),
            "VMBus packet type.";
        8 packet_flags: u16 as FieldType::Flags16(&PACKET_FLAGS),
            "VMBus packet flags.";
        10 known: KnownFields,
            "Which of the following members hold something.";
        12 channel: u32,
            "VMBus channel number (`child_relid`), unique among open channels.";
        16 transaction: u64,
            "VMBus transaction id, 0 where none is used.";
        24 pid: u32,
            "Process id: thread group id in the initial pid namespace.", if "task";
        28 tid: u32,
            "Thread id in the initial pid namespace.", if "task";
        32 comm: [u8; 16],
            "Task name: bytes of any value, padded with NUL.", if "task";
        48 return_value: i32,
            "What the send function returned: 0 or a negative errno. Of an ioctl: what the driver's \
             first failed synchronous send in it returned, or 0. Of a channel that is opened: what \
             `vmbus_open` returned.", if "return_value";
        52 refused_attempts: u32,
            "Attempts at this send that found the ring full.";
        56 expected_reply_length: u32,
            "Bytes that the driver asks for: in the request, and again in the reply.",
            if "expected_reply";
        60 interface_version: u32,
            "Negotiated interface version, 0 if not known.";
        64 ioctl: u32 as FieldType::Enum(&IOCTL),
            "Request number of the ioctl that has ended, or during which the packet or its request \
             was sent.", if "ioctl";
        68 ioctl_result: i32,
            "What that ioctl returned to the application.", if "ioctl_result";
        72 cpu: u32,
            "Processor on which the packet was seen.";
        76 payload_length: u32,
            "Length of the payload before any cut, in bytes.";
    }
}

/// The layout of the pseudo-header.
pub static RECORD: Layout =
    layout(LENGTH as u16, &crate::schema::fields(FIELDS)).header("pseudo-header");

const _: () = assert!(RECORD.gaps[0].1 == 0, "every byte belongs to a field");

impl Default for RecordHeader {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl RecordHeader {
    /// Attempts at a send that the ring refused before the one that is recorded.
    pub fn attempts_before(&self) -> u32 {
        let refused = self.kind == RecordKind::Refused && self.return_value == EAGAIN;
        self.refused_attempts.saturating_sub(refused.into())
    }

    /// Encodes the header in the current [`VERSION`].
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        let fixed = Fixed {
            version: VERSION,
            header_length: LENGTH as u16,
        };
        fixed.store(&mut out);
        self.store(&mut out);
        out
    }

    /// Decodes the header at the start of `bytes`, of this version or a later one.
    /// Returns it with its length in bytes, at which the payload begins. Fields that a
    /// later version appended are skipped.
    ///
    /// # Errors
    /// See [`HeaderError`]. An unknown kind or direction is an error, so that the
    /// caller can count the records that it skips.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let mut header = Self::EMPTY;
        let length = header.read(bytes)?;
        Ok((header, length))
    }

    /// Decodes a header like [`RecordHeader::decode`], but in place. After an error, the
    /// previous header is unchanged.
    ///
    /// # Errors
    /// The same as for [`RecordHeader::decode`].
    #[inline]
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, HeaderError> {
        let had = bytes.len();
        let fields: &[u8; LENGTH] = bytes.first_chunk().ok_or(HeaderError::Short {
            wanted: LENGTH,
            had,
        })?;
        let Fixed {
            version,
            header_length: length,
        } = Fixed::load(fields)?;
        let wanted = usize::from(length);
        if version == 0 || wanted < LENGTH {
            return Err(HeaderError::Malformed { version, length });
        }
        if had < wanted {
            return Err(HeaderError::Short { wanted, had });
        }
        self.load(fields)?;
        Ok(wanted)
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

    fn number(bytes: &[u8], field: &Field) -> u64 {
        let start = usize::from(field.at);
        let size = usize::from(field.ty.size());
        let raw = bytes[start..start + size]
            .iter()
            .rev()
            .fold(0, |raw, byte| raw << 8 | u64::from(*byte));
        match field.bits {
            Some((shift, _)) => (raw & field.mask()) >> shift,
            None => raw,
        }
    }

    #[test]
    fn the_description_is_the_encoding() {
        let header = RecordHeader {
            kind: RecordKind::Refused,
            direction: Direction::HostToGuest,
            channel_kind: ChannelKind::Vgpu,
            packet_type: 11,
            packet_flags: 1,
            known: KnownFields(0x7f),
            channel: 20,
            transaction: 1 << 40,
            pid: 300,
            tid: 301,
            comm: *b"0123456789abcdef",
            return_value: -11,
            refused_attempts: 3,
            expected_reply_length: 24,
            interface_version: 40,
            ioctl: 0xc040_4702,
            ioctl_result: -75,
            cpu: 5,
            payload_length: 1000,
        };
        let bytes = header.encode();
        let negative = |value: i32| u64::from(value as u32);
        let wanted = [
            1,
            1,
            80,
            1,
            2,
            11,
            1,
            0x7f,
            20,
            1 << 40,
            300,
            301,
            u64::from(b'0'),
            negative(-11),
            3,
            24,
            40,
            0xc040_4702,
            negative(-75),
            5,
            1000,
        ];
        assert_eq!(usize::from(RECORD.size), LENGTH);
        assert_eq!(RECORD.gaps[0].1, 0, "every byte belongs to a field");
        assert_eq!(RECORD.fields.len(), wanted.len());
        for (field, wanted) in RECORD.fields.iter().zip(wanted) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
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
}
