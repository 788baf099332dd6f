//! Every handle that a message names.

use super::{Decoded, Spot, Value};
use crate::schema::{Element, Object, Ty};

impl Decoded<'_> {
    /// Hands over every handle and guest event number in the body that is not
    /// 0: the kinds that it may be of, and the number.
    pub fn handles(&self, named: &mut impl FnMut(&'static [Object], u64)) {
        let Some(body) = &self.body else { return };
        for spot in body.fields() {
            of_spot(&spot, named);
        }
        for tail in body.tails() {
            for spot in tail.viewed() {
                of_spot(&spot, named);
            }
            match tail.tail.element {
                Element::Value(ty) if kinds(ty).is_some() => {
                    for index in 0..tail.count {
                        of_bytes(ty, tail.element(index), named);
                    }
                }
                Element::Value(_) => {}
                Element::Struct(structure) => {
                    if structure
                        .fields
                        .iter()
                        .all(|field| kinds(field.ty).is_none())
                    {
                        continue;
                    }
                    for index in 0..tail.count {
                        for spot in tail.members(index) {
                            of_spot(&spot, named);
                        }
                    }
                }
            }
        }
    }
}

fn of_spot(spot: &Spot<'_>, named: &mut impl FnMut(&'static [Object], u64)) {
    let ty = spot.field.ty;
    if kinds(ty).is_none() {
        return;
    }
    let size = usize::from(ty.size()).max(1);
    for bytes in spot.bytes.chunks_exact(size).take(spot.used) {
        of_bytes(ty, bytes, named);
    }
}

fn of_bytes(ty: Ty, bytes: &[u8], named: &mut impl FnMut(&'static [Object], u64)) {
    let value = Value::of_bytes(ty, bytes).and_then(|value| value.raw());
    if let (Some(kinds), Some(value)) = (kinds(ty), value)
        && value != 0
    {
        named(kinds, value);
    }
}

/// The kinds of object that a value of this type may name, if it names any.
pub(super) fn kinds(ty: Ty) -> Option<&'static [Object]> {
    match ty {
        Ty::Handle(kinds) => Some(kinds),
        Ty::Event => Some(&[Object::GuestEvent]),
        _ => None,
    }
}
