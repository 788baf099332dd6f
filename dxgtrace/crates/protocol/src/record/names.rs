//! The named numbers and bits of a record. One list each generates the Rust type and
//! its description.

use crate::schema::values::{Enum, Flags, NamedValue, bit, value};
use crate::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION, PACKET_INBAND};
use crate::table::ioctls::IOCTLS;

/// Generates a one-byte enumeration and the [`Enum`] that names its numbers.
macro_rules! byte_enum {
    (
        $(#[$doc:meta])*
        pub enum $type:ident, $public:literal {
            $($(#[$value_doc:meta])* $value:ident = $number:literal, $name:literal;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type {
            $($(#[$value_doc])* $value = $number,)+
        }

        impl $type {
            /// The numbers and their names.
            pub const NAMES: Enum = Enum {
                name: $public,
                signed: false,
                values: &[$(value($number, $name)),+],
            };

            /// The value with this number; `None` if this version does not know it.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$value),)+
                    _ => None,
                }
            }

            /// The name in filters and in JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }
    };
}

byte_enum! {
    /// The kind of a record in a capture file.
    pub enum RecordKind, "RECORD_KIND" {
        /// A VMBus packet: the payload follows.
        Packet = 0, "packet";
        /// A failed send: the payload never left the guest.
        Refused = 1, "refused";
        /// Packets are missing here: the payload is
        /// [`LostPackets`](super::header::LostPackets).
        Lost = 2, "lost";
        /// An ioctl of the driver has ended: the payload is an
        /// [`IoctlEnd`](super::header::IoctlEnd).
        Ioctl = 3, "ioctl";
        /// A channel of the driver was offered, opened, closed or rescinded: the
        /// payload is a [`ChannelEvent`].
        Channel = 4, "channel";
    }
}

impl RecordKind {
    /// Whether the payload is a message.
    pub const fn has_message(self) -> bool {
        matches!(self, Self::Packet | Self::Refused)
    }
}

byte_enum! {
    /// What happened to a channel as a whole.
    pub enum ChannelEvent, "CHANNEL_EVENT" {
        /// The host offered it: there is a device.
        Offer = 0, "offer";
        /// The driver opened it: `return_value` is what `vmbus_open` returned.
        Open = 1, "open";
        /// The driver closed it.
        Close = 2, "close";
        /// The host took the offer back: the device is gone.
        Rescind = 3, "rescind";
    }
}

byte_enum! {
    /// The direction of a packet.
    pub enum Direction, "DIRECTION" {
        /// Sent by the driver.
        GuestToHost = 0, "guest_to_host";
        /// Received by the driver.
        HostToGuest = 1, "host_to_guest";
    }
}

byte_enum! {
    /// The type of the channel of a packet.
    pub enum ChannelKind, "CHANNEL_KIND" {
        /// The interface type was not captured.
        Unknown = 0, "unknown";
        /// The VM-wide channel.
        Global = 1, "global";
        /// The channel of one virtual GPU.
        Vgpu = 2, "vgpu";
    }
}

impl ChannelKind {
    /// The channel kind with this number, or [`ChannelKind::Unknown`].
    pub const fn from_number_or_unknown(number: u8) -> Self {
        match Self::from_number(number) {
            Some(kind) => kind,
            None => Self::Unknown,
        }
    }
}

/// Generates a set of up to 16 bits and the [`Flags`] that names them.
macro_rules! flags16 {
    (
        $(#[$doc:meta])*
        pub struct $type:ident, $public:literal {
            $($bit:ident = $shift:literal, $name:literal, $bit_doc:literal;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $type(pub u16);

        impl $type {
            $(#[doc = $bit_doc] pub const $bit: u16 = 1 << $shift;)+

            /// The bits and their names.
            pub const NAMES: Flags = Flags {
                name: $public,
                bits: &[$(bit($shift, $name)),+],
            };

            /// The description of each bit, in order.
            pub const DOCS: &[&str] = &[$($bit_doc),+];

            /// Whether all of `bits` are set.
            pub const fn has(self, bits: u16) -> bool {
                self.0 & bits == bits
            }
        }
    };
}

flags16! {
    /// Which optional members of a [`RecordHeader`](super::header::RecordHeader) are known.
    pub struct KnownFields, "KNOWN" {
        TASK = 0, "task",
            "`pid`, `tid` and `comm` describe the task that was running.";
        REQUESTER = 1, "requester",
            "That task is the one that made the request. Of a completion it is found by channel and \
             transaction: the task that the interrupt hit has nothing to do with it.";
        RETURN_VALUE = 2, "return_value",
            "`return_value` is known.";
        EXPECTED_REPLY = 3, "expected_reply",
            "`expected_reply_length` is known.";
        IOCTL = 4, "ioctl",
            "`ioctl` is known.";
        EXACT_LENGTH = 5, "exact_length",
            "`payload_length` is exact; otherwise the VMBus ring has rounded it up to a multiple of 8.";
        IOCTL_RESULT = 6, "ioctl_result",
            "`ioctl_result` is known: that ioctl has ended.";
    }
}

/// Types of VMBus packets.
pub const PACKET_TYPE: Enum = Enum {
    name: "PACKET_TYPE",
    signed: false,
    values: &[
        value(PACKET_INBAND as u32, "inband"),
        value(PACKET_COMPLETION as u32, "completion"),
    ],
};

/// Flags of VMBus packets.
pub const PACKET_FLAGS: Flags = Flags {
    name: "PACKET_FLAGS",
    bits: &[bit(
        FLAG_COMPLETION_REQUESTED.trailing_zeros() as u8,
        "completion_requested",
    )],
};

/// The request numbers of the driver's ioctls, named by the functions of the
/// user-mode library that make them.
pub const IOCTL: Enum = Enum {
    name: "IOCTL",
    signed: false,
    values: &IOCTL_VALUES,
};

const IOCTL_VALUES: [NamedValue; IOCTLS.len()] = {
    let mut values = [const { value(0, "") }; IOCTLS.len()];
    let mut i = 0;
    while i < values.len() {
        values[i] = value(IOCTLS[i].request(), IOCTLS[i].function);
        i += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_the_same_numbers() {
        let kinds = [
            (RecordKind::Packet, "packet"),
            (RecordKind::Refused, "refused"),
            (RecordKind::Lost, "lost"),
            (RecordKind::Ioctl, "ioctl"),
            (RecordKind::Channel, "channel"),
        ];
        for (kind, name) in kinds {
            assert_eq!(RecordKind::NAMES.name_of(kind as u64), Some(name));
        }
        let ways = [
            (Direction::GuestToHost, "guest_to_host"),
            (Direction::HostToGuest, "host_to_guest"),
        ];
        for (way, name) in ways {
            assert_eq!(Direction::NAMES.name_of(way as u64), Some(name));
        }
        let channels = [
            (ChannelKind::Unknown, "unknown"),
            (ChannelKind::Global, "global"),
            (ChannelKind::Vgpu, "vgpu"),
        ];
        for (kind, name) in channels {
            assert_eq!(ChannelKind::NAMES.name_of(kind as u64), Some(name));
        }
        let bits = [
            (KnownFields::TASK, "task"),
            (KnownFields::REQUESTER, "requester"),
            (KnownFields::RETURN_VALUE, "return_value"),
            (KnownFields::EXPECTED_REPLY, "expected_reply"),
            (KnownFields::IOCTL, "ioctl"),
            (KnownFields::EXACT_LENGTH, "exact_length"),
            (KnownFields::IOCTL_RESULT, "ioctl_result"),
        ];
        for (mask, name) in bits {
            assert_eq!(
                KnownFields::NAMES.find(name).map(|bit| bit.mask()),
                Some(u64::from(mask))
            );
        }
        assert_eq!(KnownFields::NAMES.bits.len(), bits.len());
    }
}
