//! Checks that fail the build: unknown names, misplaced fields.

use super::MAX_GAPS;
use super::field::{Field, field_named};
use super::ty::FieldType;
use crate::schema::text::{fail_build, fail_build_at, str_eq};

pub(super) const fn require_field(
    message: &str,
    fields: &'static [Field],
    name: &str,
) -> &'static Field {
    match field_named(fields, name) {
        Some(field) => field,
        None => fail_build(message, "has no field", name),
    }
}

pub(super) const fn require_u32(message: &str, fields: &'static [Field], name: &str) -> u16 {
    let field = require_field(message, fields, name);
    match field.ty {
        FieldType::U32 => field.at,
        _ => fail_build(message, "counts with a field that is not a U32:", name),
    }
}

/// Offset of the 4-byte field that selects among alternatives.
pub(super) const fn require_word(message: &str, fields: &'static [Field], name: &str) -> u16 {
    let field = require_field(message, fields, name);
    if field.ty.size() != 4 || field.bits.is_some() || field.count != 1 {
        fail_build(
            message,
            "selects by a field that is not a 32-bit word:",
            name,
        );
    }
    field.at
}

/// Fails the build unless the fields are aligned, lie inside the structure and do not
/// overlap. Alternatives and bit fields may overlap.
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
            fail_build(message, "has a field outside of its structure:", field.name);
        }
        if !packed && !field.at.is_multiple_of(field.ty.align()) {
            fail_build(message, "has a misaligned field", field.name);
        }
        if let Some((shift, width)) = field.bits
            && (width == 0 || (shift + width) as u16 > 8 * field.ty.size())
        {
            fail_build(message, "has a bit field outside of its word:", field.name);
        }
        if let Some(used) = field.used_count {
            require_field(message, fields, used.field);
            if used.slice.is_none() {
                fail_build(message, UNRESOLVED, field.name);
            }
        }
        if let Some(when) = field.when
            && !when.of_request
        {
            require_field(message, fields, when.field);
            if when.decider.is_none() {
                fail_build(message, UNRESOLVED, field.name);
            }
        }
        let mut j = 0;
        while j < i {
            let before = &fields[j];
            if str_eq(before.name, field.name) {
                fail_build(message, "names two fields", field.name);
            }
            if field.at < before.end()
                && before.at < field.end()
                && !(field.when.is_some() && before.when.is_some())
                && !(field.at == before.at && field.mask() & before.mask() == 0)
            {
                fail_build(message, "has overlapping fields at", field.name);
            }
            j += 1;
        }
        i += 1;
    }
}

/// The error for a field that names another one outside of `fields([..])`.
const UNRESOLVED: &str = "needs `fields([..])` around the list with";

/// Fails the build unless the `said` gaps are exactly the bytes that belong to no
/// field.
pub(super) const fn check_gaps(
    message: &str,
    fields: &'static [Field],
    said: &[(u16, u16)],
    start: u16,
    end: u16,
) {
    let found = find_gaps(message, fields, start, end);
    let mut i = 0;
    while i < MAX_GAPS {
        let (at, length) = found[i];
        let (said_at, said_length) = if i < said.len() { said[i] } else { (0, 0) };
        if said_length > 0 && (length == 0 || said_at < at) {
            fail_build_at(
                message,
                "declares a gap in the bytes of a field, at offset",
                said_at,
            );
        }
        if length > 0 && (said_length == 0 || at < said_at) {
            fail_build_at(message, "has bytes without field or gap at offset", at);
        }
        if length != said_length {
            fail_build_at(message, "declares a gap of the wrong length at offset", at);
        }
        i += 1;
    }
}

/// The runs of bytes from `start` to `end` that belong to no field.
pub(super) const fn find_gaps(
    message: &str,
    fields: &'static [Field],
    start: u16,
    end: u16,
) -> [(u16, u16); MAX_GAPS] {
    let mut gaps = [(0, 0); MAX_GAPS];
    let mut used = 0;
    let mut at = start;
    while at < end {
        // The end of the field that covers `at`, or the start of the next field.
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
            fail_build(message, "has too many runs of padding in", "its fixed part");
        }
        gaps[used] = (at, next - at);
        used += 1;
        at = next;
    }
    gaps
}
