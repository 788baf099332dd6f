//! A layout laid over bytes: where its tails lie, and what can be read.

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

/// Most bytes that a VMBus packet can carry: its descriptor counts units of 8
/// bytes with 16 bits. A record that claims more lies.
pub const MAX_PAYLOAD: usize = 8 * u16::MAX as usize;

/// The bytes of a packet, which may be fewer than travelled.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// What was captured.
    pub data: &'a [u8],
    /// How many bytes travelled.
    pub length: usize,
    /// Whether `length` is exact. On the ring it is rounded up to 8.
    pub exact: bool,
    /// The negotiated interface version, 0 if it is not known.
    pub version: u32,
}

impl<'a> Payload<'a> {
    /// The payload of a captured packet.
    pub fn of(packet: &Packet<'a>) -> Self {
        Self {
            data: packet.payload,
            length: (packet.header.payload_length as usize)
                .min(MAX_PAYLOAD)
                .max(packet.payload.len()),
            exact: packet.header.known.has(KnownFields::EXACT_LENGTH),
            version: packet.header.interface_version,
        }
    }

    /// A payload that was captured whole, of exact length.
    pub fn whole(data: &'a [u8]) -> Self {
        Self {
            data,
            length: data.len(),
            exact: true,
            version: 0,
        }
    }

    /// The same of a known interface version.
    pub fn of_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }
}

/// Where a tail lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TailSpan {
    /// Offset of its first byte from the layout's zero.
    pub at: usize,
    /// How many elements it has.
    pub count: usize,
}

/// A part that does not fit into the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// The field or tail that ends too late.
    pub part: &'static str,
    /// Offset of the part from the layout's zero.
    pub at: usize,
    /// Bytes that it takes from there.
    pub wanted: usize,
    /// Bytes that are there.
    pub had: usize,
}

/// A layout laid over bytes.
#[derive(Debug, Clone, Copy)]
pub struct LocatedBody<'a> {
    /// What was laid over them.
    pub layout: &'static Layout,
    /// The captured bytes from the layout's zero on.
    data: &'a [u8],
    /// How many bytes travelled from the layout's zero on.
    pub length: usize,
    /// Offset of the layout's zero in the payload.
    pub base: usize,
    /// Where the tails lie, narrow since every packet's are copied around:
    /// offset and count, as far as they fit.
    spans: [(u32, u32); MAX_TAILS],
    /// How many of the tails could be placed.
    placed: u8,
    /// Of a reply: the number of the request that tells alternatives apart.
    selected: Option<u64>,
    /// What is missing, if the message is too short for its own counts.
    pub shortfall: Option<Shortfall>,
    /// Length that the layout and the counts describe, from its zero. `None`
    /// if a count was not captured: then the tails from there on are unknown.
    pub described: Option<u64>,
}

/// A field at its place in the payload.
#[derive(Debug, Clone, Copy)]
pub struct FieldRef<'a> {
    /// The field.
    pub field: &'static Field,
    /// Offset in the payload.
    pub at: usize,
    /// Its captured bytes: fewer than `field.size()` if cut.
    pub bytes: &'a [u8],
    /// How many elements of an array field are in use; 1 for others.
    pub used: usize,
}

impl<'a> FieldRef<'a> {
    /// What the field says, or `None` if it was not captured.
    pub fn value(&self) -> Option<Value<'a>> {
        Value::of_field(self.field, self.bytes)
    }

    /// The field's number (the first of an array), or `None` if not captured.
    pub fn number(&self) -> Option<u64> {
        let slice = &self.field.slice;
        read(self.bytes, 0, slice.size.into()).map(|word| slice.of(word))
    }
}

/// A tail at its place in the payload.
#[derive(Debug, Clone, Copy)]
pub struct ArrayRef<'a> {
    /// The tail.
    pub tail: &'static Tail,
    /// Offset in the payload.
    pub at: usize,
    /// How many elements it has.
    pub count: usize,
    /// Its captured bytes.
    pub bytes: &'a [u8],
    /// The structure that its data begin with, if they do.
    pub view: Option<&'static Struct>,
}

impl<'a> ArrayRef<'a> {
    /// How many elements were captured whole: walk these, since `count` is
    /// only what the packet claims.
    pub fn captured(&self) -> usize {
        let size = usize::from(self.tail.element.size()).max(1);
        self.count.min(self.bytes.len() / size)
    }

    /// Bytes of the tail, captured or not.
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
        members(structure, self.element(index), at)
    }

    /// The fields of the structure that the data begin with.
    pub fn viewed(&self) -> impl Iterator<Item = FieldRef<'a>> + use<'a> {
        let enough = |view: &&'static Struct| self.size() >= usize::from(view.size);
        members(self.view.filter(enough), self.bytes, self.at)
    }
}

/// The fields of a structure that apply.
fn members<'a>(
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
            bytes: part(bytes, usize::from(field.at), usize::from(field.size())),
            used: usize::from(field.count),
        })
}

/// The number in a slice of a part or structure, if it was captured.
pub fn read_slice(bytes: &[u8], slice: &BitSlice) -> Option<u64> {
    read(bytes, usize::from(slice.at), slice.size.into()).map(|word| slice.of(word))
}

/// Whether a condition on a field of the part or structure in `bytes` holds.
pub fn holds_in(when: &When, bytes: &[u8]) -> bool {
    when.decider
        .and_then(|slice| read_slice(bytes, &slice))
        .is_some_and(|value| when.holds(value))
}

impl<'a> LocatedBody<'a> {
    /// Lays `layout` over `payload`, with its zero at `base`.
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

    /// The same before the parts are located.
    #[inline]
    pub(super) fn begin(layout: &'static Layout, payload: Payload<'a>, base: usize) -> Self {
        Self {
            layout,
            data: payload.data.get(base..).unwrap_or_default(),
            length: payload.length.saturating_sub(base),
            base,
            spans: [(0, 0); MAX_TAILS],
            placed: 0,
            selected: None,
            shortfall: None,
            described: None,
        }
    }

    /// Finds the parts. `request_values` are those of the request, if this is a reply.
    pub(super) fn locate(&mut self, request_values: &[Option<u64>; MAX_REQUEST_VALUES]) {
        self.selected = self
            .layout
            .selector
            .and_then(|fact| known(request_values, fact));
        let fixed = usize::from(self.layout.tails_at);
        if self.length < fixed {
            self.shortfall = Some(self.fixed_shortfall());
        }
        let mut at = fixed;
        let mut end = fixed as u64;
        for (tail, source) in self.layout.tails.iter().zip(&self.layout.sources) {
            let Some(count) = self.count(*source, at, tail, request_values) else {
                return;
            };
            if let Some(span) = self.spans.get_mut(usize::from(self.placed)) {
                let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                *span = (narrow(at as u64), narrow(count));
                self.placed += 1;
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
            // All parts are there; what lacks are the unused bytes behind them.
            self.shortfall = Some(Shortfall {
                part: "the unused bytes at the end",
                at,
                wanted: usize::try_from(described.saturating_sub(end)).unwrap_or(usize::MAX),
                had: self.length.saturating_sub(at),
            });
        }
    }

    /// How many elements a tail at `at` has, or `None` if the capture was cut
    /// before the count.
    fn count(
        &self,
        source: LengthSource,
        at: usize,
        tail: &Tail,
        request_values: &[Option<u64>; MAX_REQUEST_VALUES],
    ) -> Option<u64> {
        let field = |at: u16| self.settled(usize::from(at), 4);
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
            } => self.sum(usize::from(tail), stride, member)?,
            LengthSource::Fill => {
                u64::from(self.layout.total.unwrap_or(0)).saturating_sub(at as u64)
                    / u64::from(tail.element.size())
            }
            LengthSource::Area {
                head,
                element,
                count,
            } => (u64::from(head) + u64::from(element) * field(count)?.max(1)).next_multiple_of(8),
            LengthSource::Request(fact) => known(request_values, fact)?,
        })
    }

    /// The number at `at`; 0 if the message ends before it, `None` if only the
    /// capture does.
    pub(super) fn settled(&self, at: usize, size: u16) -> Option<u64> {
        match self.number(at, size) {
            None if at.saturating_add(usize::from(size)) > self.length => Some(0),
            number => number,
        }
    }

    /// Where the tail of that number lies, if it could be placed.
    fn span(&self, tail: usize) -> Option<TailSpan> {
        let (at, count) = *self.spans.get(..usize::from(self.placed))?.get(tail)?;
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

    /// Sum of the `u32` at `member` over the elements of an earlier tail, as
    /// far as the message goes. `None` if the capture was cut before its end.
    pub(super) fn sum(&self, tail: usize, stride: u16, member: u16) -> Option<u64> {
        let span = self.span(tail)?;
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
            .filter_map(|element| read(element, usize::from(member), 4))
            .fold(0, u64::saturating_add);
        Some(sum)
    }

    /// The little-endian number of `size` bytes at `at`, if captured.
    pub fn number(&self, at: usize, size: u16) -> Option<u64> {
        read(self.data, at, size)
    }

    /// The captured bytes of a part.
    pub fn bytes(&self, at: usize, length: usize) -> &'a [u8] {
        part(self.data, at, length)
    }

    /// The unused bytes behind the last tail that belong to the message.
    pub fn unused(&self) -> Option<Range<usize>> {
        let start = self.tails_end()?;
        let end = usize::try_from(self.described?).ok()?.min(self.length);
        (start < end).then_some(start..end)
    }

    /// Where the last tail ends, or the fixed part if there is none.
    pub(super) fn tails_end(&self) -> Option<usize> {
        self.described?;
        let Some(last) = self.layout.tails.len().checked_sub(1) else {
            return Some(usize::from(self.layout.tails_at));
        };
        let (span, tail) = (self.span(last)?, self.layout.tails.get(last)?);
        let size = usize::from(tail.element.size());
        span.at.checked_add(span.count.checked_mul(size)?)
    }

    /// The number in a slice of the fixed part, if it was captured.
    pub fn read(&self, slice: &BitSlice) -> Option<u64> {
        read_slice(self.data, slice)
    }

    /// The number that a field holds, if it was captured.
    pub fn get(&self, field: &Field) -> Option<u64> {
        self.read(&field.slice)
    }

    /// The number in the field of that name.
    pub fn by_name(&self, name: &str) -> Option<u64> {
        self.layout.field(name).and_then(|field| self.get(field))
    }

    /// Whether a condition holds here.
    pub fn holds(&self, when: &When) -> bool {
        let value = match &when.decider {
            Some(slice) => self.read(slice),
            None => self.selected,
        };
        value.is_some_and(|value| when.holds(value))
    }

    /// The fields that apply and fit, in order. A field that was cut off by
    /// the snap length is there without bytes.
    pub fn fields(&self) -> impl Iterator<Item = FieldRef<'a>> + use<'_, 'a> {
        self.layout
            .fields
            .iter()
            .filter(|field| self.applies(field))
            .map(|field| self.field_ref(field))
    }

    /// Whether a field of the layout applies and fits.
    pub fn applies(&self, field: &Field) -> bool {
        usize::from(field.end()) <= self.length
            && field.when.as_ref().is_none_or(|when| self.holds(when))
    }

    /// A field at its place.
    pub fn field_ref(&self, field: &'static Field) -> FieldRef<'a> {
        let all = usize::from(field.count);
        FieldRef {
            field,
            at: self.base + usize::from(field.at),
            bytes: part(self.data, usize::from(field.at), usize::from(field.size())),
            used: match field.used {
                Some(used) => used
                    .slice
                    .and_then(|slice| self.read(&slice))
                    .map_or(all, |used| usize::try_from(used).unwrap_or(all).min(all)),
                None => all,
            },
        }
    }

    /// The tails that could be placed, with their places.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&'static Tail, TailSpan)> {
        let tails = self.layout.tails.iter().enumerate();
        tails.map_while(|(index, tail)| Some((tail, self.span(index)?)))
    }

    /// The tails, as far as they fit, in order.
    pub fn tails(&self) -> impl Iterator<Item = ArrayRef<'a>> + use<'_, 'a> {
        self.placed()
            .zip(&self.layout.views)
            .map(move |((tail, span), view)| self.array_ref(tail, span, view.as_ref()))
    }

    /// The tail of that number, as far as it fits, if it could be placed.
    pub fn tail(&self, index: usize) -> Option<ArrayRef<'a>> {
        let span = self.span(index)?;
        let tail = self.layout.tails.get(index)?;
        let view = self.layout.views.get(index)?;
        Some(self.array_ref(tail, span, view.as_ref()))
    }

    /// A tail at its place; `view` is where the condition for its view stands.
    fn array_ref(
        &self,
        tail: &'static Tail,
        span: TailSpan,
        view: Option<&BitSlice>,
    ) -> ArrayRef<'a> {
        let element = usize::from(tail.element.size()).max(1);
        // A count that runs past the end shows the elements that are whole.
        let room = self.length.saturating_sub(span.at) / element;
        let count = span.count.min(room);
        let decider = view.and_then(|slice| self.read(slice));
        let view = tail
            .view
            .as_ref()
            .filter(|(_, when)| decider.is_some_and(|value| when.holds(value)))
            .map(|(structure, _)| *structure);
        ArrayRef {
            tail,
            // One behind the end of a short message has no place in it.
            at: self.base + span.at.min(self.length),
            count,
            bytes: part(self.data, span.at, count.saturating_mul(element)),
            view,
        }
    }
}

impl Layout {
    /// Bytes that the driver expects of a reply, given the request's values, or
    /// `None` if one of them is not known.
    pub(super) fn expected_length(
        &self,
        request_values: &[Option<u64>; MAX_REQUEST_VALUES],
    ) -> Option<u64> {
        if !self.read {
            return Some(0);
        }
        let mut tails = 0u64;
        for (tail, source) in self.tails.iter().zip(&self.expected) {
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

/// A number of the request, if it is known.
fn known(request_values: &[Option<u64>; MAX_REQUEST_VALUES], fact: u8) -> Option<u64> {
    request_values.get(usize::from(fact)).copied().flatten()
}

/// The bytes of a part, as far as they were captured.
fn part(data: &[u8], at: usize, size: usize) -> &[u8] {
    let rest = data.get(at..).unwrap_or_default();
    match take::<_, _, ()>(size).parse(rest) {
        Ok((_, part)) => part,
        Err(_) => rest,
    }
}

/// The little-endian number of `size` bytes at `at`.
pub fn read(data: &[u8], at: usize, size: u16) -> Option<u64> {
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
