//! A message under construction: its bytes so far, and which parts of it were set.

use super::place::write_field;
use crate::decode::MessagePart;
use crate::schema::{
    Field, FieldRule, Layout, MAX_REQUEST_VALUES, MAX_TAILS, Message, TailElement,
};
use crate::table::framing::{
    CHANNEL_TYPE_BITS, COMMAND_NUMBER, EXTENDED, EXTENDED_HEADER, VERSION_EXTENDED, header,
};

/// A message under construction.
#[derive(Debug, Clone)]
pub(super) struct MessageDraft {
    pub message: &'static Message,
    pub part: MessagePart,
    /// The interface version, which decides the framing and the form.
    pub version: u32,
    pub layout: &'static Layout,
    /// Headers, fixed part and the arrays so far, in sequence.
    pub bytes: Vec<u8>,
    /// Offset of the layout's zero.
    pub base: usize,
    /// Number of elements of each array so far.
    pub counts: [usize; MAX_TAILS],
    /// Bit mask of the fields that were set.
    pub fields_set: u64,
    /// Bit mask of the members that were set in any element, per array.
    pub members_set: [u64; MAX_TAILS],
    /// Bit mask of the members that were set in all elements, per array.
    pub columns_set: [u64; MAX_TAILS],
    /// In a reply: the values of its request.
    pub request_values: [Option<u64>; MAX_REQUEST_VALUES],
    /// Bytes after the message.
    pub trailing: Vec<u8>,
}

impl MessageDraft {
    /// Starts a message in which nothing is set.
    pub fn new(
        message: &'static Message,
        part: MessagePart,
        version: u32,
        layout: &'static Layout,
    ) -> Self {
        let base = match part {
            MessagePart::Request if version >= VERSION_EXTENDED => usize::from(EXTENDED_HEADER),
            _ => 0,
        };
        let mut draft = Self {
            message,
            part,
            version,
            layout,
            bytes: vec![0; base + usize::from(layout.tails_at)],
            base,
            counts: [0; MAX_TAILS],
            fields_set: 0,
            members_set: [0; MAX_TAILS],
            columns_set: [0; MAX_TAILS],
            request_values: [None; MAX_REQUEST_VALUES],
            trailing: Vec::new(),
        };
        if base > 0 {
            write_constants(&mut draft.bytes, EXTENDED.fields);
        }
        if part != MessagePart::Reply {
            write_constants(draft.body_mut(), header(message.set).fields);
            draft.set_header(&CHANNEL_TYPE_BITS, message.set as u64);
            draft.set_header(&COMMAND_NUMBER, message.id.into());
        }
        write_constants(draft.body_mut(), layout.fields);
        draft
    }

    /// Writes a field of the command header.
    pub fn set_header(&mut self, field: &Field, value: u64) {
        // A draft with a header has all of the header, so that this cannot fail.
        let _ = write_field(self.body_mut(), field, value);
    }

    /// The bytes from the layout's zero on.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.base..).unwrap_or_default()
    }

    pub fn body_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.base..).unwrap_or_default()
    }

    /// Number of elements of the array `index` so far.
    pub fn count(&self, index: usize) -> usize {
        self.counts.get(index).copied().unwrap_or(0)
    }

    /// Start of the array `index` in the bytes so far.
    pub fn tail_at(&self, index: usize) -> usize {
        let before = self.layout.tails.iter().zip(self.counts).take(index);
        let size = before.map(|(tail, count)| count * usize::from(tail.element.size()));
        self.base + usize::from(self.layout.tails_at) + size.sum::<usize>()
    }

    /// End of the array `index` in the bytes so far.
    pub fn tail_end(&self, index: usize) -> usize {
        self.tail_at(index + 1)
    }

    /// Resizes the array `index` to `count` elements. New elements hold the values that
    /// every driver sends.
    pub fn resize_tail(&mut self, index: usize, count: usize) {
        let Some(tail) = self.layout.tails.get(index) else {
            return;
        };
        let size = usize::from(tail.element.size());
        let (at, end) = (self.tail_at(index), self.tail_end(index));
        let new_end = at + count * size;
        if new_end <= end {
            self.bytes.drain(new_end..end);
        } else {
            let zeros = std::iter::repeat_n(0, new_end - end);
            self.bytes.splice(end..end, zeros);
            if let TailElement::Struct(structure) = tail.element {
                let added = self.bytes.get_mut(end..new_end).unwrap_or_default();
                for element in added.chunks_mut(size) {
                    write_constants(element, structure.fields);
                }
            }
        }
        if let Some(stored) = self.counts.get_mut(index) {
            *stored = count;
        }
    }
}

/// Writes the values that every driver sends, except into alternatives.
fn write_constants(bytes: &mut [u8], fields: &[Field]) {
    for field in fields {
        if let (FieldRule::Always(value), None) = (field.rule, field.when) {
            let _ = write_field(bytes, field, value);
        }
    }
}
