//! What stops the build: names that mean nothing, fields out of place.

use super::field::{Field, ObjectOwner};
use super::layout::{Fact, Layout};
use super::tail::{Tail, TailElement};
use super::ty::FieldType;
use super::{MAX_FACTS, MAX_GAPS};
use crate::schema::text::{same, stop};

pub(super) const fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let mut i = 0;
    while i < fields.len() {
        if same(fields[i].name, name) {
            return Some(&fields[i]);
        }
        i += 1;
    }
    None
}

pub(super) const fn need(message: &str, fields: &'static [Field], name: &str) -> &'static Field {
    match find(fields, name) {
        Some(field) => field,
        None => stop(message, "has no field", name),
    }
}

pub(super) const fn need_u32(message: &str, fields: &'static [Field], name: &str) -> u16 {
    let field = need(message, fields, name);
    match field.ty {
        FieldType::U32 => field.at,
        _ => stop(message, "counts with a field that is no U32:", name),
    }
}

/// Number, stride and member offset of `tail.member`.
pub(super) const fn need_member(
    message: &str,
    tails: &'static [Tail],
    tail: &str,
    member: &str,
) -> (u8, u16, u16) {
    let mut i = 0;
    while i < tails.len() {
        if same(tails[i].name, tail) {
            return match tails[i].element {
                TailElement::Struct(structure) => (
                    i as u8,
                    structure.size,
                    need_u32(message, structure.fields, member),
                ),
                TailElement::Value(_) => stop(message, "sums over a tail without members:", tail),
            };
        }
        i += 1;
    }
    stop(message, "has no tail", tail)
}

/// The place of `fact` among `facts`, added if it is new.
pub(super) const fn keep(message: &str, facts: &mut [Fact; MAX_FACTS], fact: Fact) -> u8 {
    let mut i = 0;
    while i < facts.len() {
        match (facts[i], fact) {
            (Fact::None, _) => {
                facts[i] = fact;
                return i as u8;
            }
            (Fact::At(a), Fact::At(b)) | (Fact::AtOrOne(a), Fact::AtOrOne(b)) if a == b => {
                return i as u8;
            }
            _ => i += 1,
        }
    }
    stop(message, "needs too much of its request for", "replies")
}

/// Stops the build unless the fields stand in order, aligned, inside the
/// structure, without overlap but for alternatives and bit fields.
pub(super) const fn check_fields(
    message: &str,
    fields: &'static [Field],
    start: u16,
    size: u16,
    packed: bool,
) {
    let mut i = 0;
    while i < fields.len() {
        let field = &fields[i];
        if field.at < start || field.end() > size {
            stop(message, "has a field outside of its structure:", field.name);
        }
        if !packed && !field.at.is_multiple_of(field.ty.align()) {
            stop(message, "has a misaligned field", field.name);
        }
        if let Some((shift, width)) = field.bits
            && (width == 0 || (shift + width) as u16 > 8 * field.ty.size())
        {
            stop(message, "has a bit field outside of its word:", field.name);
        }
        if let Some(name) = field.used {
            need(message, fields, name);
        }
        if let Some(when) = field.when
            && !when.of_request
        {
            need(message, fields, when.field);
        }
        let mut j = 0;
        while j < i {
            let before = &fields[j];
            if same(before.name, field.name) {
                stop(message, "names two fields", field.name);
            }
            if field.at < before.end()
                && before.at < field.end()
                && !(field.when.is_some() && before.when.is_some())
                && !(field.at == before.at && field.mask() & before.mask() == 0)
            {
                stop(message, "has overlapping fields at", field.name);
            }
            j += 1;
        }
        i += 1;
    }
}

/// The bytes from `start` to `end` that belong to no field, as runs.
pub(super) const fn gaps(
    message: &str,
    fields: &'static [Field],
    start: u16,
    end: u16,
) -> [(u16, u16); MAX_GAPS] {
    let mut gaps = [(0, 0); MAX_GAPS];
    let mut used = 0;
    let mut at = start;
    while at < end {
        // The nearest field that covers `at` or comes after it.
        let mut next = end;
        let mut covered = at;
        let mut i = 0;
        while i < fields.len() {
            let field = &fields[i];
            if field.at <= at && field.end() > covered {
                covered = field.end();
            }
            if field.at > at && field.at < next {
                next = field.at;
            }
            i += 1;
        }
        if covered > at {
            at = covered;
            continue;
        }
        if used == MAX_GAPS {
            stop(message, "has too many runs of padding in", "its fixed part");
        }
        gaps[used] = (at, next - at);
        used += 1;
        at = next;
    }
    gaps
}

/// Stops the build unless an owner's fields exist: in the same part, or of a
/// reply in the request. What a request creates may belong to what its reply
/// creates, which is found when the reply is followed.
pub(super) const fn check_owner(
    message: &str,
    owner: &ObjectOwner,
    fields: &'static [Field],
    request: Option<&Layout>,
) {
    let Some(request) = request else { return };
    let mut i = 0;
    while i < owner.fields.len() {
        if find(fields, owner.fields[i]).is_none() {
            need(message, request.fields, owner.fields[i]);
        }
        i += 1;
    }
    if let Some(when) = owner.when {
        need(message, request.fields, when.field);
    }
}
