//! Writes structures, enumerations, bit sets and statuses as tables.

use std::fmt::{self, Write};

use super::layout::{cell, fields};
use crate::export::named_sets::NamedSets;
use dxgtrace_protocol::schema::values::GuestResult;
use dxgtrace_protocol::table::CATALOG;
use dxgtrace_protocol::table::statuses::STATUSES;

pub(super) fn structures(out: &mut impl Write) -> fmt::Result {
    out.write_str("\n## Structures\n")?;
    for structure in NamedSets::of_messages(&CATALOG).structs.values() {
        let (name, doc, size) = (structure.name, structure.doc, structure.size);
        write!(out, "\n### {name}\n\n{doc} {size} bytes.\n\n")?;
        fields(out, structure.fields)?;
    }
    Ok(())
}

pub(super) fn enumerations(out: &mut impl Write) -> fmt::Result {
    out.write_str("\n## Enumerations\n\nAll are open: other numbers occur.\n")?;
    for names in NamedSets::of_messages(&CATALOG).enums.values() {
        write!(
            out,
            "\n### {}\n\n| number | name |\n|--:|---|\n",
            names.name
        )?;
        for value in names.values {
            if names.signed {
                writeln!(out, "| {} | `{}` |", value.number as i32, value.name)?;
            } else {
                writeln!(out, "| {} | `{}` |", value.number, value.name)?;
            }
        }
    }
    Ok(())
}

pub(super) fn bit_sets(out: &mut impl Write) -> fmt::Result {
    out.write_str("\n## Bit sets\n\nAll are open: other bits occur.\n")?;
    for set in NamedSets::of_messages(&CATALOG).flags.values() {
        write!(out, "\n### {}\n\n", set.name)?;
        if set.bits.is_empty() {
            out.write_str("No bit has a public name.\n")?;
            continue;
        }
        out.write_str("| bits | name |\n|--:|---|\n")?;
        for bit in set.bits {
            match bit.width {
                1 => writeln!(out, "| {} | `{}` |", bit.shift, bit.name)?,
                width => {
                    let last = bit.shift + width - 1;
                    writeln!(out, "| {}-{last} | `{}` |", bit.shift, bit.name)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn statuses(out: &mut impl Write) -> fmt::Result {
    out.write_str(
        "\n## Statuses\n\nA status is success if it is not negative. What the driver makes of \
         it is what the application's ioctl returns.\n\n\
         | value | name | ioctl returns | meaning |\n|---|---|---|---|\n",
    )?;
    for status in STATUSES {
        let result = match status.result {
            GuestResult::Zero => "0".to_owned(),
            GuestResult::Positive => "the status itself, as success".to_owned(),
            GuestResult::Errno(errno) => errno.to_string(),
            GuestResult::Unmapped => "-22, as for any that the driver has no case for".to_owned(),
        };
        let (value, name, doc) = (status.value, status.name, cell(status.doc));
        writeln!(out, "| {value:#010x} | `{name}` | {result} | {doc} |")?;
    }
    Ok(())
}
