//! Lists the handles in a message.

use super::{Decoded, FieldRef, Value};
use crate::schema::{FieldType, ObjectKind, TailElement};

impl Decoded<'_> {
    /// Calls `named` with the possible kinds and the number of every nonzero handle and
    /// guest event in the body.
    pub fn handles(&self, named: &mut impl FnMut(&'static [ObjectKind], u64)) {
        let Some(body) = &self.body else { return };
        for spot in body.fields() {
            handles_of_field(&spot, named);
        }
        for tail in body.tails() {
            for spot in tail.view_fields() {
                handles_of_field(&spot, named);
            }
            match tail.tail.element {
                TailElement::Value(ty) if object_kinds(ty).is_some() => {
                    for index in 0..tail.count {
                        handle_in_bytes(ty, tail.element(index), named);
                    }
                }
                TailElement::Value(_) => {}
                TailElement::Struct(structure) => {
                    if structure
                        .fields
                        .iter()
                        .all(|field| object_kinds(field.ty).is_none())
                    {
                        continue;
                    }
                    for index in 0..tail.count {
                        for spot in tail.members(index) {
                            handles_of_field(&spot, named);
                        }
                    }
                }
            }
        }
    }
}

fn handles_of_field(spot: &FieldRef<'_>, named: &mut impl FnMut(&'static [ObjectKind], u64)) {
    let ty = spot.field.ty;
    if object_kinds(ty).is_none() {
        return;
    }
    let size = usize::from(ty.size()).max(1);
    for bytes in spot.bytes.chunks_exact(size).take(spot.used_elements) {
        handle_in_bytes(ty, bytes, named);
    }
}

fn handle_in_bytes(
    ty: FieldType,
    bytes: &[u8],
    named: &mut impl FnMut(&'static [ObjectKind], u64),
) {
    let value = Value::from_bytes(ty, bytes).and_then(|value| value.as_number());
    if let (Some(kinds), Some(value)) = (object_kinds(ty), value)
        && value != 0
    {
        named(kinds, value);
    }
}

/// The kinds of object that a value of type `ty` may name; `None` if it names none.
pub(super) fn object_kinds(ty: FieldType) -> Option<&'static [ObjectKind]> {
    match ty {
        FieldType::Handle(kinds) => Some(kinds),
        FieldType::Event => Some(&[ObjectKind::GuestEvent]),
        _ => None,
    }
}
