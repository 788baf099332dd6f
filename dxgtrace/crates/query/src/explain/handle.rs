//! Handles, taken apart.

use super::answer::{Answer, AnswerKind};
use super::number::NumberReading;

/// What the bits of a handle say.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    let value = number.u32().filter(|value| number.hex && *value > 0x3F)?;
    let (instance, index, unique) = (value & 0x3F, value >> 6 & 0xFF_FFFF, value >> 30);
    Some(
        Answer::new(
            AnswerKind::Handle,
            format!("{value:#010x}"),
            format!("As a handle: entry {index} of a table, unique {unique}, instance {instance}."),
        )
        .cause(
            None,
            "A handle means something within one process only. The driver checks entry, \
             unique and kind, not the instance; another unique at the same entry is a later \
             object. Adapter handles of applications are the driver's own and never travel.",
        )
        .next(
            "dxgtrace check on a capture says which object it was, who made it and who \
             destroyed it.",
        ),
    )
}
