//! A layout located in bytes: the positions of its tails, and access to its fields.

use std::ops::Range;

use nom::Parser;
use nom::bytes::complete::take;

use crate::packet::Packet;
use crate::record::header::KnownFields;
use crate::schema::{
    BitSlice, Field, Layout, LengthSource, MAX_REQUEST_VALUES, MAX_TAILS, Struct, Tail,
    TailElement, When,
};

use super::Value;

/// Maximum payload of a VMBus packet in bytes: the descriptor counts units of 8 bytes
/// with 16 bits. A record that claims more is corrupt.
pub const MAX_PAYLOAD: usize = 8 * u16::MAX as usize;

/// The payload of a packet, which may be captured only in part.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// The captured bytes.
    pub data: &'a [u8],
    /// Length of the payload on the channel in bytes.
    pub length: usize,
    /// Whether `length` is exact. The ring rounds it up to a multiple of 8.
    pub exact: bool,
    /// The negotiated interface version, 0 if it is not known.
    pub version: u32,
    /// Of a reply: how many bytes the driver waits for, if that was recorded.
    pub reply_room: Option<u32>,
}

impl<'a> Payload<'a> {
    /// The payload of `packet`.
    pub fn of_packet(packet: &Packet<'a>) -> Self {
        Self {
            data: packet.payload,
            length: (packet.header.payload_length as usize)
                .min(MAX_PAYLOAD)
                .max(packet.payload.len()),
            exact: packet.header.known.has(KnownFields::EXACT_LENGTH),
            version: packet.header.interface_version,
            reply_room: (packet.header.known)
                .has(KnownFields::EXPECTED_REPLY)
                .then_some(packet.header.expected_reply_length),
        }
    }

    /// A payload that was captured completely, with its exact length.
    pub fn whole(data: &'a [u8]) -> Self {
        Self {
            data,
            length: data.len(),
            exact: true,
            version: 0,
            reply_room: None,
        }
    }

    /// Sets the negotiated interface version.
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }
}

/// The position of a tail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TailSpan {
    /// Offset of the first byte from the layout's zero.
    pub at: usize,
    /// Number of elements.
    pub count: usize,
}

/// A part that does not fit into the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// The field or tail that does not fit.
    pub part: &'static str,
    /// Offset of the part from the layout's zero.
    pub at: usize,
    /// Number of bytes needed from there.
    pub wanted: usize,
    /// Number of bytes available there.
    pub had: usize,
}

/// A layout located in bytes.
#[derive(Debug, Clone, Copy)]
pub struct LocatedBody<'a> {
    /// The layout.
    pub layout: &'static Layout,
    /// The captured bytes from the layout's zero on.
    data: &'a [u8],
    /// Length on the channel in bytes, from the layout's zero on.
    pub length: usize,
    /// Offset of the layout's zero in the payload.
    pub base: usize,
    /// Offset and count of each tail. `u32` keeps the structure small, since it is
    /// copied for every packet.
    spans: [(u32, u32); MAX_TAILS],
    /// Number of tails that could be located.
    located: u8,
    /// In a reply: the request value that selects among alternatives.
    selected: Option<u64>,
    /// What is missing, if the message is too short for its counts.
    pub shortfall: Option<Shortfall>,
    /// Length in bytes that layout and counts describe, from the layout's zero on.
    /// `None` if a count was not captured: the tails from there on are unknown.
    pub described: Option<u64>,
}

/// A field located in the payload.
#[derive(Debug, Clone, Copy)]
pub struct FieldRef<'a> {
    /// The field.
    pub field: &'static Field,
    /// Offset in the payload.
    pub at: usize,
    /// The captured bytes: fewer than `field.size()` if cut.
    pub bytes: &'a [u8],
    /// Number of used elements of an array field; 1 for other fields.
    pub used_elements: usize,
}

impl<'a> FieldRef<'a> {
    /// The value of the field; `None` if it was not captured.
    pub fn value(&self) -> Option<Value<'a>> {
        Value::from_field(self.field, self.bytes)
    }

    /// The number in the field, or in the first element of an array; `None` if it was not
    /// captured.
    pub fn number(&self) -> Option<u64> {
        let slice = &self.field.slice;
        read_number(self.bytes, 0, slice.size.into()).map(|word| slice.extract(word))
    }
}

/// A tail located in the payload.
#[derive(Debug, Clone, Copy)]
pub struct ArrayRef<'a> {
    /// The tail.
    pub tail: &'static Tail,
    /// Offset in the payload.
    pub at: usize,
    /// Number of elements.
    pub count: usize,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// The structure at the start of the data, if there is one.
    pub view: Option<&'static Struct>,
}

impl<'a> ArrayRef<'a> {
    /// Number of elements that were captured completely. `count` is only what the packet
    /// claims.
    pub fn captured_elements(&self) -> usize {
        let size = usize::from(self.tail.element.size()).max(1);
        self.count.min(self.bytes.len() / size)
    }

    /// Size of the tail in bytes, captured or not.
    pub fn size(&self) -> usize {
        self.count
            .saturating_mul(usize::from(self.tail.element.size()))
    }

    /// The captured bytes of element `index`.
    pub fn element(&self, index: usize) -> &'a [u8] {
        let size = usize::from(self.tail.element.size());
        let rest = self
            .bytes
            .get(index.saturating_mul(size)..)
            .unwrap_or_default();
        rest.get(..size).unwrap_or(rest)
    }

    /// The fields of element `index`, if the elements are structures.
    pub fn members(&self, index: usize) -> impl Iterator<Item = FieldRef<'a>> + use<'a> {
        let structure = match self.tail.element {
            TailElement::Struct(structure) => Some(structure),
            TailElement::Value(_) => None,
        };
        let size = usize::from(self.tail.element.size());
        let at = self.at + index.saturating_mul(size);
        struct_fields(structure, self.element(index), at)
    }

    /// The fields of the structure at the start of the data.
    pub fn view_fields(&self) -> impl Iterator<Item = FieldRef<'a>> + use<'a> {
        let enough = |view: &&'static Struct| self.size() >= usize::from(view.size);
        struct_fields(self.view.filter(enough), self.bytes, self.at)
    }
}

/// The fields of a structure that apply in `bytes`.
fn struct_fields<'a>(
    structure: Option<&'static Struct>,
    bytes: &'a [u8],
    at: usize,
) -> impl Iterator<Item = FieldRef<'a>> + use<'a> {
    let fields = structure.map_or::<&'static [Field], _>(&[], |structure| structure.fields);
    fields
        .iter()
        .filter(move |field| field.when.is_none_or(|when| holds_in(&when, bytes)))
        .map(move |field| FieldRef {
            field,
            at: at + usize::from(field.at),
            bytes: captured_bytes(bytes, usize::from(field.at), usize::from(field.size())),
            used_elements: usize::from(field.count),
        })
}

/// The number in `slice` of the part or structure in `bytes`, if it was captured.
pub fn read_slice(bytes: &[u8], slice: &BitSlice) -> Option<u64> {
    read_number(bytes, usize::from(slice.at), slice.size.into()).map(|word| slice.extract(word))
}

/// Whether `when`, a condition on a field of the part or structure in `bytes`, holds.
pub fn holds_in(when: &When, bytes: &[u8]) -> bool {
    when.decider
        .and_then(|slice| read_slice(bytes, &slice))
        .is_some_and(|value| when.holds(value))
}

impl<'a> LocatedBody<'a> {
    /// Locates `layout` in `payload`, with its zero at `base`.
    pub(super) fn new(
        layout: &'static Layout,
        payload: Payload<'a>,
        base: usize,
        request_values: &[Option<u64>; MAX_REQUEST_VALUES],
    ) -> Self {
        let mut this = Self::begin(layout, payload, base);
        this.locate(request_values);
        this
    }

    /// Makes a body whose tails are not located yet.
    #[inline]
    pub(super) fn begin(layout: &'static Layout, payload: Payload<'a>, base: usize) -> Self {
        Self {
            layout,
            data: payload.data.get(base..).unwrap_or_default(),
            length: payload.length.saturating_sub(base),
            base,
            spans: [(0, 0); MAX_TAILS],
            located: 0,
            selected: None,
            shortfall: None,
            described: None,
        }
    }

    /// Locates the tails. `request_values` are the values of the request of a reply.
    pub(super) fn locate(&mut self, request_values: &[Option<u64>; MAX_REQUEST_VALUES]) {
        self.selected = self
            .layout
            .selector
            .and_then(|fact| request_value(request_values, fact));
        let fixed = usize::from(self.layout.tails_at);
        if self.length < fixed {
            self.shortfall = Some(self.fixed_shortfall());
        }
        let mut at = fixed;
        let mut end = fixed as u64;
        for (tail, source) in self.layout.tails.iter().zip(&self.layout.tail_lengths) {
            let Some(count) = self.tail_count(*source, at, tail, request_values) else {
                return;
            };
            if let Some(span) = self.spans.get_mut(usize::from(self.located)) {
                let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                *span = (narrow(at as u64), narrow(count));
                self.located += 1;
            }
            let size = count.saturating_mul(u64::from(tail.element.size()));
            end = end.saturating_add(size);
            let had = self.length.saturating_sub(at);
            if size > had as u64 && self.shortfall.is_none() {
                self.shortfall = Some(Shortfall {
                    part: tail.name,
                    at,
                    wanted: usize::try_from(size).unwrap_or(usize::MAX),
                    had,
                });
            }
            at = usize::try_from(end).unwrap_or(usize::MAX);
        }
        let length = self.length as u64;
        let described = match self.layout.has_other_size(length) {
            true => length,
            false => self.layout.total_with(end - fixed as u64),
        };
        self.described = Some(described);
        if self.shortfall.is_none() && length < described {
            // All parts fit; only the unused bytes after them are missing.
            self.shortfall = Some(Shortfall {
                part: "the unused bytes at the end",
                at,
                wanted: usize::try_from(described.saturating_sub(end)).unwrap_or(usize::MAX),
                had: self.length.saturating_sub(at),
            });
        }
    }

    /// Number of elements of the tail at `at`; `None` if the count was not captured.
    fn tail_count(
        &self,
        source: LengthSource,
        at: usize,
        tail: &Tail,
        request_values: &[Option<u64>; MAX_REQUEST_VALUES],
    ) -> Option<u64> {
        let field = |at: u16| self.number_or_zero(usize::from(at), 4);
        Some(match source {
            LengthSource::At(place) => field(place)?,
            LengthSource::AtOrOne(place) => field(place)?.max(1),
            LengthSource::AtIfRoom(place) => {
                let count = field(place)?;
                let room = self.length.saturating_sub(at) as u64;
                if count > 0 && room >= count * u64::from(tail.element.size()) {
                    count
                } else {
                    0
                }
            }
            LengthSource::Sum {
                tail,
                stride,
                member,
            } => self.sum_member(usize::from(tail), stride, member)?,
            LengthSource::Fill => {
                u64::from(self.layout.fixed_total.unwrap_or(0)).saturating_sub(at as u64)
                    / u64::from(tail.element.size())
            }
            LengthSource::Area {
                head,
                element,
                count,
            } => (u64::from(head) + u64::from(element) * field(count)?.max(1)).next_multiple_of(8),
            LengthSource::Request(fact) => request_value(request_values, fact)?,
        })
    }

    /// The number at `at`; 0 if the message ends before it, `None` if it was not
    /// captured.
    pub(super) fn number_or_zero(&self, at: usize, size: u16) -> Option<u64> {
        match self.number(at, size) {
            None if at.saturating_add(usize::from(size)) > self.length => Some(0),
            number => number,
        }
    }

    /// The position of the tail with index `tail`, if it could be located.
    fn tail_span(&self, tail: usize) -> Option<TailSpan> {
        let (at, count) = *self.spans.get(..usize::from(self.located))?.get(tail)?;
        Some(TailSpan {
            at: at as usize,
            count: count as usize,
        })
    }

    /// The first field of the fixed part that does not fit.
    #[cold]
    fn fixed_shortfall(&self) -> Shortfall {
        let missing = self
            .layout
            .fields
            .iter()
            .find(|field| usize::from(field.end()) > self.length);
        match missing {
            Some(field) => Shortfall {
                part: field.name,
                at: usize::from(field.at),
                wanted: usize::from(field.size()),
                had: self.length.saturating_sub(usize::from(field.at)),
            },
            None => Shortfall {
                part: "the padding of the fixed part",
                at: self.length,
                wanted: usize::from(self.layout.tails_at) - self.length,
                had: 0,
            },
        }
    }

    /// Sum of the `u32` at `member` over the elements of an earlier tail that the message
    /// holds. `None` if they were not captured.
    pub(super) fn sum_member(&self, tail: usize, stride: u16, member: u16) -> Option<u64> {
        let span = self.tail_span(tail)?;
        let stride = usize::from(stride).max(1);
        let end = span.count.saturating_mul(stride).saturating_add(span.at);
        if self.data.len() < end.min(self.length) {
            return None;
        }
        let sum = self
            .data
            .get(span.at..)
            .unwrap_or_default()
            .chunks(stride)
            .take(span.count)
            .filter_map(|element| read_number(element, usize::from(member), 4))
            .fold(0, u64::saturating_add);
        Some(sum)
    }

    /// The little-endian number of `size` bytes at `at`, if captured.
    pub fn number(&self, at: usize, size: u16) -> Option<u64> {
        read_number(self.data, at, size)
    }

    /// The captured bytes of the `length` bytes at `at`.
    pub fn bytes(&self, at: usize, length: usize) -> &'a [u8] {
        captured_bytes(self.data, at, length)
    }

    /// The range of unused bytes of the message after the last tail.
    pub fn unused_range(&self) -> Option<Range<usize>> {
        let start = self.tails_end()?;
        let end = usize::try_from(self.described?).ok()?.min(self.length);
        (start < end).then_some(start..end)
    }

    /// End of the last tail, or of the fixed part if there is no tail.
    pub(super) fn tails_end(&self) -> Option<usize> {
        self.described?;
        let Some(last) = self.layout.tails.len().checked_sub(1) else {
            return Some(usize::from(self.layout.tails_at));
        };
        let (span, tail) = (self.tail_span(last)?, self.layout.tails.get(last)?);
        let size = usize::from(tail.element.size());
        span.at.checked_add(span.count.checked_mul(size)?)
    }

    /// The number in `slice` of the fixed part, if it was captured.
    pub fn read_slice(&self, slice: &BitSlice) -> Option<u64> {
        read_slice(self.data, slice)
    }

    /// The number in `field`, if it was captured.
    pub fn number_of(&self, field: &Field) -> Option<u64> {
        self.read_slice(&field.slice)
    }

    /// The number in the field called `name`, if the layout has it and it was captured.
    pub fn number_by_name(&self, name: &str) -> Option<u64> {
        self.layout
            .field(name)
            .and_then(|field| self.number_of(field))
    }

    /// Whether `when` holds.
    pub fn holds(&self, when: &When) -> bool {
        let value = match &when.decider {
            Some(slice) => self.read_slice(slice),
            None => self.selected,
        };
        value.is_some_and(|value| when.holds(value))
    }

    /// The fields that apply and fit, in order. A field that the snap length cut off is
    /// included, without bytes.
    pub fn fields(&self) -> impl Iterator<Item = FieldRef<'a>> + use<'_, 'a> {
        self.layout
            .fields
            .iter()
            .filter(|field| self.applies(field))
            .map(|field| self.field_ref(field))
    }

    /// Whether `field` applies and fits.
    pub fn applies(&self, field: &Field) -> bool {
        usize::from(field.end()) <= self.length
            && field.when.as_ref().is_none_or(|when| self.holds(when))
    }

    /// Locates `field` in the payload.
    pub fn field_ref(&self, field: &'static Field) -> FieldRef<'a> {
        let all = usize::from(field.count);
        FieldRef {
            field,
            at: self.base + usize::from(field.at),
            bytes: captured_bytes(self.data, usize::from(field.at), usize::from(field.size())),
            used_elements: match field.used_count {
                Some(used) => used
                    .slice
                    .and_then(|slice| self.read_slice(&slice))
                    .map_or(all, |used| usize::try_from(used).unwrap_or(all).min(all)),
                None => all,
            },
        }
    }

    /// The tails that could be located, with their positions.
    pub(super) fn located_tails(&self) -> impl Iterator<Item = (&'static Tail, TailSpan)> {
        let tails = self.layout.tails.iter().enumerate();
        tails.map_while(|(index, tail)| Some((tail, self.tail_span(index)?)))
    }

    /// The tails that could be located, in order, as far as they fit.
    pub fn tails(&self) -> impl Iterator<Item = ArrayRef<'a>> + use<'_, 'a> {
        self.located_tails()
            .zip(&self.layout.view_deciders)
            .map(move |((tail, span), view)| self.array_ref(tail, span, view.as_ref()))
    }

    /// The tail with `index`, as far as it fits, if it could be located.
    pub fn tail(&self, index: usize) -> Option<ArrayRef<'a>> {
        let span = self.tail_span(index)?;
        let tail = self.layout.tails.get(index)?;
        let view = self.layout.view_deciders.get(index)?;
        Some(self.array_ref(tail, span, view.as_ref()))
    }

    /// Locates `tail` in the payload. `view` is the field that decides about its view.
    fn array_ref(
        &self,
        tail: &'static Tail,
        span: TailSpan,
        view: Option<&BitSlice>,
    ) -> ArrayRef<'a> {
        let element = usize::from(tail.element.size()).max(1);
        // A count that exceeds the message is limited to whole elements.
        let room = self.length.saturating_sub(span.at) / element;
        let count = span.count.min(room);
        let decider = view.and_then(|slice| self.read_slice(slice));
        let view = tail
            .view
            .as_ref()
            .filter(|(_, when)| decider.is_some_and(|value| when.holds(value)))
            .map(|(structure, _)| *structure);
        ArrayRef {
            tail,
            // A tail after the end of a short message has no bytes.
            at: self.base + span.at.min(self.length),
            count,
            bytes: captured_bytes(self.data, span.at, count.saturating_mul(element)),
            view,
        }
    }
}

impl Layout {
    /// Length in bytes that the driver expects of a reply; `None` if one of the
    /// `request_values` is not known.
    pub(super) fn expected_length(
        &self,
        request_values: &[Option<u64>; MAX_REQUEST_VALUES],
    ) -> Option<u64> {
        if !self.is_read {
            return Some(0);
        }
        let mut tails = 0u64;
        for (tail, source) in self.tails.iter().zip(&self.expected_tail_lengths) {
            let count = match source {
                LengthSource::Request(fact) => {
                    request_values.get(usize::from(*fact)).copied().flatten()?
                }
                _ => 0,
            };
            tails = tails.saturating_add(count.saturating_mul(u64::from(tail.element.size())));
        }
        Some(self.total_with(tails))
    }
}

/// The request value with index `fact`, if it is known.
fn request_value(request_values: &[Option<u64>; MAX_REQUEST_VALUES], fact: u8) -> Option<u64> {
    request_values.get(usize::from(fact)).copied().flatten()
}

/// The captured bytes of the `size` bytes at `at`.
fn captured_bytes(data: &[u8], at: usize, size: usize) -> &[u8] {
    let rest = data.get(at..).unwrap_or_default();
    match take::<_, _, ()>(size).parse(rest) {
        Ok((_, part)) => part,
        Err(_) => rest,
    }
}

/// The little-endian number of `size` bytes at `at`, if the bytes are long enough.
pub fn read_number(data: &[u8], at: usize, size: u16) -> Option<u64> {
    let bytes = data.get(at..)?;
    match size {
        1 => bytes.first().map(|byte| u64::from(*byte)),
        2 => bytes
            .first_chunk()
            .map(|bytes| u64::from(u16::from_le_bytes(*bytes))),
        4 => bytes
            .first_chunk()
            .map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
        8 => bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
        _ => None,
    }
}
