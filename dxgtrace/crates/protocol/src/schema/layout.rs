//! The shape of one part of a message, with every name in it resolved.

use super::check::{check_fields, check_owner, find, gaps, keep, need, need_member, need_u32};
use super::field::Field;
use super::tail::{Tail, TailElement, TailLength};
use super::ty::FieldType;
use super::{MAX_FACTS, MAX_GAPS, MAX_TAILS};
use crate::schema::text::stop;

/// Who wrote the bytes between the fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesOrigin {
    /// The driver, into a zeroed buffer.
    Built,
    /// The application: the driver copies its ioctl structure whole.
    Copied,
}

/// Where the decoder finds the length of a tail: a [`TailLength`] whose names are
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
    /// The number that the request left in this place of its facts.
    Fact(u8),
}

/// A number of the request that its replies need.
#[derive(Debug, Clone, Copy)]
pub enum Fact {
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
    pub once: &'static [u16],
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
    pub telling: u64,
    /// Offset of the status, if there is one.
    pub status: Option<u16>,
    /// The fact by which alternatives of a reply are told apart, if its
    /// request decides that.
    pub selector: Option<u8>,
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
        once: &[],
        packed: false,
        origin: BytesOrigin::Built,
        read: true,
        echo: false,
        sources: [LengthSource::At(0); MAX_TAILS],
        expected: [LengthSource::At(0); MAX_TAILS],
        gaps: [(0, 0); MAX_GAPS],
        named: 0,
        named_tails: 0,
        ruled: 0,
        counted: 0,
        telling: 0,
        status: None,
        selector: None,
    }
}

impl Layout {
    /// Arrays follow from offset `at` on.
    pub const fn tails(mut self, at: u16, tails: &'static [Tail]) -> Self {
        self.tails_at = at;
        self.tails = tails;
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
    pub const fn once(mut self, lengths: &'static [u16]) -> Self {
        self.once = lengths;
        self
    }

    /// Whether some generation of the driver has it in that total length.
    pub fn was_once(&self, length: u64) -> bool {
        self.once.iter().any(|once| u64::from(*once) == length)
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

    /// The fields of a set like [`Layout::named`], in order.
    pub fn chosen(&self, mut set: u64) -> impl Iterator<Item = &'static Field> + use<> {
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

    /// A header: a fixed part that stands before the messages.
    pub const fn header(self, name: &str) -> Self {
        self.resolve(name, 0, None, &mut [Fact::None; MAX_FACTS])
    }

    /// Checks the layout and resolves the names in it. `request` is given for
    /// replies; `facts` collects what they need of it.
    pub(super) const fn resolve(
        mut self,
        message: &str,
        start: u16,
        request: Option<&Self>,
        facts: &mut [Fact; MAX_FACTS],
    ) -> Self {
        self.start = start;
        check_fields(message, self.fields, start, self.size, self.packed);
        self.gaps = gaps(message, self.fields, start, self.tails_at);
        if self.tails.len() > MAX_TAILS {
            stop(message, "has too many tails after", self.tails[0].name);
        }
        if self.fields.len() > u64::BITS as usize {
            stop(message, "has too many fields from", self.fields[64].name);
        }
        let mut i = 0;
        while i < self.fields.len() {
            self.named |= (self.fields[i].ty.has_names() as u64) << i;
            self.ruled |= (self.fields[i].rule.forbids() as u64) << i;
            self.telling |= (self.fields[i].may_tell() as u64) << i;
            self.counted |= (self.fields[i].used.is_some() as u64) << i;
            if let FieldType::NtStatus = self.fields[i].ty {
                self.status = Some(self.fields[i].at);
            }
            if let Some(when) = self.fields[i].when
                && when.of_request
            {
                self.selector = match request {
                    Some(request) => {
                        let at = need(message, request.fields, when.field).at;
                        Some(keep(message, facts, Fact::At(at)))
                    }
                    None => stop(message, "looks at a request in", self.fields[i].name),
                };
            }
            if let Some(when) = self.fields[i].life_when {
                match request {
                    Some(request) => need(message, request.fields, when.field),
                    None => need(message, self.fields, when.field),
                };
            }
            check_owner(message, &self.fields[i].owner, self.fields, request);
            if self.fields[i].end() > self.tails_at && !self.tails.is_empty() {
                stop(
                    message,
                    "has a tail that begins before",
                    self.fields[i].name,
                );
            }
            i += 1;
        }
        let mut i = 0;
        while i < self.tails.len() {
            let tail = &self.tails[i];
            if let TailElement::Value(FieldType::Utf16) = tail.element {
                // Text is shown as such only in fields: no known message has
                // a tail of it.
                stop(message, "has UTF-16 in the tail", tail.name);
            }
            self.named_tails |= (tail.has_names() as u8) << i;
            self.sources[i] = self.source(message, i, tail.len, request, facts);
            self.expected[i] = match tail.expects {
                Some(len) => self.source(message, i, len, request, facts),
                None => self.sources[i],
            };
            if let Some((_, when)) = tail.view {
                need(message, self.fields, when.field);
            }
            check_owner(message, &tail.owner, self.fields, request);
            if let TailElement::Struct(structure) = tail.element {
                let mut j = 0;
                while j < structure.fields.len() {
                    check_owner(message, &structure.fields[j].owner, self.fields, request);
                    j += 1;
                }
            }
            i += 1;
        }
        self
    }

    const fn source(
        &self,
        message: &str,
        at: usize,
        len: TailLength,
        request: Option<&Self>,
        facts: &mut [Fact; MAX_FACTS],
    ) -> LengthSource {
        match len {
            TailLength::Field(name) => LengthSource::At(need_u32(message, self.fields, name)),
            TailLength::FieldOrOne(name) => {
                LengthSource::AtOrOne(need_u32(message, self.fields, name))
            }
            TailLength::FieldIfRoom(name) => {
                LengthSource::AtIfRoom(need_u32(message, self.fields, name))
            }
            TailLength::Fill => match self.total {
                Some(_) => LengthSource::Fill,
                None => stop(
                    message,
                    "has no fixed total to fill with",
                    self.tails[at].name,
                ),
            },
            TailLength::ResultArea {
                head,
                element,
                count,
            } => LengthSource::Area {
                head,
                element,
                count: need_u32(message, self.fields, count),
            },
            TailLength::SumOf(tail, member) => {
                let (tail, stride, member) = need_member(message, self.tails, tail, member);
                if tail as usize >= at {
                    stop(message, "sums over a later tail in", self.tails[at].name);
                }
                LengthSource::Sum {
                    tail,
                    stride,
                    member,
                }
            }
            TailLength::Request(_)
            | TailLength::RequestOrOne(_)
            | TailLength::RequestIf(_, _)
            | TailLength::RequestSumOf(_, _) => match request {
                Some(request) => {
                    LengthSource::Fact(keep(message, facts, request.fact(message, len)))
                }
                None => stop(message, "looks at a request in", self.tails[at].name),
            },
        }
    }

    /// What a reply's `len` asks of this request.
    const fn fact(&self, message: &str, len: TailLength) -> Fact {
        match len {
            TailLength::Request(name) => Fact::At(need_u32(message, self.fields, name)),
            TailLength::RequestOrOne(name) => Fact::AtOrOne(need_u32(message, self.fields, name)),
            TailLength::RequestIf(count, flag) => Fact::AtIf(
                need_u32(message, self.fields, count),
                need(message, self.fields, flag).at,
            ),
            TailLength::RequestSumOf(tail, member) => {
                let (tail, stride, member) = need_member(message, self.tails, tail, member);
                Fact::Sum {
                    tail,
                    stride,
                    member,
                }
            }
            _ => Fact::None,
        }
    }
}
