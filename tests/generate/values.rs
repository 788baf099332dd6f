//! A value for a field, chosen by its type and its rule alone.

use dxgtrace_protocol::schema::values::{Enum, Flags};
use dxgtrace_protocol::schema::{Field, FieldRule, FieldType};
use dxgtrace_protocol::table::statuses::STATUSES;

use super::dice::Dice;

/// A value that the field may hold, as it stands in its bits. `prefer` are the
/// values on which other fields depend.
pub fn number(field: &Field, prefer: &[u64], dice: &mut Dice) -> u64 {
    let width = field
        .bits
        .map_or(8 * u32::from(field.ty.size()), |(_, width)| {
            u32::from(width)
        });
    let most = u64::MAX >> (64 - width.clamp(1, 64));
    match field.rule {
        FieldRule::Reserved => 0,
        FieldRule::Always(value) => value,
        FieldRule::Range(low, high) => dice.between(low, high.min(most)),
        FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => {
            if !dice.one_in(4)
                && let Some(value) = dice.pick(prefer)
            {
                return value;
            }
            of_type(field.ty, most, dice)
        }
    }
}

/// A value of a type that is at most `most`.
pub fn of_type(ty: FieldType, most: u64, dice: &mut Dice) -> u64 {
    match ty {
        FieldType::U8
        | FieldType::U16
        | FieldType::U32
        | FieldType::U64
        | FieldType::I32
        | FieldType::Luid
        | FieldType::Pointer
        | FieldType::Address
        | FieldType::Byte => dice.roll() & most,
        FieldType::Bool => dice.between(0, 1),
        FieldType::Handle(_) => handle(dice),
        FieldType::Event => dice.between(2, 5000),
        FieldType::Enum(names) => enumerator(names, most, dice),
        FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
            flags(set, dice) & most
        }
        FieldType::NtStatus => status(dice),
        FieldType::Utf16 => dice.between(u64::from(b'a'), u64::from(b'z')),
    }
}

/// A handle as D3DKMT writes it: 6 bits of instance, 24 of index, 2 of
/// uniqueness; never 0.
fn handle(dice: &mut Dice) -> u64 {
    dice.between(0, 3) << 30 | dice.between(1, 1 << 12) << 6 | dice.between(0, 63)
}

fn enumerator(names: &Enum, most: u64, dice: &mut Dice) -> u64 {
    let fitting: Vec<u64> = names
        .values
        .iter()
        .map(|value| u64::from(value.number))
        .filter(|number| *number <= most)
        .collect();
    dice.pick(&fitting).unwrap_or(0)
}

fn flags(set: &Flags, dice: &mut Dice) -> u64 {
    dice.roll() & dice.roll() & set.named_mask()
}

/// Mostly success, sometimes any status that has a name.
fn status(dice: &mut Dice) -> u64 {
    if dice.one_in(4) {
        let any = dice.between(0, STATUSES.len() as u64 - 1) as usize;
        STATUSES
            .get(any)
            .map_or(0, |status| u64::from(status.value))
    } else {
        0
    }
}
