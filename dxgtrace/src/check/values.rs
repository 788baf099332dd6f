//! Values: reserved fields, padding, flags, enumerators, limits.

use super::{Code, Finding};
use crate::decode::{Decoded, Located, Spot};
use crate::protocol::schema::{Element, Origin, Rule, Ty};

/// Checks a request or host message, headers included.
pub(super) fn command(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    for header in decoded.headers() {
        for spot in header.fields() {
            rule(&spot, found);
        }
        if decoded.from_guest() {
            padding(&header, Origin::Built, found);
        }
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

fn fields(body: &Located<'_>, ruled: bool, found: &mut impl FnMut(Finding)) {
    for spot in body.fields() {
        // A value that breaks its rule is not also called nameless.
        let named_too = !ruled || (rule(&spot, found) && !matches!(spot.field.rule, Rule::Output));
        if named_too {
            named(&spot, None, found);
        }
    }
}

/// Checks a value against the field's rule; whether it obeys.
fn rule(spot: &Spot<'_>, found: &mut impl FnMut(Finding)) -> bool {
    let Some(value) = spot.number() else {
        return true;
    };
    let (code, limit) = match spot.field.rule {
        Rule::Reserved if value != 0 => (Code::ReservedNonzero, 0),
        Rule::Always(only) if value != only => (Code::ValueUnusual, only),
        Rule::Range(low, _) if value < low => (Code::ValueRange, low),
        Rule::Range(_, high) if value > high => (Code::ValueRange, high),
        _ => return true,
    };
    found(Finding::new(code, spot.field.name, value, limit).at(spot.at));
    false
}

/// Checks that a value has a name, where its type has names.
fn named(spot: &Spot<'_>, index: Option<usize>, found: &mut impl FnMut(Finding)) {
    if !matches!(
        spot.field.ty,
        Ty::Flags16(_) | Ty::Flags32(_) | Ty::Flags64(_) | Ty::Enum(_) | Ty::Bool
    ) {
        return;
    }
    if let Some(value) = spot.number() {
        unnamed(spot.field.ty, value, spot.field.name, |finding| {
            found(finding.at(spot.at).element(index));
        });
    }
}

fn unnamed(ty: Ty, value: u64, part: &'static str, found: impl FnOnce(Finding)) {
    match ty {
        Ty::Flags16(set) | Ty::Flags32(set) | Ty::Flags64(set) => {
            let unknown = value & !set.known();
            if unknown != 0 {
                found(Finding::new(Code::FlagUnknown, part, unknown, 0));
            }
        }
        Ty::Enum(names) if names.name_of(value).is_none() => {
            found(Finding::new(Code::EnumUnknown, part, value, 0));
        }
        Ty::Bool if value > 1 => found(Finding::new(Code::BoolValue, part, value, 0)),
        _ => {}
    }
}

fn tails(body: &Located<'_>, found: &mut impl FnMut(Finding)) {
    for tail in body.tails() {
        if matches!(tail.tail.rule, Rule::Output) {
            continue;
        }
        match tail.tail.element {
            Element::Struct(_) => {
                for index in 0..tail.captured() {
                    for spot in tail.members(index) {
                        named(&spot, Some(index), found);
                    }
                }
            }
            Element::Value(ty @ (Ty::Enum(_) | Ty::Bool)) => {
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
            Element::Value(_) => {}
        }
        for spot in tail.viewed() {
            named(&spot, None, found);
        }
    }
}

/// Checks the bytes between the fields, and those behind the tails.
fn padding(body: &Located<'_>, origin: Origin, found: &mut impl FnMut(Finding)) {
    let code = match origin {
        Origin::Built => Code::PaddingNonzero,
        Origin::Copied => Code::PaddingUser,
    };
    let fixed = body
        .layout
        .gaps
        .iter()
        .take_while(|(_, length)| *length > 0);
    let fixed = fixed.map(|(at, length)| (usize::from(*at), usize::from(*length)));
    let last = body.unused().map(|range| (range.start, range.len()));
    for (at, length) in fixed.chain(last) {
        let bytes = body.bytes(at, length);
        if bytes.iter().any(|byte| *byte != 0) {
            let dirty = bytes.iter().filter(|byte| **byte != 0).count();
            found(Finding::new(code, "padding", dirty as u64, 0).at(body.base + at));
        }
    }
}
