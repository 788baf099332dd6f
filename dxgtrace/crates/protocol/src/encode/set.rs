//! Values into a draft, by name.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::{put, put_element, put_number};
use super::value::{FieldValue, ValueDestination};
use crate::decode::LocatedBody;
use crate::schema::{Field, FieldType, Struct, Tail, TailElement};

/// What a name stands for.
enum NamedPart {
    Field(usize),
    Tail(usize),
    Member {
        tail: usize,
        structure: &'static Struct,
        member: usize,
        /// Whether the array is opaque data that begins with the structure.
        is_view: bool,
    },
}

impl MessageDraft {
    /// Gives a field, an array, or a member of an array's elements a value.
    pub fn set(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), EncodeError> {
        match self.target(name) {
            Some(NamedPart::Field(index)) => self.set_field(index, value),
            Some(NamedPart::Tail(index)) => self.set_tail(index, value),
            Some(NamedPart::Member {
                tail,
                structure,
                member,
                is_view,
            }) => self.set_column(tail, structure, member, is_view, value),
            None => Err(self.unknown(name)),
        }
    }

    /// Gives everything a value that `body` holds, by name.
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
            let whole = tail.bytes.get(..tail.captured() * size);
            self.set(tail.tail.name, FieldValue::Bytes(whole.unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Appends an element to an array of structures.
    pub fn push<'n, 'v, V: Into<FieldValue<'v>>>(
        &mut self,
        name: &str,
        members: impl IntoIterator<Item = (&'n str, V)>,
    ) -> Result<(), EncodeError> {
        let Some(NamedPart::Tail(index)) = self.target(name) else {
            return Err(self.unknown(name));
        };
        let Some(tail) = self.layout.tails.get(index) else {
            return Err(self.unknown(name));
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
                return Err(self.unknown(&format!("{name}.{member}")));
            };
            let element = self.bytes.get_mut(at..).unwrap_or_default();
            write(message, element, field, value.into())?;
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
        let given = write(message, self.body_mut(), field, value)?;
        self.fields_set |= 1 << index;
        // An array in the fixed part tells how many of its elements are in use.
        if let Some(used) = field.used
            && let Some(at) = layout
                .fields
                .iter()
                .position(|other| other.name == used.field)
            && self.fields_set >> at & 1 == 0
            && let Some(used) = layout.fields.get(at)
        {
            let _ = put(self.body_mut(), used, given as u64);
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
            FieldValue::Bytes(bytes) => to.whole(bytes.len(), size)?,
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
        value.each(&to, |index, number| {
            if let Some(place) = place.get_mut(index * size..(index + 1) * size) {
                put_number(place, number);
            }
        })
    }

    /// Gives a member of all elements its values, an element each.
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
            return write(message, data, field, value).map(|_| ());
        }
        let to = ValueDestination::field(message, field);
        let each = usize::from(field.count);
        let count = value.count(&to)?.div_ceil(each);
        self.resize_tail(index, self.count(index).max(count));
        let at = self.tail_at(index);
        let elements = self.bytes.get_mut(at..).unwrap_or_default();
        value.each(&to, |given, number| {
            let element = elements.get_mut(given / each * size..).unwrap_or_default();
            match each {
                1 => put(element, field, number).unwrap_or_default(),
                _ => put_element(element, field, given % each, number),
            }
        })
    }

    /// What a name stands for.
    fn target(&self, name: &str) -> Option<NamedPart> {
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

    fn unknown(&self, name: &str) -> EncodeError {
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

/// Writes a value to a field of the structure with which `bytes` begin, all
/// elements of it. Returns how many elements were given.
fn write(
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
        value.each(&to, |_, number| {
            let _ = put(bytes, field, number);
        })?;
    } else {
        let range = usize::from(field.at)..usize::from(field.end());
        bytes.get_mut(range).unwrap_or_default().fill(0);
        value.each(&to, |index, number| {
            put_element(bytes, field, index, number)
        })?;
    }
    Ok(given)
}
