//! Sets the values of a draft by name.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::{write_element, write_field, write_number};
use super::value::{FieldValue, ValueDestination};
use crate::decode::LocatedBody;
use crate::schema::{Field, FieldType, Struct, Tail, TailElement};

/// The part that a name refers to.
enum NamedPart {
    Field(usize),
    Tail(usize),
    Member {
        tail: usize,
        structure: &'static Struct,
        member: usize,
        /// Whether the array is opaque data that begins with `structure`.
        is_view: bool,
    },
}

impl MessageDraft {
    /// Sets a field, an array, or a member of the elements of an array.
    pub fn set(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), EncodeError> {
        match self.resolve_name(name) {
            Some(NamedPart::Field(index)) => self.set_field(index, value),
            Some(NamedPart::Tail(index)) => self.set_tail(index, value),
            Some(NamedPart::Member {
                tail,
                structure,
                member,
                is_view,
            }) => self.set_column(tail, structure, member, is_view, value),
            None => Err(self.unknown_field(name)),
        }
    }

    /// Sets every field and array that `body` holds, by name.
    pub fn set_all(&mut self, body: &LocatedBody<'_>) -> Result<(), EncodeError> {
        for spot in body.fields() {
            match spot.number() {
                _ if spot.field.count > 1 => {
                    self.set(spot.field.name, FieldValue::Bytes(spot.bytes))?;
                }
                Some(number) => self.set(spot.field.name, FieldValue::Number(number))?,
                None => {}
            }
        }
        for tail in body.tails() {
            let size = usize::from(tail.tail.element.size());
            let whole = tail.bytes.get(..tail.captured_elements() * size);
            self.set(tail.tail.name, FieldValue::Bytes(whole.unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Appends an element to an array of structures.
    pub fn push_element<'n, 'v, V: Into<FieldValue<'v>>>(
        &mut self,
        name: &str,
        members: impl IntoIterator<Item = (&'n str, V)>,
    ) -> Result<(), EncodeError> {
        let Some(NamedPart::Tail(index)) = self.resolve_name(name) else {
            return Err(self.unknown_field(name));
        };
        let Some(tail) = self.layout.tails.get(index) else {
            return Err(self.unknown_field(name));
        };
        let TailElement::Struct(structure) = tail.element else {
            return Err(self.wrong_elements(tail));
        };
        let at = self.tail_end(index);
        self.resize_tail(index, self.count(index) + 1);
        let message = self.message.name;
        let mut set = 0u64;
        for (member, value) in members {
            let position = structure.fields.iter().position(|one| one.name == member);
            let Some((position, field)) =
                position.and_then(|at| Some((at, structure.fields.get(at)?)))
            else {
                return Err(self.unknown_field(&format!("{name}.{member}")));
            };
            let element = self.bytes.get_mut(at..).unwrap_or_default();
            write_value(message, element, field, value.into())?;
            set |= 1 << position;
        }
        if let Some(marked) = self.members_set.get_mut(index) {
            *marked |= set;
        }
        self.check_members(structure, set, at)
    }

    fn set_field(&mut self, index: usize, value: FieldValue<'_>) -> Result<(), EncodeError> {
        let layout = self.layout;
        let Some(field) = layout.fields.get(index) else {
            return Ok(());
        };
        let message = self.message.name;
        let given = write_value(message, self.body_mut(), field, value)?;
        self.fields_set |= 1 << index;
        // Derive the count of used elements from the array, unless it was set.
        if let Some(used) = field.used_count
            && let Some(at) = layout
                .fields
                .iter()
                .position(|other| other.name == used.field)
            && self.fields_set >> at & 1 == 0
            && let Some(used) = layout.fields.get(at)
        {
            let _ = write_field(self.body_mut(), used, given as u64);
        }
        Ok(())
    }

    fn set_tail(&mut self, index: usize, value: FieldValue<'_>) -> Result<(), EncodeError> {
        let Some(tail) = self.layout.tails.get(index) else {
            return Ok(());
        };
        let size = usize::from(tail.element.size());
        let ty = match (tail.element, value) {
            (TailElement::Value(ty), _) => ty,
            (TailElement::Struct(_), FieldValue::Bytes(_)) => FieldType::Byte,
            (TailElement::Struct(_), _) => return Err(self.wrong_elements(tail)),
        };
        let to = ValueDestination::array(self.message.name, tail.name, ty);
        let count = match value {
            FieldValue::Bytes(bytes) => to.element_count(bytes.len(), size)?,
            _ => value.count(&to)?,
        };
        self.resize_tail(index, count);
        let at = self.tail_at(index);
        let place = self.bytes.get_mut(at..at + count * size);
        let place = place.unwrap_or_default();
        if let FieldValue::Bytes(bytes) = value {
            place.copy_from_slice(bytes);
            return Ok(());
        }
        value.for_each_number(&to, |index, number| {
            if let Some(place) = place.get_mut(index * size..(index + 1) * size) {
                write_number(place, number);
            }
        })
    }

    /// Sets a member of all elements, one value per element.
    fn set_column(
        &mut self,
        index: usize,
        structure: &'static Struct,
        member: usize,
        is_view: bool,
        value: FieldValue<'_>,
    ) -> Result<(), EncodeError> {
        let Some(field) = structure.fields.get(member) else {
            return Ok(());
        };
        let message = self.message.name;
        let size = usize::from(structure.size);
        for set in [&mut self.members_set, &mut self.columns_set] {
            if let Some(set) = set.get_mut(index) {
                *set |= 1 << member;
            }
        }
        if is_view {
            self.resize_tail(index, self.count(index).max(size));
            let at = self.tail_at(index);
            let data = self.bytes.get_mut(at..).unwrap_or_default();
            return write_value(message, data, field, value).map(|_| ());
        }
        let to = ValueDestination::field(message, field);
        let each = usize::from(field.count);
        let count = value.count(&to)?.div_ceil(each);
        self.resize_tail(index, self.count(index).max(count));
        let at = self.tail_at(index);
        let elements = self.bytes.get_mut(at..).unwrap_or_default();
        value.for_each_number(&to, |given, number| {
            let element = elements.get_mut(given / each * size..).unwrap_or_default();
            match each {
                1 => write_field(element, field, number).unwrap_or_default(),
                _ => write_element(element, field, given % each, number),
            }
        })
    }

    /// The part that `name` refers to.
    fn resolve_name(&self, name: &str) -> Option<NamedPart> {
        let fields = self.layout.fields.iter();
        if let Some(field) = fields.enumerate().find(|(_, field)| field.name == name) {
            return Some(NamedPart::Field(field.0));
        }
        self.layout.tails.iter().enumerate().find_map(|(at, tail)| {
            let rest = name.strip_prefix(tail.name)?;
            if rest.is_empty() {
                return Some(NamedPart::Tail(at));
            }
            let member = rest.strip_prefix('.')?;
            let (structure, is_view) = match (tail.element, &tail.view) {
                (TailElement::Struct(structure), _) => (structure, false),
                (TailElement::Value(_), Some((structure, _))) => (*structure, true),
                (TailElement::Value(_), None) => return None,
            };
            let member = structure.fields.iter().position(|one| one.name == member)?;
            Some(NamedPart::Member {
                tail: at,
                structure,
                member,
                is_view,
            })
        })
    }

    fn unknown_field(&self, name: &str) -> EncodeError {
        EncodeError::UnknownField {
            message: self.message.name,
            part: self.part,
            field: name.to_owned(),
        }
    }

    fn wrong_elements(&self, tail: &Tail) -> EncodeError {
        EncodeError::WrongElements {
            message: self.message.name,
            field: tail.name,
            structures: matches!(tail.element, TailElement::Struct(_)),
        }
    }
}

/// Writes `value` to all elements of `field`. `bytes` begin with the structure of the
/// field. Returns the number of elements in `value`.
fn write_value(
    message: &'static str,
    bytes: &mut [u8],
    field: &Field,
    value: FieldValue<'_>,
) -> Result<usize, EncodeError> {
    let to = ValueDestination::field(message, field);
    let (given, room) = (value.count(&to)?, usize::from(field.count));
    if given > room {
        return Err(EncodeError::TooMany {
            message,
            field: field.name,
            given,
            room,
        });
    }
    if room == 1 {
        value.for_each_number(&to, |_, number| {
            let _ = write_field(bytes, field, number);
        })?;
    } else {
        let range = usize::from(field.at)..usize::from(field.end());
        bytes.get_mut(range).unwrap_or_default().fill(0);
        value.for_each_number(&to, |index, number| {
            write_element(bytes, field, index, number)
        })?;
    }
    Ok(given)
}
