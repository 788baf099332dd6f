//! The payloads of records that are not packets: arrays of little-endian 64-bit counts.

use super::names::ChannelEvent;
use crate::schema::{Field, FieldType, Layout, field, layout};

/// Generates the struct, its encoding and its layout from one list of counts:
/// `name, "name in filters", "doc";`.
macro_rules! counts {
    (
        $(#[$doc:meta])*
        pub struct $type:ident, $(#[$layout_doc:meta])* $layout:ident, $title:literal {
            $($name:ident, $field:literal, $count_doc:literal;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $type {
            $(#[doc = $count_doc] pub $name: u64,)+
        }

        impl $type {
            const FIELDS: [Field; [$($field),+].len()] = fields([$(($field, $count_doc)),+]);
            /// Length of the encoded form in bytes.
            pub const LENGTH: usize = 8 * Self::FIELDS.len();

            /// Encodes the payload.
            pub fn encode(&self) -> [u8; Self::LENGTH] {
                let mut out = [0; Self::LENGTH];
                for (place, count) in out.chunks_exact_mut(8).zip(self.counts()) {
                    place.copy_from_slice(&count.to_le_bytes());
                }
                out
            }

            fn counts(&self) -> [u64; Self::FIELDS.len()] {
                [$(self.$name),+]
            }

            fn take(counts: &mut impl Iterator<Item = u64>) -> Option<Self> {
                Some(Self { $($name: counts.next()?,)+ })
            }
        }

        $(#[$layout_doc])*
        pub static $layout: Layout =
            layout($type::LENGTH as u16, &$type::FIELDS).header($title);
    };
}

/// The fields of counts with these names and descriptions.
const fn fields<const N: usize>(counts: [(&'static str, &'static str); N]) -> [Field; N] {
    let mut fields = [const { field(0, "", FieldType::U64, "") }; N];
    let mut i = 0;
    while i < N {
        let (name, doc) = counts[i];
        fields[i] = field(8 * i as u16, name, FieldType::U64, doc);
        i += 1;
    }
    fields
}

counts! {
    /// The number of packets lost at one point of the stream, by cause.
    pub struct LostPackets,
    /// The payload of a record that stands for lost packets.
    LOST, "loss" {
        ring_full, "lost.ring_full",
            "Lost because the kernel's ring buffer was full.";
        missed_probes, "lost.missed_probes",
            "Lost because the kernel did not run the probe: nested, or out of return slots.";
        user_queue, "lost.user_queue",
            "Lost because the queue between reader and consumer was full.";
        unreadable, "lost.unreadable",
            "Lost because the probe could not read their memory.";
    }
}

impl LostPackets {
    /// Decodes the payload of a record of the kind `Lost`. Causes that a later version
    /// appended are added to [`LostPackets::unreadable`], so that the total is right.
    /// `None` if a cause of this version is missing.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (causes, rest) = payload.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        let mut causes = causes.iter().map(|cause| u64::from_le_bytes(*cause));
        let mut lost = Self::take(&mut causes)?;
        for later in causes {
            lost.unreadable = lost.unreadable.saturating_add(later);
        }
        Some(lost)
    }

    /// The sum over all causes.
    pub fn total(&self) -> u64 {
        self.counts().into_iter().fold(0, u64::saturating_add)
    }
}

counts! {
    /// What is known about an ioctl that has ended, apart from the pseudo-header.
    pub struct IoctlEnd,
    /// The payload of a record that stands for the end of an ioctl.
    IOCTL_END, "ioctl" {
        duration, "ioctl_duration",
            "Nanoseconds that the ioctl took.";
        messages, "ioctl_messages",
            "Messages that were sent in the ioctl, captured or not.";
    }
}

impl IoctlEnd {
    /// Decodes the payload of a record of the kind `Ioctl`. Fields that a later version
    /// appended are skipped. `None` if the payload is too short.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (counts, _) = payload.as_chunks::<8>();
        Self::take(&mut counts.iter().map(|count| u64::from_le_bytes(*count)))
    }
}

/// The payload of a record that says what happened to a channel.
pub static CHANNEL_LIFE: Layout =
    layout(ChannelEvent::LENGTH as u16, &ChannelEvent::FIELDS).header("channel");

impl ChannelEvent {
    const FIELDS: [Field; 1] = crate::schema::fields([field(
        0,
        "channel_event",
        FieldType::Enum(&Self::NAMES),
        "What happened to the channel.",
    )]);
    /// Length of the encoded form in bytes.
    pub const LENGTH: usize = 4;

    /// The payload of such a record.
    pub fn encode(self) -> [u8; Self::LENGTH] {
        u32::from(self as u8).to_le_bytes()
    }

    /// Reads the payload of a record of the kind `Channel`; what a later version
    /// appended is skipped. `None` if it is too short, or an event that only a
    /// later version knows.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let number = u32::from_le_bytes(*payload.first_chunk()?);
        Self::from_number(u8::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8], field: &Field) -> u64 {
        let at = usize::from(field.at);
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn losses_stand_in_their_order() {
        let lost = LostPackets {
            ring_full: 1,
            missed_probes: 2,
            user_queue: 3,
            unreadable: 4,
        };
        let bytes = lost.encode();
        assert_eq!(usize::from(LOST.size), LostPackets::LENGTH);
        for (field, wanted) in LOST.fields.iter().zip(1..) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
        }
    }

    #[test]
    fn the_end_of_an_ioctl_stands_in_its_order() {
        let end = IoctlEnd {
            duration: 1,
            messages: 2,
        };
        let bytes = end.encode();
        assert_eq!(usize::from(IOCTL_END.size), IoctlEnd::LENGTH);
        for (field, wanted) in IOCTL_END.fields.iter().zip(1..) {
            assert_eq!(number(&bytes, field), wanted, "{}", field.name);
        }
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
    fn the_life_of_a_channel_survives_encoding() {
        for value in ChannelEvent::NAMES.values {
            let event = ChannelEvent::from_number(value.number as u8).unwrap();
            let mut bytes = event.encode().to_vec();
            assert_eq!(bytes.len(), usize::from(CHANNEL_LIFE.size));
            assert_eq!(ChannelEvent::decode(&bytes[..3]), None);
            bytes.push(7);
            assert_eq!(ChannelEvent::decode(&bytes), Some(event));
        }
        assert_eq!(ChannelEvent::decode(&[9, 0, 0, 0]), None);
        assert_eq!(ChannelEvent::decode(&[0, 1, 0, 0]), None);
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
