//! The layout of one part of a message, with all names resolved.

use super::field::{Field, field_named};
use super::slice::BitSlice;
use super::tail::Tail;
use super::{MAX_GAPS, MAX_REQUEST_VALUES, MAX_TAILS};
use crate::schema::text::fail_build_at;

/// Who wrote the padding bytes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesOrigin {
    /// The driver, which builds the message in a zeroed buffer.
    Built,
    /// The application: the driver copies the whole ioctl structure.
    Copied,
}

/// Where the decoder finds the length of a tail: a [`TailLength`](super::TailLength)
/// with names resolved to offsets.
#[derive(Debug, Clone, Copy)]
pub enum LengthSource {
    /// The `u32` at this offset.
    At(u16),
    /// The `u32` at this offset, but at least 1.
    AtOrOne(u16),
    /// The `u32` at this offset if that many elements fit in the rest, else 0.
    AtIfRoom(u16),
    /// The sum of the `u32` at `member` over the elements of tail `tail`.
    Sum {
        /// Index of the earlier tail.
        tail: u8,
        /// Bytes from one element to the next.
        stride: u16,
        /// Offset of the summed member in the element.
        member: u16,
    },
    /// The bytes left up to the layout's fixed total length.
    Fill,
    /// `round_up(head + element * max(u32 at count, 1), 8)`.
    Area {
        /// Bytes before the elements.
        head: u32,
        /// Bytes of one element.
        element: u32,
        /// Offset of the count.
        count: u16,
    },
    /// The request value with this index.
    Request(u8),
}

/// A value of the request that its replies depend on.
#[derive(Debug, Clone, Copy)]
pub enum RequestValue {
    /// Unused slot.
    None,
    /// The `u32` at this offset.
    At(u16),
    /// The `u32` at this offset, but at least 1.
    AtOrOne(u16),
    /// The `u32` at the first offset if the byte at the second offset is not 0,
    /// else 0.
    AtIf(u16, u16),
    /// The sum of a member over a tail, as in [`LengthSource::Sum`].
    Sum {
        /// Index of the tail.
        tail: u8,
        /// Bytes from one element to the next.
        stride: u16,
        /// Offset of the summed member in the element.
        member: u16,
    },
}

impl RequestValue {
    /// Whether both values are read the same way.
    pub(super) const fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::At(a), Self::At(b)) | (Self::AtOrOne(a), Self::AtOrOne(b)) => a == b,
            (Self::AtIf(a, flag), Self::AtIf(b, other)) => a == b && flag == other,
            (
                Self::Sum {
                    tail,
                    stride,
                    member,
                },
                Self::Sum {
                    tail: other_tail,
                    stride: other_stride,
                    member: other_member,
                },
            ) => tail == other_tail && stride == other_stride && member == other_member,
            _ => false,
        }
    }
}

/// The layout of one part of a message.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// `sizeof` of the C structure, in bytes.
    pub size: u16,
    /// Offset of the first byte that is not part of a header.
    pub start: u16,
    /// The fields of the fixed part, in order.
    pub fields: &'static [Field],
    /// The arrays after the fixed part, in order.
    pub tails: &'static [Tail],
    /// Offset of the first tail.
    pub tails_at: u16,
    /// Number of unused bytes after the tails.
    pub slack: u16,
    /// Minimum total length in bytes.
    pub min_total: u16,
    /// The total length in bytes, if it does not depend on the counts.
    pub fixed_total: Option<u32>,
    /// Whether the total length is rounded up to a multiple of 8.
    pub round8: bool,
    /// Total lengths that other generations of the driver use. Messages of these
    /// lengths are decoded but not checked: how they differ is not known.
    pub other_sizes: &'static [u16],
    /// Whether the structure is packed, without alignment.
    pub is_packed: bool,
    /// Who wrote the padding bytes.
    pub origin: BytesOrigin,
    /// Whether the receiver reads any of the part.
    pub is_read: bool,
    /// Whether the reply repeats the request, with fields filled in.
    pub is_echo: bool,
    /// Where the length of each tail comes from.
    pub tail_lengths: [LengthSource; MAX_TAILS],
    /// Where the driver takes the length of each tail from when it sizes its reply
    /// buffer.
    pub expected_tail_lengths: [LengthSource; MAX_TAILS],
    /// The field that decides whether a tail's data begin with a structure, per tail.
    pub view_deciders: [Option<BitSlice>; MAX_TAILS],
    /// Padding of the fixed part: offset and length of each run.
    pub gaps: [(u16, u16); MAX_GAPS],
    /// Bit mask of the fields whose values have names.
    pub named_fields: u64,
    /// Bit mask of the fields with a rule that forbids some values.
    pub ruled_fields: u64,
    /// Bit mask of the tails whose values have names.
    pub named_tails: u8,
    /// Bit mask of the array fields with a count of used elements.
    pub counted_fields: u64,
    /// Bit mask of the fields that the one-line summary may show.
    pub in_summary: u64,
    /// Offset of the status, if the layout has one.
    pub status: Option<u16>,
    /// Index of the request value that selects among the alternatives of a reply.
    pub selector: Option<u8>,
    /// In a request: the values that its replies depend on.
    pub request_values: [RequestValue; MAX_REQUEST_VALUES],
    /// Number of used slots in `request_values`.
    pub values_used: u8,
    /// Index among the forms of the part.
    pub form_index: u8,
}

/// A layout whose C structure is `size` bytes long.
pub const fn layout(size: u16, fields: &'static [Field]) -> Layout {
    Layout {
        size,
        start: 0,
        fields,
        tails: &[],
        tails_at: size,
        slack: 0,
        min_total: 0,
        fixed_total: None,
        round8: false,
        other_sizes: &[],
        is_packed: false,
        origin: BytesOrigin::Built,
        is_read: true,
        is_echo: false,
        tail_lengths: [LengthSource::At(0); MAX_TAILS],
        expected_tail_lengths: [LengthSource::At(0); MAX_TAILS],
        view_deciders: [None; MAX_TAILS],
        gaps: [(0, 0); MAX_GAPS],
        named_fields: 0,
        named_tails: 0,
        ruled_fields: 0,
        counted_fields: 0,
        in_summary: 0,
        status: None,
        selector: None,
        request_values: [RequestValue::None; MAX_REQUEST_VALUES],
        values_used: 0,
        form_index: 0,
    }
}

impl Layout {
    /// Adds `tails`, the first of which begins at offset `at`.
    pub const fn tails(mut self, at: u16, tails: &'static [Tail]) -> Self {
        self.tails_at = at;
        self.tails = tails;
        self
    }

    /// Declares the `length` bytes at offset `at` as padding. Every run of padding must
    /// be declared, in order:
    ///
    /// ```
    /// use dxgtrace_protocol::schema::*;
    ///
    /// const LABEL: Message = Message::new(MessageSet::Vgpu, 63, "label", "LABEL", "A label.")
    ///     .request(layout(32, &[field(24, "kind", FieldType::U32, "Its kind.")]).gap(28, 4));
    /// # assert_eq!(LABEL.name, "label");
    /// ```
    ///
    /// A missing field fails the build with an error that gives its offset:
    ///
    /// ```compile_fail
    /// use dxgtrace_protocol::schema::*;
    ///
    /// const LABEL: Message = Message::new(MessageSet::Vgpu, 63, "label", "LABEL", "A label.")
    ///     .request(layout(32, &[field(24, "kind", FieldType::U32, "Its kind.")]));
    /// # assert_eq!(LABEL.name, "label");
    /// ```
    pub const fn gap(mut self, at: u16, length: u16) -> Self {
        let mut i = 0;
        while i < MAX_GAPS && self.gaps[i].1 > 0 {
            i += 1;
        }
        if i == MAX_GAPS {
            fail_build_at(
                "a layout",
                "declares too many gaps, with the one at offset",
                at,
            );
        }
        self.gaps[i] = (at, length);
        self
    }

    /// Declares `slack` unused bytes after the tails.
    pub const fn slack(mut self, slack: u16) -> Self {
        self.slack = slack;
        self
    }

    /// Declares a minimum total length of `min` bytes.
    pub const fn at_least(mut self, min: u16) -> Self {
        self.min_total = min;
        self
    }

    /// Declares a fixed total length of `total` bytes.
    pub const fn total(mut self, total: u32) -> Self {
        self.fixed_total = Some(total);
        self
    }

    /// Declares that the total length is rounded up to a multiple of 8.
    pub const fn round8(mut self) -> Self {
        self.round8 = true;
        self
    }

    /// Declares total `lengths` that other generations of the driver use.
    pub const fn other_sizes(mut self, lengths: &'static [u16]) -> Self {
        self.other_sizes = lengths;
        self
    }

    /// Whether `length` is one of [`Layout::other_sizes`].
    pub fn has_other_size(&self, length: u64) -> bool {
        self.other_sizes
            .iter()
            .any(|size| u64::from(*size) == length)
    }

    /// Declares the structure as packed, without alignment.
    pub const fn packed(mut self) -> Self {
        self.is_packed = true;
        self
    }

    /// Declares that the driver copies the body from the application.
    pub const fn copied(mut self) -> Self {
        self.origin = BytesOrigin::Copied;
        self
    }

    /// Declares that the receiver does not read the part.
    pub(super) const fn not_read(mut self) -> Self {
        self.is_read = false;
        self
    }

    /// Length of the fixed part in bytes.
    pub const fn fixed(&self) -> u16 {
        self.tails_at
    }

    /// The field called `name`.
    pub const fn field(&self, name: &str) -> Option<&'static Field> {
        field_named(self.fields, name)
    }

    /// The values of this request that its replies depend on, by index.
    pub fn values_for_reply(&self) -> &[RequestValue] {
        let used = usize::from(self.values_used);
        self.request_values.get(..used).unwrap_or_default()
    }

    /// The fields in the bit mask `set`, in order.
    pub fn fields_in(&self, mut set: u64) -> impl Iterator<Item = &'static Field> + use<> {
        let fields = self.fields;
        std::iter::from_fn(move || {
            let field = fields.get(set.trailing_zeros() as usize)?;
            set &= set - 1;
            Some(field)
        })
    }

    /// The total length in bytes if the tails take `tails` bytes.
    pub const fn total_with(&self, tails: u64) -> u64 {
        if let Some(total) = self.fixed_total {
            return total as u64;
        }
        let mut total = (self.tails_at as u64 + self.slack as u64).saturating_add(tails);
        if total < self.min_total as u64 {
            total = self.min_total as u64;
        }
        if self.round8 {
            total = total.saturating_add(7) & !7;
        }
        total
    }

    /// Declares that the reply repeats the request, with fields filled in.
    pub const fn echo(mut self) -> Self {
        self.is_echo = true;
        self
    }
}
