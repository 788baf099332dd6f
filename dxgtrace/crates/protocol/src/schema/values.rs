//! Named values: enumerations, bit sets, NTSTATUS values. All of them are open: an
//! unknown number is kept and shown as a number.

/// A named set of numbers.
#[derive(Debug)]
pub struct Enum {
    /// The public name of the type.
    pub name: &'static str,
    /// Whether the values are signed 32-bit numbers.
    pub signed: bool,
    /// The known values. If a number has two names, the first is shown.
    pub values: &'static [NamedValue],
}

/// One value of an [`Enum`].
#[derive(Debug)]
pub struct NamedValue {
    /// The number, as a 32-bit pattern if negative.
    pub number: u32,
    /// The public name.
    pub name: &'static str,
}

/// A value of an enumeration.
pub const fn value(number: u32, name: &'static str) -> NamedValue {
    NamedValue { number, name }
}

impl Enum {
    /// The name of `number`.
    pub fn name_of(&self, number: u64) -> Option<&'static str> {
        self.values
            .iter()
            .find(|value| u64::from(value.number) == number)
            .map(|value| value.name)
    }

    /// The length of the run 0, 1, 2 ... with which the list of values begins.
    pub const fn dense_count(&self) -> u64 {
        let mut counted = 0;
        while counted < self.values.len() && self.values[counted].number as usize == counted {
            counted += 1;
        }
        counted as u64
    }

    /// The number called `name`, ignoring case. The common prefix may be left out.
    pub fn number_of(&self, name: &str) -> Option<u64> {
        self.values
            .iter()
            .find(|value| name_matches(value.name, name))
            .map(|value| u64::from(value.number))
    }
}

/// A named set of bits.
#[derive(Debug)]
pub struct Flags {
    /// The public name of the type.
    pub name: &'static str,
    /// The known bits and bit groups, lowest first.
    pub bits: &'static [Bit],
}

/// One bit, or a group of adjacent bits, of a [`Flags`].
#[derive(Debug)]
pub struct Bit {
    /// Number of the lowest bit.
    pub shift: u8,
    /// Number of bits.
    pub width: u8,
    /// The public name.
    pub name: &'static str,
}

/// A single bit of a bit set.
pub const fn bit(shift: u8, name: &'static str) -> Bit {
    Bit {
        shift,
        width: 1,
        name,
    }
}

/// A group of bits of a bit set.
pub const fn bit_group(shift: u8, width: u8, name: &'static str) -> Bit {
    Bit { shift, width, name }
}

impl Bit {
    /// The bits of the group, in place.
    pub const fn mask(&self) -> u64 {
        (u64::MAX >> (64 - self.width as u32)) << self.shift
    }

    /// Extracts the value of the group from `flags`.
    pub const fn extract(&self, flags: u64) -> u64 {
        (flags & self.mask()) >> self.shift
    }
}

impl Flags {
    /// The bits that have a name.
    pub const fn named_mask(&self) -> u64 {
        let mut known = 0;
        let mut i = 0;
        while i < self.bits.len() {
            known |= self.bits[i].mask();
            i += 1;
        }
        known
    }

    /// The bit or bit group called `name`.
    pub const fn find(&self, name: &str) -> Option<&'static Bit> {
        let mut i = 0;
        while i < self.bits.len() {
            if super::text::str_eq(self.bits[i].name, name) {
                return Some(&self.bits[i]);
            }
            i += 1;
        }
        None
    }
}

/// How the driver maps a status of the host to a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestResult {
    /// Success; the caller gets 0.
    Zero,
    /// Success; the caller gets the status itself as a positive result.
    Positive,
    /// Failure; the caller gets this negative errno.
    Errno(i32),
    /// Failure that the driver has no case for; the caller gets -EINVAL.
    Unmapped,
}

/// A status of the host with a name.
#[derive(Debug)]
pub struct NamedStatus {
    /// The 32-bit value.
    pub value: u32,
    /// The public name.
    pub name: &'static str,
    /// The result that the driver returns for it.
    pub result: GuestResult,
    /// A description in plain words.
    pub doc: &'static str,
}

impl NamedStatus {
    /// Whether the driver treats the status as success: it is not negative.
    pub const fn is_success(value: u32) -> bool {
        (value as i32) >= 0
    }
}

/// Whether `word` equals `name`, or the end of `name` after a `_`, ignoring case.
fn name_matches(name: &str, word: &str) -> bool {
    let Some(start) = name.len().checked_sub(word.len()) else {
        return false;
    };
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
        && (start == 0 || name.as_bytes().get(start - 1) == Some(&b'_'))
        && !word.is_empty()
}
