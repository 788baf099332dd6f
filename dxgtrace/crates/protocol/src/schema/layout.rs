//! The shape of one part of a message, with every name in it resolved.

use super::field::{Field, find};
use super::slice::BitSlice;
use super::tail::Tail;
use super::{MAX_GAPS, MAX_REQUEST_VALUES, MAX_TAILS};
use crate::schema::text::stop_at;

/// Who wrote the bytes between the fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesOrigin {
    /// The driver, into a zeroed buffer.
    Built,
    /// The application: the driver copies its ioctl structure whole.
    Copied,
}

/// Where the decoder finds the length of a tail: a `TailLength` whose names are
/// resolved to offsets.
#[derive(Debug, Clone, Copy)]
pub enum LengthSource {
    /// The `u32` at this offset.
    At(u16),
    /// The same, but at least 1.
    AtOrOne(u16),
    /// The same if that many elements fit in the rest, else 0.
    AtIfRoom(u16),
    /// Sum of the `u32` at `member` over the elements of tail `tail`.
    Sum {
        /// Number of the earlier tail.
        tail: u8,
        /// Bytes from one element to the next.
        stride: u16,
        /// Offset of the summed member in the element.
        member: u16,
    },
    /// The rest up to the layout's fixed total.
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
    /// The number that the request left in this place of its values.
    Request(u8),
}

/// A number of the request that its replies need.
#[derive(Debug, Clone, Copy)]
pub enum RequestValue {
    /// Not in use.
    None,
    /// The `u32` at this offset.
    At(u16),
    /// The same, but at least 1.
    AtOrOne(u16),
    /// The `u32` at the first offset if the byte at the second is not 0.
    AtIf(u16, u16),
    /// Sum of a member over a tail, as [`LengthSource::Sum`].
    Sum {
        /// Number of the tail.
        tail: u8,
        /// Bytes from one element to the next.
        stride: u16,
        /// Offset of the summed member in the element.
        member: u16,
    },
}

impl RequestValue {
    /// Whether both are the same.
    pub(super) const fn is(self, other: Self) -> bool {
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

/// The shape of one part of a message.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// `sizeof` of the structure that describes it.
    pub size: u16,
    /// Offset of the first byte that is not part of a header.
    pub start: u16,
    /// The fixed part, in order.
    pub fields: &'static [Field],
    /// The arrays behind it, in order.
    pub tails: &'static [Tail],
    /// Where the tails begin.
    pub tails_at: u16,
    /// Unused bytes that follow the tails.
    pub slack: u16,
    /// The least total length.
    pub min: u16,
    /// The total length, where it is the same whatever the counts say.
    pub total: Option<u32>,
    /// Whether the total length is rounded up to a multiple of 8.
    pub round8: bool,
    /// Other total lengths in some generations of the driver. What is
    /// different in them is not known well enough to be judged.
    pub other_sizes: &'static [u16],
    /// Whether fields are packed without alignment.
    pub packed: bool,
    /// Who wrote the bytes between the fields.
    pub origin: BytesOrigin,
    /// Whether the receiver reads any of it.
    pub read: bool,
    /// Whether a reply is the request again, filled in.
    pub echo: bool,
    /// Lengths of the tails.
    pub sources: [LengthSource; MAX_TAILS],
    /// Lengths of the tails as the driver counts on them.
    pub expected: [LengthSource; MAX_TAILS],
    /// Where the conditions stand under which a tail's data begin with a structure.
    pub views: [Option<BitSlice>; MAX_TAILS],
    /// Bytes of the fixed part that belong to no field: offset and length.
    pub gaps: [(u16, u16); MAX_GAPS],
    /// Which fields, a bit each, have values with names.
    pub named: u64,
    /// Which fields a rule forbids values of.
    pub ruled: u64,
    /// Which tails, a bit each, hold values with names.
    pub named_tails: u8,
    /// Which fields are arrays whose used length another field tells.
    pub counted: u64,
    /// Which fields the message in one line may name.
    pub in_summary: u64,
    /// Offset of the status, if there is one.
    pub status: Option<u16>,
    /// The fact by which alternatives of a reply are told apart, if its
    /// request decides that.
    pub selector: Option<u8>,
    /// Of a request: what its replies need of it.
    pub request_values: [RequestValue; MAX_REQUEST_VALUES],
    /// How many of these are in use.
    pub values_used: u8,
    /// Its place among the forms of the part.
    pub form: u8,
}

/// A layout whose structure is `size` bytes long.
pub const fn layout(size: u16, fields: &'static [Field]) -> Layout {
    Layout {
        size,
        start: 0,
        fields,
        tails: &[],
        tails_at: size,
        slack: 0,
        min: 0,
        total: None,
        round8: false,
        other_sizes: &[],
        packed: false,
        origin: BytesOrigin::Built,
        read: true,
        echo: false,
        sources: [LengthSource::At(0); MAX_TAILS],
        expected: [LengthSource::At(0); MAX_TAILS],
        views: [None; MAX_TAILS],
        gaps: [(0, 0); MAX_GAPS],
        named: 0,
        named_tails: 0,
        ruled: 0,
        counted: 0,
        in_summary: 0,
        status: None,
        selector: None,
        request_values: [RequestValue::None; MAX_REQUEST_VALUES],
        values_used: 0,
        form: 0,
    }
}

impl Layout {
    /// Arrays follow from offset `at` on.
    pub const fn tails(mut self, at: u16, tails: &'static [Tail]) -> Self {
        self.tails_at = at;
        self.tails = tails;
        self
    }

    /// The `length` bytes from offset `at` on belong to no field. Every such run
    /// must be said, in order:
    ///
    /// ```
    /// use dxgtrace_protocol::schema::*;
    ///
    /// const LABEL: Message = Message::new(MessageSet::Vgpu, 63, "label", "LABEL", "A label.")
    ///     .request(layout(32, &[field(24, "kind", FieldType::U32, "Its kind.")]).gap(28, 4));
    /// # assert_eq!(LABEL.name, "label");
    /// ```
    ///
    /// A field that was forgotten stops the build at its offset:
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
            stop_at("a layout", "says too many gaps, with the one at offset", at);
        }
        self.gaps[i] = (at, length);
        self
    }

    /// After the tails come `slack` unused bytes.
    pub const fn slack(mut self, slack: u16) -> Self {
        self.slack = slack;
        self
    }

    /// The total is at least `min` bytes.
    pub const fn at_least(mut self, min: u16) -> Self {
        self.min = min;
        self
    }

    /// The total is always `total` bytes.
    pub const fn total(mut self, total: u32) -> Self {
        self.total = Some(total);
        self
    }

    /// The total is rounded up to a multiple of 8.
    pub const fn round8(mut self) -> Self {
        self.round8 = true;
        self
    }

    /// Some generations of the driver have it in one of these total lengths.
    pub const fn other_sizes(mut self, lengths: &'static [u16]) -> Self {
        self.other_sizes = lengths;
        self
    }

    /// Whether some generation of the driver has it in that total length.
    pub fn has_other_size(&self, length: u64) -> bool {
        self.other_sizes
            .iter()
            .any(|size| u64::from(*size) == length)
    }

    /// The structure is packed: no alignment.
    pub const fn packed(mut self) -> Self {
        self.packed = true;
        self
    }

    /// The driver copies the body from the application.
    pub const fn copied(mut self) -> Self {
        self.origin = BytesOrigin::Copied;
        self
    }

    /// The receiver does not look at it.
    pub(super) const fn unread(mut self) -> Self {
        self.read = false;
        self
    }

    /// Length of the fixed part and everything that counts on no tail.
    pub const fn fixed(&self) -> u16 {
        self.tails_at
    }

    /// The field of that name.
    pub const fn field(&self, name: &str) -> Option<&'static Field> {
        find(self.fields, name)
    }

    /// What the replies need of this request, slot by slot.
    pub fn asked_values(&self) -> &[RequestValue] {
        let used = usize::from(self.values_used);
        self.request_values.get(..used).unwrap_or_default()
    }

    /// The fields of a set like [`Layout::named`], in order.
    pub fn fields_in(&self, mut set: u64) -> impl Iterator<Item = &'static Field> + use<> {
        let fields = self.fields;
        std::iter::from_fn(move || {
            let field = fields.get(set.trailing_zeros() as usize)?;
            set &= set - 1;
            Some(field)
        })
    }

    /// The total length when the tails take `tails` bytes.
    pub const fn total_with(&self, tails: u64) -> u64 {
        if let Some(total) = self.total {
            return total as u64;
        }
        let mut total = (self.tails_at as u64 + self.slack as u64).saturating_add(tails);
        if total < self.min as u64 {
            total = self.min as u64;
        }
        if self.round8 {
            total = total.saturating_add(7) & !7;
        }
        total
    }

    /// A reply of this shape is the request again, filled in.
    pub const fn echo(mut self) -> Self {
        self.echo = true;
        self
    }
}
