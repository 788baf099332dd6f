//! The types of field values, and the names of values.

use dxgtrace_protocol::schema::values::{Enum, Flags};
use dxgtrace_protocol::schema::{FieldType, ObjectKind};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::statuses;
use dxgtrace_session::check::{Code, Severity};

/// The type of a field's values. It decides how literals are parsed, which
/// operators are valid, and how values are printed.
#[derive(Debug, Clone, Copy)]
pub enum ValueType {
    /// Presence only: a message, or an array of structures.
    Label,
    /// An unsigned number.
    Unsigned,
    /// A signed number.
    Signed,
    /// A truth value.
    Bool,
    /// A handle of one of these kinds.
    Handle(&'static [ObjectKind]),
    /// A guest address.
    Pointer,
    /// A GPU or guest-physical address.
    Address,
    /// A set of named bits.
    Flags(&'static Flags),
    /// A number with names.
    Named(ValueNames),
    /// An adapter's identifier.
    Luid,
    /// Nanoseconds since 1970, in seconds.
    Time,
    /// Nanoseconds, in seconds or with a unit.
    Duration,
    /// Text.
    Text,
    /// Opaque bytes.
    Bytes,
}

impl ValueType {
    /// The type of what the table calls `ty`; `bits` if only some of its bits
    /// are meant, and `array` if several stand in a row.
    pub(super) fn of(ty: FieldType, bits: bool, array: bool) -> Self {
        match ty {
            FieldType::Enum(names) => Self::Named(ValueNames::Enum(names)),
            _ if bits => Self::Unsigned,
            FieldType::U8 | FieldType::U16 | FieldType::U32 | FieldType::U64 | FieldType::Event => {
                Self::Unsigned
            }
            FieldType::I32 => Self::Signed,
            FieldType::Bool => Self::Bool,
            FieldType::Handle(kinds) => Self::Handle(kinds),
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                Self::Flags(set)
            }
            FieldType::NtStatus => Self::Named(ValueNames::Status),
            FieldType::Luid => Self::Luid,
            FieldType::Pointer => Self::Pointer,
            FieldType::Address => Self::Address,
            FieldType::Utf16 if array => Self::Text,
            FieldType::Byte if array => Self::Bytes,
            FieldType::Utf16 | FieldType::Byte => Self::Unsigned,
        }
    }

    /// The name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Bool => "boolean",
            Self::Handle(_) => "handle",
            Self::Pointer => "guest address",
            Self::Address => "address",
            Self::Flags(_) => "flags",
            Self::Named(ValueNames::Enum(_)) => "enumeration",
            Self::Named(ValueNames::Status) => "status",
            Self::Named(_) => "word",
            Self::Luid => "luid",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }

    /// Whether values are numbers.
    pub(super) const fn is_number(self) -> bool {
        !matches!(self, Self::Label | Self::Text | Self::Bytes)
    }

    /// Whether values are ordered.
    pub(super) const fn is_ordered(self) -> bool {
        match self {
            Self::Unsigned
            | Self::Signed
            | Self::Handle(_)
            | Self::Pointer
            | Self::Address
            | Self::Flags(_)
            | Self::Time
            | Self::Duration => true,
            Self::Named(names) => names.is_ordered(),
            Self::Label | Self::Bool | Self::Luid | Self::Text | Self::Bytes => false,
        }
    }

    /// Whether single bits of a value have a meaning.
    pub(super) const fn has_bits(self) -> bool {
        match self {
            Self::Unsigned | Self::Handle(_) | Self::Pointer | Self::Address | Self::Flags(_) => {
                true
            }
            Self::Named(names) => names.is_open(),
            _ => false,
        }
    }

    /// Whether values are commonly written in hexadecimal.
    pub(super) const fn is_hex(self) -> bool {
        matches!(
            self,
            Self::Handle(_)
                | Self::Pointer
                | Self::Address
                | Self::Flags(_)
                | Self::Named(ValueNames::Status)
        )
    }

    /// Whether negative numbers are among the values.
    pub(super) const fn is_signed(self) -> bool {
        match self {
            Self::Signed | Self::Duration => true,
            Self::Named(ValueNames::Enum(names)) => names.signed,
            _ => false,
        }
    }
}

/// The source of the names of a number's values.
#[derive(Debug, Clone, Copy)]
pub enum ValueNames {
    /// An enumeration of the protocol.
    Enum(&'static Enum),
    /// The host's statuses.
    Status,
    /// The messages; the number is [`table::catalog_index`].
    Message,
    /// The codes of findings, by their place among all.
    Code,
    /// The severities of findings, mildest first.
    Severity,
    /// Words that this program defines.
    Words(&'static Enum),
}

impl ValueNames {
    /// Every number that has a name, and the name. Where one number has two
    /// names, the preferred one comes first.
    pub fn iter(self) -> Box<dyn Iterator<Item = (i128, &'static str)>> {
        match self {
            Self::Enum(names) | Self::Words(names) => Box::new(
                names
                    .values
                    .iter()
                    .map(move |value| (signed(names, value.number), value.name)),
            ),
            Self::Status => Box::new(
                statuses::STATUSES
                    .iter()
                    .map(|status| (i128::from(status.value), status.name)),
            ),
            Self::Message => Box::new(table::all().filter_map(|message| {
                table::catalog_index(message).map(|place| (place as i128, message.name))
            })),
            Self::Code => Box::new(Code::ALL.iter().map(|code| (*code as i128, code.word()))),
            Self::Severity => Box::new(
                Severity::ALL
                    .iter()
                    .map(|severity| (*severity as i128, severity.name())),
            ),
        }
    }

    /// The name of a number.
    pub fn name_of(self, number: i128) -> Option<&'static str> {
        match self {
            Self::Message => usize::try_from(number)
                .ok()
                .and_then(table::by_index)
                .map(|message| message.name),
            _ => self
                .iter()
                .find(|(named, _)| *named == number)
                .map(|(_, name)| name),
        }
    }

    /// Whether values without a name exist, so that numbers are accepted.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Enum(_) | Self::Status)
    }

    /// Whether the numbers are meaningful to users.
    pub(super) const fn has_numbers(self) -> bool {
        self.is_open() || matches!(self, Self::Words(_))
    }

    const fn is_ordered(self) -> bool {
        matches!(self, Self::Enum(_) | Self::Status | Self::Severity)
    }

    /// What the names denote.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Enum(_) => "the name of an enumerator",
            Self::Status => "the name of a status",
            Self::Message => "the name of a message",
            Self::Code => "the code of a finding",
            Self::Severity => "a severity",
            Self::Words(_) => "a word",
        }
    }
}

fn signed(names: &Enum, number: u32) -> i128 {
    if names.signed {
        i128::from(number as i32)
    } else {
        i128::from(number)
    }
}
