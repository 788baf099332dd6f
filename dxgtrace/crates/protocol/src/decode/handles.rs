//! Every handle that a message names.

use super::{Decoded, FieldRef, Value};
use crate::schema::{FieldType, ObjectKind, TailElement};

impl Decoded<'_> {
    /// Hands over every handle and guest event number in the body that is not
    /// 0: the kinds that it may be of, and the number.
    pub fn handles(&self, named: &mut impl FnMut(&'static [ObjectKind], u64)) {
        let Some(body) = &self.body else { return };
        for spot in body.fields() {
            of_field(&spot, named);
        }
        for tail in body.tails() {
            for spot in tail.viewed() {
                of_field(&spot, named);
            }
            match tail.tail.element {
                TailElement::Value(ty) if kinds(ty).is_some() => {
                    for index in 0..tail.count {
                        of_bytes(ty, tail.element(index), named);
                    }
                }
                TailElement::Value(_) => {}
                TailElement::Struct(structure) => {
                    if structure
                        .fields
                        .iter()
                        .all(|field| kinds(field.ty).is_none())
                    {
                        continue;
                    }
                    for index in 0..tail.count {
                        for spot in tail.members(index) {
                            of_field(&spot, named);
                        }
                    }
                }
            }
        }
    }
}

fn of_field(spot: &FieldRef<'_>, named: &mut impl FnMut(&'static [ObjectKind], u64)) {
    let ty = spot.field.ty;
    if kinds(ty).is_none() {
        return;
    }
    let size = usize::from(ty.size()).max(1);
    for bytes in spot.bytes.chunks_exact(size).take(spot.used) {
        of_bytes(ty, bytes, named);
    }
}

fn of_bytes(ty: FieldType, bytes: &[u8], named: &mut impl FnMut(&'static [ObjectKind], u64)) {
    let value = Value::of_bytes(ty, bytes).and_then(|value| value.raw());
    if let (Some(kinds), Some(value)) = (kinds(ty), value)
        && value != 0
    {
        named(kinds, value);
    }
}

/// The kinds of object that a value of this type may name, if it names any.
pub(super) fn kinds(ty: FieldType) -> Option<&'static [ObjectKind]> {
    match ty {
        FieldType::Handle(kinds) => Some(kinds),
        FieldType::Event => Some(&[ObjectKind::GuestEvent]),
        _ => None,
    }
}
