//! Values: reserved fields, padding, flags, enumerators, limits.

use std::ops::RangeInclusive;

use super::{Code, Finding};
use dxgtrace_protocol::decode::{Decoded, LocatedBody, Spot};
use dxgtrace_protocol::schema::{BytesOrigin, FieldRule, FieldType, TailElement};

/// Checks a request or host message, headers included.
pub(super) fn command(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    if !decoded.frame.is_some_and(|frame| frame.is_plain()) {
        headers(decoded, found);
    }
    let Some(body) = &decoded.body else { return };
    fields(body, true, found);
    tails(body, found);
    if decoded.from_guest() {
        padding(body, body.layout.origin, found);
    }
}

/// Checks a reply: only that its values have names. What a host leaves in
/// unused places is not known well enough to be called wrong.
pub(super) fn reply(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    let Some(body) = &decoded.body else { return };
    fields(body, false, found);
    tails(body, found);
}

fn headers(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    for header in decoded.headers() {
        for spot in header.fields() {
            rule(&spot, found);
        }
        if decoded.from_guest() {
            padding(&header, BytesOrigin::Built, found);
        }
    }
}

fn fields(body: &LocatedBody<'_>, ruled: bool, found: &mut impl FnMut(Finding)) {
    let layout = body.layout;
    // Most fields can hold anything: those cost nothing.
    let set = layout.named | if ruled { layout.ruled } else { 0 };
    for field in layout.chosen(set) {
        if body.get(field).is_some_and(|value| field.plain.has(value)) || !body.applies(field) {
            continue;
        }
        let spot = body.spot(field);
        // A value that breaks its rule is not also called nameless.
        let named_too =
            !ruled || (rule(&spot, found) && !matches!(spot.field.rule, FieldRule::Output));
        if named_too {
            named(&spot, None, found);
        }
    }
}

/// The values that a rule allows, and what it is called to be outside of them.
pub fn limits(rule: &FieldRule) -> Option<(Code, RangeInclusive<u64>)> {
    match *rule {
        FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => None,
        FieldRule::Reserved => Some((Code::ReservedNonzero, 0..=0)),
        FieldRule::Always(value) => Some((Code::ValueUnusual, value..=value)),
        FieldRule::Range(low, high) => Some((Code::ValueRange, low..=high)),
    }
}

/// What it is called when padding is not zero.
pub fn padding_code(origin: BytesOrigin) -> Code {
    match origin {
        BytesOrigin::Built => Code::PaddingNonzero,
        BytesOrigin::Copied => Code::PaddingUser,
    }
}

/// Checks a value against the field's rule; whether it obeys.
fn rule(spot: &Spot<'_>, found: &mut impl FnMut(Finding)) -> bool {
    let (Some(value), Some((code, allowed))) = (spot.number(), limits(&spot.field.rule)) else {
        return true;
    };
    if allowed.contains(&value) {
        return true;
    }
    let limit = value.clamp(*allowed.start(), *allowed.end());
    found(Finding::new(code, spot.field.name, value, limit).at(spot.at));
    false
}

/// Checks that a value has a name, where its type has names.
fn named(spot: &Spot<'_>, index: Option<usize>, found: &mut impl FnMut(Finding)) {
    if let Some(value) = spot.number()
        && !spot.field.plain.has(value)
    {
        unnamed(spot.field.ty, value, spot.field.name, |finding| {
            found(finding.at(spot.at).element(index));
        });
    }
}

fn unnamed(ty: FieldType, value: u64, part: &'static str, found: impl FnOnce(Finding)) {
    match ty {
        FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
            let unknown = value & !set.known();
            if unknown != 0 {
                found(Finding::new(Code::FlagUnknown, part, unknown, 0));
            }
        }
        FieldType::Enum(names) if names.name_of(value).is_none() => {
            found(Finding::new(Code::EnumUnknown, part, value, 0));
        }
        FieldType::Bool if value > 1 => found(Finding::new(Code::BoolValue, part, value, 0)),
        _ => {}
    }
}

fn tails(body: &LocatedBody<'_>, found: &mut impl FnMut(Finding)) {
    let has_names = |index: &usize| body.layout.named_tails >> index & 1 == 1;
    let indices = (0..body.layout.tails.len()).filter(has_names);
    for tail in indices.filter_map(|index| body.tail(index)) {
        match tail.tail.element {
            TailElement::Struct(structure) if structure.named => {
                for index in 0..tail.captured() {
                    for spot in tail.members(index) {
                        named(&spot, Some(index), found);
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
                    unnamed(ty, value, tail.tail.name, |finding| {
                        found(finding.at(tail.at + index * size).element(Some(index)));
                    });
                }
            }
            TailElement::Struct(_) | TailElement::Value(_) => {}
        }
        for spot in tail.viewed() {
            named(&spot, None, found);
        }
    }
}

/// Checks the bytes between the fields, and those behind the tails.
fn padding(body: &LocatedBody<'_>, origin: BytesOrigin, found: &mut impl FnMut(Finding)) {
    if body.layout.was_once(body.length as u64) {
        return;
    }
    let code = padding_code(origin);
    let mut check = |at: usize, length: usize| {
        let bytes = body.bytes(at, length);
        if bytes.iter().any(|byte| *byte != 0) {
            let dirty = bytes.iter().filter(|byte| **byte != 0).count();
            found(Finding::new(code, "padding", dirty as u64, 0).at(body.base + at));
        }
    };
    for (at, length) in body.layout.gaps {
        if length == 0 {
            break;
        }
        check(usize::from(at), usize::from(length));
    }
    if let Some(range) = body.unused() {
        check(range.start, range.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dxgtrace_protocol::schema::Field;
    use dxgtrace_protocol::table;

    fn fields() -> impl Iterator<Item = &'static Field> {
        let layouts = table::all().flat_map(|message| {
            let replies = message.replies.iter().flatten();
            message
                .request
                .iter()
                .chain(replies.map(|reply| &reply.layout))
        });
        layouts.flat_map(|layout| {
            let members = layout.tails.iter().flat_map(|tail| match tail.element {
                TailElement::Struct(structure) => structure.fields,
                TailElement::Value(_) => &[],
            });
            layout.fields.iter().chain(members)
        })
    }

    #[test]
    fn nothing_is_said_of_plain_values() {
        let (mut plain, mut other) = (0, 0);
        for field in fields() {
            let bits = (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit) - 1, !(1u64 << bit)]);
            for value in bits.chain(0..300) {
                let value = value & (field.mask() >> field.bits.map_or(0, |(shift, _)| shift));
                if !field.plain.has(value) {
                    other += 1;
                    continue;
                }
                plain += 1;
                let allowed = limits(&field.rule).is_none_or(|(_, range)| range.contains(&value));
                assert!(allowed, "{} = {value:#x}", field.name);
                unnamed(field.ty, value, field.name, |finding| {
                    panic!("{}: {finding}", field.name)
                });
            }
        }
        assert!(plain > other && other > 0, "{plain} {other}");
    }
}
