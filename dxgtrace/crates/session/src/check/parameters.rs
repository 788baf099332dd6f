//! The types of finding parameters. Each type has one notation, which
//! sentences, JSON lines and the dissector share.

use std::fmt::{self, Display};

use dxgtrace_protocol::decode::Value;
use dxgtrace_protocol::table::errno;

/// How a parameter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Decimal, and a number in JSON: no value exceeds 2^53.
    Integer,
    /// Decimal, and a string in JSON: any 64-bit value.
    Decimal,
    /// Hexadecimal.
    Hexadecimal,
    /// A status by its name.
    Status,
    /// An errno, negative, with its name.
    Errno,
    /// 0 or 1.
    Bit,
    /// The packet that ended an object, if there is one.
    End,
    /// The packet that asks for a signal, if there is one.
    Signal,
}

impl Notation {
    /// The word for the notation in the dissector.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Hexadecimal => "hexadecimal",
            Self::Status => "status",
            Self::Errno => "errno",
            Self::Bit => "bit",
            Self::End => "end",
            Self::Signal => "signal",
        }
    }

    /// A number in this notation.
    pub fn text(self, number: u64) -> impl Display {
        fmt::from_fn(move |f| self.write(number, f))
    }

    fn write(self, number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer | Self::Decimal | Self::Bit => write!(f, "{number}"),
            Self::Hexadecimal => write!(f, "{number:#x}"),
            Self::Status => Value::Status(number as u32).fmt(f),
            Self::Errno => {
                write!(f, "-{number}")?;
                match errno::name(number as u32) {
                    Some(name) => write!(f, " ({name})"),
                    None => Ok(()),
                }
            }
            Self::End if number == 0 => f.write_str("it was never announced"),
            Self::End => write!(f, "it ended in packet {number}"),
            Self::Signal if number == 0 => {
                f.write_str("no message in the capture asks for that value")
            }
            Self::Signal => write!(f, "packet {number} asks for that value"),
        }
    }
}

/// A parameter of a finding: a number with a meaning.
pub trait Parameter: Copy + Display {
    /// How it is written.
    const NOTATION: Notation;

    /// The parameter as a plain number.
    fn number(self) -> u64;

    /// The parameter for which [`number`](Self::number) returns `number`.
    fn from_number(number: u64) -> Self;
}

macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident($inner:ty), $notation:ident,
       $number:expr, $from_number:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl Parameter for $name {
            const NOTATION: Notation = Notation::$notation;

            fn number(self) -> u64 {
                let number: fn($inner) -> u64 = $number;
                number(self.0)
            }

            fn from_number(number: u64) -> Self {
                let from_number: fn(u64) -> $inner = $from_number;
                Self(from_number(number))
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Self::NOTATION.write(self.number(), f)
            }
        }
    )*};
}

parameters! {
    /// A number of bytes.
    ByteCount(u64), Decimal, u64::from, u64::from;
    /// A number of messages, packets, attempts or array elements.
    ItemCount(u64), Integer, u64::from, u64::from;
    /// How often something happened in the capture.
    RepeatCount(u32), Integer, u64::from, |number| number as u32;
    /// A number of objects.
    ObjectCount(u32), Integer, u64::from, |number| number as u32;
    /// A duration in seconds.
    Seconds(u64), Integer, u64::from, u64::from;
    /// A duration in milliseconds.
    Milliseconds(u64), Integer, u64::from, u64::from;
    /// The number of a packet in the capture.
    PacketNumber(u64), Integer, u64::from, u64::from;
    /// The id that joins a request and its reply.
    TransactionId(u64), Decimal, u64::from, u64::from;
    /// The number of a VMBus packet type.
    PacketType(u16), Integer, u64::from, |number| number as u16;
    /// The channel type in a command header.
    ChannelType(u32), Integer, u64::from, |number| number as u32;
    /// The number of a message in its set.
    CommandNumber(u32), Integer, u64::from, |number| number as u32;
    /// A bit of a header.
    HeaderBit(bool), Bit, u64::from, |number| number != 0;
    /// A version of the interface between driver and host.
    InterfaceVersion(u32), Integer, u64::from, |number| number as u32;
    /// The value of a field that holds a number.
    FieldNumber(u64), Decimal, u64::from, u64::from;
    /// The value of a field, or some bits of it, in hexadecimal.
    FieldBits(u64), Hexadecimal, u64::from, u64::from;
    /// The handle of an object.
    HandleValue(u64), Hexadecimal, u64::from, u64::from;
    /// The number of an event.
    EventNumber(u64), Decimal, u64::from, u64::from;
    /// A status of the host.
    StatusCode(u32), Status, u64::from, |number| number as u32;
    /// An errno, positive.
    ErrorNumber(u32), Errno, u64::from, |number| number as u32;
    /// The packet in which an object ended; 0 if it never existed.
    EndedIn(u64), End, u64::from, u64::from;
    /// The packet that asks for a fence's signal; 0 if there is none.
    SignalPacket(u64), Signal, u64::from, u64::from;
    /// The handle of a fence.
    FenceHandle(u32), Hexadecimal, u64::from, |number| number as u32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_shows_what_the_number_means() {
        assert_eq!(ByteCount(24).to_string(), "24");
        assert_eq!(HandleValue(0x4000_0080).to_string(), "0x40000080");
        assert_eq!(StatusCode(0xC000_0017).to_string(), "STATUS_NO_MEMORY");
        assert_eq!(StatusCode(0xC0FF_EE00).to_string(), "0xc0ffee00");
        assert_eq!(ErrorNumber(22).to_string(), "-22 (EINVAL)");
        assert_eq!(ErrorNumber(4000).to_string(), "-4000");
        assert_eq!(HeaderBit(true).to_string(), "1");
        assert_eq!(EndedIn(7).to_string(), "it ended in packet 7");
        assert_eq!(EndedIn(0).to_string(), "it was never announced");
        let asked = SignalPacket(7).to_string();
        assert_eq!(asked, "packet 7 asks for that value");
    }

    #[test]
    fn a_parameter_survives_being_a_number() {
        assert_eq!(EndedIn::from_number(EndedIn(0).number()), EndedIn(0));
        assert_eq!(EndedIn::from_number(9), EndedIn(9));
        assert_eq!(HeaderBit::from_number(1), HeaderBit(true));
        assert_eq!(ByteCount::from_number(u64::MAX), ByteCount(u64::MAX));
    }
}
