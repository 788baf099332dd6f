//! Explains handles.

use super::answer::{Answer, AnswerKind};
use super::number::NumberReading;

/// Explains the bit fields of a handle.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    let value = number.u32().filter(|value| number.hex && *value > 0x3F)?;
    let (instance, index, unique) = (value & 0x3F, value >> 6 & 0xFF_FFFF, value >> 30);
    Some(
        Answer::new(
            AnswerKind::Handle,
            format!("{value:#010x}"),
            format!("As a handle: entry {index} of a table, unique {unique}, instance {instance}."),
        )
        .with_cause(
            None,
            "A handle is valid in one process only. The driver checks entry, \
             unique and kind, not the instance; another unique at the same entry is a later \
             object. Adapter handles of applications are local to the driver and are never sent.",
        )
        .with_next(
            "dxgtrace check on a capture shows which object it was, and what created and destroyed it.",
        ),
    )
}
