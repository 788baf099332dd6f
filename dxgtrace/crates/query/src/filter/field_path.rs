//! Paths: the places in messages that a field name stands for.
//!
//! Names are resolved when the list of fields is built; reading a value is
//! arithmetic on offsets.

use std::ops::ControlFlow;

use super::record::{SHAPE_KEYS, shape_key_of};
use dxgtrace_protocol::decode::{Decoded, Frame, LocatedBody};
use dxgtrace_protocol::schema::values::Bit;
use dxgtrace_protocol::schema::{BitSlice, Field, FieldType, Layout, MessageSet, When};
use dxgtrace_protocol::table::framing;

/// One value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValuePlace<'a> {
    /// Any kind of number.
    Number(i128),
    /// Text, or opaque bytes.
    Bytes(&'a [u8]),
    /// UTF-16LE text, up to its first NUL.
    Wide(&'a [u8]),
}

/// Whether the condition of a field holds in the structure that starts at
/// `from`.
fn holds(when: &When, body: &LocatedBody<'_>, from: usize) -> bool {
    match &when.decider {
        None => body.holds(when),
        Some(slice) => word(body, slice, from).is_some_and(|word| when.holds(slice.extract(word))),
    }
}

/// The word at a slice's offset from `from`.
fn word(body: &LocatedBody<'_>, slice: &BitSlice, from: usize) -> Option<u64> {
    body.number(from.checked_add(usize::from(slice.at))?, slice.size.into())
}

/// The structure that contains a field.
#[derive(Debug, Clone, Copy)]
enum Container {
    /// The fixed part.
    Fixed,
    /// A tail, as an array of single values.
    Tail(u8),
    /// Each element of a tail.
    Element(u8),
    /// The structure that a tail's bytes begin with.
    View(u8),
}

/// The form of the values at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceForm {
    Numbers,
    Bytes,
    Wide,
    /// Elements that are tested for presence only.
    Label,
}

impl PlaceForm {
    fn of(ty: FieldType, array: bool) -> Self {
        match ty {
            FieldType::Byte if array => Self::Bytes,
            FieldType::Utf16 if array => Self::Wide,
            _ => Self::Numbers,
        }
    }
}

/// The place of a field in one shape of one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldPath {
    /// The number of the shape; see [`shape_key`](super::record::shape_key).
    pub(super) key: u16,
    home: Container,
    form: PlaceForm,
    slice: BitSlice,
    count: u16,
    /// The field that holds the number of array elements in use.
    used: Option<BitSlice>,
    condition: Option<&'static When>,
}

impl FieldPath {
    /// A field in the fixed part.
    pub(super) fn field(key: u16, field: &'static Field) -> Self {
        Self {
            key,
            home: Container::Fixed,
            form: PlaceForm::of(field.ty, field.count > 1),
            slice: field.slice,
            count: field.count,
            used: field.used_count.and_then(|used| used.slice),
            condition: field.when.as_ref(),
        }
    }

    /// The values of a tail.
    pub(super) fn tail(key: u16, tail: u8, ty: FieldType) -> Self {
        Self {
            key,
            home: Container::Tail(tail),
            form: PlaceForm::of(ty, true),
            slice: BitSlice::whole(0, ty),
            count: 1,
            used: None,
            condition: None,
        }
    }

    /// Whether a tail has elements.
    pub(super) fn label(key: u16, tail: u8) -> Self {
        Self {
            form: PlaceForm::Label,
            ..Self::tail(key, tail, FieldType::Byte)
        }
    }

    /// The same path in each element of a tail.
    pub(super) fn in_elements(mut self, tail: u8) -> Self {
        self.home = Container::Element(tail);
        self
    }

    /// The same path in the structure that a tail begins with.
    pub(super) fn in_view(mut self, tail: u8) -> Self {
        self.home = Container::View(tail);
        self
    }

    /// A bit or bit group of the number at this path.
    pub(super) fn bit(mut self, bit: &Bit) -> Self {
        self.slice = self.slice.bit(bit);
        self
    }

    /// Width of a value in bits.
    pub(super) fn width(&self) -> u32 {
        self.slice.width()
    }

    /// Whether a packet can hold several values.
    pub(super) fn is_many(&self) -> bool {
        self.form == PlaceForm::Numbers
            && (self.count > 1 || matches!(self.home, Container::Tail(_) | Container::Element(_)))
    }

    fn for_each<'a, V>(&self, body: &LocatedBody<'a>, visit: &mut V) -> ControlFlow<()>
    where
        V: FnMut(ValuePlace<'a>) -> ControlFlow<()>,
    {
        match self.home {
            Container::Fixed => self.visit_structure(body, 0, body.length, visit),
            Container::Tail(index) => {
                let Some(tail) = body.tail(usize::from(index)) else {
                    return ControlFlow::Continue(());
                };
                match self.form {
                    _ if tail.count == 0 => ControlFlow::Continue(()),
                    PlaceForm::Label => visit(ValuePlace::Number(1)),
                    PlaceForm::Bytes => visit(ValuePlace::Bytes(tail.bytes)),
                    PlaceForm::Wide => visit(ValuePlace::Wide(tail.bytes)),
                    PlaceForm::Numbers => {
                        let size = usize::from(self.slice.size).max(1);
                        for bytes in tail.bytes.chunks_exact(size) {
                            visit(ValuePlace::Number(
                                self.slice.extract_signed(little_endian(bytes)),
                            ))?;
                        }
                        ControlFlow::Continue(())
                    }
                }
            }
            Container::Element(index) => {
                let Some(tail) = body.tail(usize::from(index)) else {
                    return ControlFlow::Continue(());
                };
                let size = usize::from(tail.tail.element.size()).max(1);
                // Limited to what was captured: the count is not trusted.
                let count = tail.bytes.len().div_ceil(size).min(tail.count);
                let first = tail.at.saturating_sub(body.base);
                for element in 0..count {
                    let from = first.saturating_add(element.saturating_mul(size));
                    self.visit_structure(body, from, from.saturating_add(size), visit)?;
                }
                ControlFlow::Continue(())
            }
            Container::View(index) => {
                let viewed = body.tail(usize::from(index)).and_then(|tail| {
                    let size = usize::from(tail.view?.size);
                    (tail.size() >= size).then_some((tail.at.saturating_sub(body.base), size))
                });
                match viewed {
                    Some((from, size)) => {
                        self.visit_structure(body, from, from.saturating_add(size), visit)
                    }
                    None => ControlFlow::Continue(()),
                }
            }
        }
    }

    /// Visits the values in the structure that spans `from` to `end`.
    fn visit_structure<'a, V>(
        &self,
        body: &LocatedBody<'a>,
        from: usize,
        end: usize,
        visit: &mut V,
    ) -> ControlFlow<()>
    where
        V: FnMut(ValuePlace<'a>) -> ControlFlow<()>,
    {
        let size = usize::from(self.slice.size);
        let first = from.saturating_add(usize::from(self.slice.at));
        let whole = size * usize::from(self.count);
        if first.saturating_add(whole) > end {
            return ControlFlow::Continue(());
        }
        if let Some(when) = self.condition
            && !holds(when, body, from)
        {
            return ControlFlow::Continue(());
        }
        if self.count == 1 {
            return match word(body, &self.slice, from) {
                Some(word) => visit(ValuePlace::Number(self.slice.extract_signed(word))),
                None => ControlFlow::Continue(()),
            };
        }
        let used = match self.used {
            None => usize::from(self.count),
            Some(used) => word(body, &used, from)
                .and_then(|word| usize::try_from(used.extract(word)).ok())
                .unwrap_or(usize::MAX)
                .min(usize::from(self.count)),
        };
        let bytes = body.bytes(first, used * size);
        match self.form {
            _ if bytes.is_empty() => ControlFlow::Continue(()),
            PlaceForm::Label => visit(ValuePlace::Number(1)),
            PlaceForm::Bytes => visit(ValuePlace::Bytes(bytes)),
            PlaceForm::Wide => visit(ValuePlace::Wide(bytes)),
            PlaceForm::Numbers => {
                for bytes in bytes.chunks_exact(size.max(1)) {
                    visit(ValuePlace::Number(
                        self.slice.extract_signed(little_endian(bytes)),
                    ))?;
                }
                ControlFlow::Continue(())
            }
        }
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(bytes), _) => u64::from_le_bytes(*bytes),
        (None, Some(bytes)) if bytes.len() == 4 => u64::from(u32::from_le_bytes(*bytes)),
        _ => bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

/// Every path that a name stands for.
#[derive(Debug, Default)]
pub(super) struct FieldPaths {
    /// In the extended header.
    extended: Option<BitSlice>,
    /// In the command header of the vGPU and the host set.
    command: Option<BitSlice>,
    /// In the command header of the global set.
    global: Option<BitSlice>,
    /// In replies that are too short for anything but a status.
    status_alone: bool,
    /// In bodies, by shape.
    bodies: Vec<FieldPath>,
    /// The index in `bodies` of the first path of each shape; empty if a linear
    /// search is as fast.
    starts: Vec<u16>,
}

/// Maximum number of paths for a linear search.
const LINEAR_SEARCH_MAX: usize = 6;

impl FieldPaths {
    /// Adds a path.
    pub(super) fn push(&mut self, path: FieldPath) {
        self.bodies.push(path);
    }

    /// Adds a field of a header.
    pub(super) fn push_header(&mut self, header: MessageHeader, field: &Field) {
        let place = match header {
            MessageHeader::Extended => &mut self.extended,
            MessageHeader::Command => &mut self.command,
            MessageHeader::Global => &mut self.global,
        };
        *place = Some(field.slice);
    }

    /// Adds the status of replies that are too short for anything else.
    pub(super) fn push_status_alone(&mut self) {
        self.status_alone = true;
    }

    /// Sorts and indexes the paths; call it before reading.
    pub(super) fn finish(&mut self) {
        self.bodies.sort_by_key(|path| path.key);
        self.starts.clear();
        if self.bodies.len() > LINEAR_SEARCH_MAX {
            self.starts = (0..=SHAPE_KEYS)
                .map(|key| {
                    self.bodies
                        .partition_point(|path| usize::from(path.key) < key)
                })
                .map(|start| u16::try_from(start).unwrap_or(u16::MAX))
                .collect();
        }
    }

    /// Every path in a body.
    pub(super) fn bodies(&self) -> &[FieldPath] {
        &self.bodies
    }

    /// Width of the widest value in bits.
    pub(super) fn width(&self) -> u32 {
        let headers = [self.extended, self.command, self.global];
        let headers = headers.iter().flatten().map(BitSlice::width);
        let bodies = self.bodies.iter().map(FieldPath::width);
        headers.chain(bodies).max().unwrap_or(64)
    }

    /// Visits every value of a message, headers first.
    pub(super) fn for_each<'a, V>(&self, decoded: &Decoded<'a>, visit: &mut V) -> ControlFlow<()>
    where
        V: FnMut(ValuePlace<'a>) -> ControlFlow<()>,
    {
        if let Some(value) = self.header(decoded) {
            visit(ValuePlace::Number(value))?;
        }
        if self.status_alone
            && let Some(short) = &decoded.short_reply
            && let Some(status) = short.status
        {
            return visit(ValuePlace::Number(status.into()));
        }
        let (Some(body), false) = (&decoded.body, self.bodies.is_empty()) else {
            return ControlFlow::Continue(());
        };
        let Some(key) = shape_key_of(decoded) else {
            return ControlFlow::Continue(());
        };
        let candidates = match (
            self.starts.get(usize::from(key)),
            self.starts.get(usize::from(key) + 1),
        ) {
            (Some(start), Some(end)) => self.bodies.get(usize::from(*start)..usize::from(*end)),
            _ => Some(self.bodies.as_slice()),
        };
        for path in candidates.unwrap_or_default() {
            if path.key == key {
                path.for_each(body, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn header(&self, decoded: &Decoded<'_>) -> Option<i128> {
        if self.extended.is_none() && self.command.is_none() && self.global.is_none() {
            return None;
        }
        if let Some(slice) = &self.extended {
            decoded.frame.as_ref()?.extended?;
            return number(decoded, slice, 0);
        }
        let set = match (&decoded.frame, &decoded.body) {
            (Some(frame), _) => Frame::set(frame).unwrap_or(MessageSet::Vgpu),
            (None, Some(body)) if body.layout.is_echo => decoded.message?.set,
            _ => return None,
        };
        let slice = match set {
            MessageSet::Global => self.global.as_ref(),
            MessageSet::Vgpu | MessageSet::Host => self.command.as_ref(),
        };
        number(decoded, slice?, decoded.base)
    }
}

fn number(decoded: &Decoded<'_>, slice: &BitSlice, base: usize) -> Option<i128> {
    let at = base.checked_add(usize::from(slice.at))?;
    let bytes = decoded
        .payload
        .data
        .get(at..)?
        .get(..usize::from(slice.size))?;
    Some(slice.extract_signed(little_endian(bytes)))
}

/// The headers before a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum MessageHeader {
    /// The extended header.
    Extended,
    /// The command header of the vGPU and the host set.
    Command,
    /// The command header of the global set.
    Global,
}

impl MessageHeader {
    /// Every header.
    pub(super) const ALL: &'static [Self] = &[Self::Extended, Self::Command, Self::Global];

    /// Its shape.
    pub(super) fn layout(self) -> &'static Layout {
        match self {
            Self::Extended => &framing::EXTENDED,
            Self::Command => &framing::COMMAND,
            Self::Global => &framing::COMMAND_GLOBAL,
        }
    }
}
