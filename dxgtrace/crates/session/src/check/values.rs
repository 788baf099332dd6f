//! Checks of values: reserved fields, padding, flags, enumerators and limits.

use std::ops::RangeInclusive;

use super::codes::FindingKind;
use super::finding::Finding;
use super::parameters::{ByteCount, FieldBits, FieldNumber};
use dxgtrace_protocol::decode::{Decoded, FieldRef, LocatedBody};
use dxgtrace_protocol::schema::{BytesOrigin, FieldRule, FieldType, TailElement};

/// Checks a request or host message, headers included.
pub(super) fn check_command(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    if !decoded.frame.is_some_and(|frame| frame.is_canonical()) {
        check_headers(decoded, found);
    }
    let Some(body) = &decoded.body else { return };
    check_fields(body, true, found);
    check_tails(body, found);
    if decoded.from_guest() {
        check_padding(body, body.layout.origin, found);
    }
}

/// Checks that the values of a reply have names. Reserved fields and padding
/// are not checked: what hosts leave there is not known well enough.
pub(super) fn check_reply(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    let Some(body) = &decoded.body else { return };
    check_fields(body, false, found);
    check_tails(body, found);
}

fn check_headers(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    for header in decoded.headers() {
        for field_ref in header.fields() {
            check_rule(&field_ref, found);
        }
        if decoded.from_guest() {
            check_padding(&header, BytesOrigin::Built, found);
        }
    }
}

fn check_fields(body: &LocatedBody<'_>, ruled: bool, found: &mut impl FnMut(Finding)) {
    let layout = body.layout;
    // Skips the fields that may hold any value, which are most of them.
    let set = layout.named_fields | if ruled { layout.ruled_fields } else { 0 };
    for field in layout.fields_in(set) {
        if body
            .number_of(field)
            .is_some_and(|value| field.quick_accept.accepts(value))
            || !body.applies(field)
        {
            continue;
        }
        let field_ref = body.field_ref(field);
        // A value that violates its rule is not also reported as unnamed.
        let named_too = !ruled
            || (check_rule(&field_ref, found)
                && !matches!(field_ref.field.rule, FieldRule::Output));
        if named_too {
            check_named(&field_ref, None, found);
        }
    }
}

/// The values that `rule` allows; `None` if it allows all.
pub const fn allowed_values(rule: &FieldRule) -> Option<RangeInclusive<u64>> {
    match *rule {
        FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => None,
        FieldRule::Reserved => Some(0..=0),
        FieldRule::Always(value) => Some(value..=value),
        FieldRule::Range(low, high) => Some(low..=high),
    }
}

/// The finding for a value of `field` that its rule does not allow.
pub fn rule_violation(rule: &FieldRule, field: &'static str, value: u64) -> Option<FindingKind> {
    let bits = FieldBits(value);
    match *rule {
        FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => None,
        FieldRule::Reserved => Some(FindingKind::ReservedNonzero { field, bits }),
        FieldRule::Always(usual) => Some(FindingKind::ValueUnusual {
            field,
            bits,
            usual: FieldBits(usual),
        }),
        FieldRule::Range(low, high) => Some(FindingKind::ValueRange {
            field,
            value: FieldNumber(value),
            limit: FieldNumber(value.clamp(low, high)),
        }),
    }
}

/// The finding for padding with `dirty` nonzero bytes.
pub const fn padding_finding(origin: BytesOrigin, dirty: ByteCount) -> FindingKind {
    match origin {
        BytesOrigin::Built => FindingKind::PaddingNonzero { dirty },
        BytesOrigin::Copied => FindingKind::PaddingUser { dirty },
    }
}

/// Checks a value against the field's rule; returns whether it complies.
fn check_rule(field_ref: &FieldRef<'_>, found: &mut impl FnMut(Finding)) -> bool {
    let (Some(value), Some(allowed)) = (field_ref.number(), allowed_values(&field_ref.field.rule))
    else {
        return true;
    };
    if allowed.contains(&value) {
        return true;
    }
    if let Some(kind) = rule_violation(&field_ref.field.rule, field_ref.field.name, value) {
        found(Finding::new(kind).at(field_ref.at));
    }
    false
}

/// Checks that a value has a name, where its type has names.
fn check_named(field_ref: &FieldRef<'_>, index: Option<usize>, found: &mut impl FnMut(Finding)) {
    if let Some(value) = field_ref.number()
        && !field_ref.field.quick_accept.accepts(value)
        && let Some(kind) = unnamed_value(field_ref.field.ty, value, field_ref.field.name)
    {
        found(Finding::new(kind).at(field_ref.at).at_element(index));
    }
}

/// The finding for a value without a name; `None` if it has one.
fn unnamed_value(ty: FieldType, value: u64, field: &'static str) -> Option<FindingKind> {
    match ty {
        FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
            let bits = FieldBits(value & !set.named_mask());
            (bits.0 != 0).then_some(FindingKind::FlagUnknown { field, bits })
        }
        FieldType::Enum(names) => names.name_of(value).is_none().then_some({
            let value = FieldNumber(value);
            FindingKind::EnumUnknown { field, value }
        }),
        FieldType::Bool => (value > 1).then_some({
            let value = FieldNumber(value);
            FindingKind::BoolValue { field, value }
        }),
        _ => None,
    }
}

fn check_tails(body: &LocatedBody<'_>, found: &mut impl FnMut(Finding)) {
    let has_names = |index: &usize| body.layout.named_tails >> index & 1 == 1;
    let indices = (0..body.layout.tails.len()).filter(has_names);
    for tail in indices.filter_map(|index| body.tail(index)) {
        match tail.tail.element {
            TailElement::Struct(structure) if structure.named => {
                for index in 0..tail.captured_elements() {
                    for field_ref in tail.members(index) {
                        check_named(&field_ref, Some(index), found);
                    }
                }
            }
            TailElement::Value(ty @ (FieldType::Enum(_) | FieldType::Bool)) => {
                let size = usize::from(ty.size());
                for (index, bytes) in tail.bytes.chunks_exact(size).enumerate() {
                    let value = bytes
                        .iter()
                        .rev()
                        .fold(0, |value, byte| value << 8 | u64::from(*byte));
                    if let Some(kind) = unnamed_value(ty, value, tail.tail.name) {
                        let at = tail.at + index * size;
                        found(Finding::new(kind).at(at).at_element(Some(index)));
                    }
                }
            }
            TailElement::Struct(_) | TailElement::Value(_) => {}
        }
        for field_ref in tail.view_fields() {
            check_named(&field_ref, None, found);
        }
    }
}

/// Checks the bytes between the fields and after the tails.
fn check_padding(body: &LocatedBody<'_>, origin: BytesOrigin, found: &mut impl FnMut(Finding)) {
    if body.layout.has_other_size(body.length as u64) {
        return;
    }
    let mut check = |at: usize, length: usize| {
        let bytes = body.bytes(at, length);
        if bytes.iter().any(|byte| *byte != 0) {
            let dirty = bytes.iter().filter(|byte| **byte != 0).count();
            let kind = padding_finding(origin, ByteCount(dirty as u64));
            found(Finding::new(kind).at(body.base + at));
        }
    };
    for (at, length) in body.layout.gaps {
        if length == 0 {
            break;
        }
        check(usize::from(at), usize::from(length));
    }
    if let Some(range) = body.unused_range() {
        check(range.start, range.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dxgtrace_protocol::schema::Field;
    use dxgtrace_protocol::table;

    fn fields() -> impl Iterator<Item = &'static Field> {
        let layouts = table::all().flat_map(|message| message.layouts());
        layouts.flat_map(|layout| {
            let members = layout.tails.iter().flat_map(|tail| match tail.element {
                TailElement::Struct(structure) => structure.fields,
                TailElement::Value(_) => &[],
            });
            layout.fields.iter().chain(members)
        })
    }

    #[test]
    fn plain_values_give_no_finding() {
        let (mut plain, mut other) = (0, 0);
        for field in fields() {
            let bits = (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit) - 1, !(1u64 << bit)]);
            for value in bits.chain(0..300) {
                let value = value & (field.mask() >> field.bits.map_or(0, |(shift, _)| shift));
                if !field.quick_accept.accepts(value) {
                    other += 1;
                    continue;
                }
                plain += 1;
                let obeys = allowed_values(&field.rule).is_none_or(|range| range.contains(&value));
                assert!(obeys, "{} = {value:#x}", field.name);
                assert_eq!(
                    unnamed_value(field.ty, value, field.name),
                    None,
                    "{value:#x}"
                );
            }
        }
        assert!(plain > other && other > 0, "{plain} {other}");
    }
}
