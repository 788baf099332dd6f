//! What stops the build: names that mean nothing, fields out of place.

use super::MAX_GAPS;
use super::field::{Field, find};
use super::ty::FieldType;
use crate::schema::text::{same, stop, stop_at};

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

/// Offset of the 4-byte field by whose value others are told apart.
pub(super) const fn need_word(message: &str, fields: &'static [Field], name: &str) -> u16 {
    let field = need(message, fields, name);
    if field.ty.size() != 4 || field.bits.is_some() || field.count != 1 {
        stop(
            message,
            "tells meanings apart by a field that is no 32-bit word:",
            name,
        );
    }
    field.at
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
        if let Some(used) = field.used {
            need(message, fields, used.field);
            if used.slice.is_none() {
                stop(message, UNRESOLVED, field.name);
            }
        }
        if let Some(when) = field.when
            && !when.of_request
        {
            need(message, fields, when.field);
            if when.decider.is_none() {
                stop(message, UNRESOLVED, field.name);
            }
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

/// What is wrong with a field that names another one where nothing looks it up.
const UNRESOLVED: &str = "needs `fields([..])` around the list with";

/// Stops the build unless the bytes that belong to no field are the `said` gaps.
pub(super) const fn check_gaps(
    message: &str,
    fields: &'static [Field],
    said: &[(u16, u16)],
    start: u16,
    end: u16,
) {
    let found = gaps(message, fields, start, end);
    let mut i = 0;
    while i < MAX_GAPS {
        let (at, length) = found[i];
        let (said_at, said_length) = if i < said.len() { said[i] } else { (0, 0) };
        if said_length > 0 && (length == 0 || said_at < at) {
            stop_at(
                message,
                "says a gap in the bytes of a field, at offset",
                said_at,
            );
        }
        if length > 0 && (said_length == 0 || at < said_at) {
            stop_at(message, "has bytes without field or gap from offset", at);
        }
        if length != said_length {
            stop_at(message, "says a gap of the wrong length at offset", at);
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
