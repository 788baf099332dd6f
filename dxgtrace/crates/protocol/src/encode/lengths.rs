//! The last step: derives counts from arrays, and lengths from counts.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::write_field;
use crate::decode::{MAX_PAYLOAD, read_slice};
use crate::schema::{Field, LengthSource, Tail, TailElement};

impl MessageDraft {
    /// Encodes the message.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        self.derive_counts();
        self.check_alternatives()?;
        let layout = self.layout;
        for (index, tail) in layout.tails.iter().enumerate() {
            let (given, room) = (self.count(index), self.described_count(index, tail)?);
            let size = u64::from(tail.element.size());
            self.check_length(room.saturating_mul(size))?;
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            if given > room {
                return Err(EncodeError::TooMany {
                    message: self.message.name,
                    field: tail.name,
                    given,
                    room,
                });
            }
            self.resize_tail(index, room);
        }
        let tails = self.body().len() - usize::from(layout.tails_at);
        let total = layout.total_with(tails as u64);
        self.check_length(total)?;
        self.bytes.resize(self.base + total as usize, 0);
        self.bytes.append(&mut self.trailing);
        Ok(self.bytes)
    }

    /// Sets counts that were not set to the lengths of their arrays.
    fn derive_counts(&mut self) {
        let layout = self.layout;
        for (index, source) in layout
            .tail_lengths
            .iter()
            .enumerate()
            .take(layout.tails.len())
        {
            let given = match (self.count(index) as u64, source) {
                // One element exists even if the count is 0.
                (1, LengthSource::AtOrOne(_)) => 0,
                (given, _) => given,
            };
            match *source {
                LengthSource::At(at) | LengthSource::AtOrOne(at) | LengthSource::AtIfRoom(at) => {
                    let counts = |field: &&Field| field.at == at && field.bits.is_none();
                    let Some(position) = layout.fields.iter().position(|field| counts(&field))
                    else {
                        continue;
                    };
                    let is_set = self.fields_set >> position & 1 != 0;
                    if let Some(field) = layout.fields.get(position)
                        && !is_set
                        && read_slice(self.body(), &field.slice).is_some_and(|count| count < given)
                    {
                        let _ = write_field(self.body_mut(), field, given);
                    }
                }
                LengthSource::Sum { tail, member, .. } => {
                    self.derive_member(usize::from(tail), member, given);
                }
                LengthSource::Fill | LengthSource::Area { .. } | LengthSource::Request(_) => {}
            }
        }
    }

    /// Sets the member that counts a later array to its length, if the array of that
    /// member has exactly one element.
    fn derive_member(&mut self, tail: usize, member: u16, given: u64) {
        let Some(TailElement::Struct(structure)) = self.layout.tails.get(tail).map(|it| it.element)
        else {
            return;
        };
        let fields = structure.fields.iter().enumerate();
        let Some((index, field)) = fields.into_iter().find(|(_, field)| field.at == member) else {
            return;
        };
        let is_set = self
            .members_set
            .get(tail)
            .is_some_and(|set| set >> index & 1 != 0);
        if self.count(tail) == 1 && !is_set {
            let at = self.tail_at(tail);
            let _ = write_field(self.bytes.get_mut(at..).unwrap_or_default(), field, given);
        }
    }

    /// Number of elements of an array according to its length rule.
    fn described_count(&self, index: usize, tail: &Tail) -> Result<u64, EncodeError> {
        let layout = self.layout;
        let Some(source) = layout.tail_lengths.get(index) else {
            return Ok(0);
        };
        let number = |at: u16| number(self.body(), usize::from(at));
        Ok(match *source {
            LengthSource::At(at) => number(at),
            LengthSource::AtOrOne(at) => number(at).max(1),
            LengthSource::AtIfRoom(at) if self.count(index) > 0 => number(at),
            LengthSource::AtIfRoom(_) => 0,
            LengthSource::Sum {
                tail,
                stride,
                member,
            } => {
                let (tail, stride) = (usize::from(tail), usize::from(stride));
                let at = self.tail_at(tail) - self.base + usize::from(member);
                (0..self.count(tail))
                    .map(|element| self::number(self.body(), at + element * stride))
                    .fold(0, u64::saturating_add)
            }
            LengthSource::Fill => {
                let before = (self.tail_at(index) - self.base) as u64;
                let left = u64::from(layout.fixed_total.unwrap_or(0)).saturating_sub(before);
                left / u64::from(tail.element.size())
            }
            LengthSource::Area {
                head,
                element,
                count,
            } => (u64::from(head) + u64::from(element) * number(count).max(1)).next_multiple_of(8),
            LengthSource::Request(slot) => {
                let told = self
                    .request_values
                    .get(usize::from(slot))
                    .copied()
                    .flatten();
                told.ok_or(EncodeError::RequestCut {
                    message: self.message.name,
                    field: tail.name,
                })?
            }
        })
    }

    fn check_length(&self, length: u64) -> Result<(), EncodeError> {
        if length > MAX_PAYLOAD as u64 {
            return Err(EncodeError::TooLong {
                message: self.message.name,
                length,
            });
        }
        Ok(())
    }
}

/// The `u32` at an offset, or 0 after the end.
fn number(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
}
