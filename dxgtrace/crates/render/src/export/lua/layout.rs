//! Writes layouts, fields and tails as Lua tables.

use std::fmt::{self, Write};

use super::kinds;
use super::text::quoted;
use dxgtrace_protocol::schema::{
    BitSlice, Field, FieldRule, FieldType, Layout, LengthSource, RequestValue, Tail, TailElement,
    When,
};
use dxgtrace_session::check::{ByteCount, allowed_values, padding_finding, rule_violation};

/// Writes a layout. `first` is text for the start of its table. If `names`, byte arrays
/// are names.
pub(super) fn layout(
    out: &mut impl Write,
    indent: &str,
    first: &str,
    layout: &Layout,
    names: bool,
) -> fmt::Result {
    write!(
        out,
        "{{ {first}size = {}, tails_at = {}, slack = {}, min = {},",
        layout.size, layout.tails_at, layout.slack, layout.min_total
    )?;
    if let Some(total) = layout.fixed_total {
        write!(out, " total = {total},")?;
    }
    if layout.round8 {
        out.write_str(" round8 = true,")?;
    }
    if !layout.other_sizes.is_empty() {
        out.write_str(" other_sizes = {")?;
        for length in layout.other_sizes {
            write!(out, " [{length}] = true,")?;
        }
        out.write_str(" },")?;
    }
    if layout.is_echo {
        out.write_str(" echo = true,")?;
    }
    if let Some(status) = layout.status {
        write!(out, " status = {status},")?;
    }
    if let Some(fact) = layout.selector {
        write!(out, " selector = {},", fact + 1)?;
    }
    if layout.values_used > 0 {
        out.write_str(" request_values = {")?;
        for value in layout.values_for_reply() {
            request_value(out, value)?;
        }
        out.write_str(" },")?;
    }
    write!(
        out,
        " read = {}, padding = \"{:?}\",",
        layout.is_read,
        padding_finding(layout.origin, ByteCount(0)).code()
    )?;
    write!(out, "\n{indent}  gaps = {{")?;
    for (at, length) in layout.gaps.iter().take_while(|(_, length)| *length > 0) {
        write!(out, " {{ {at}, {length} }},")?;
    }
    write!(out, " }},\n{indent}  fields = {{\n")?;
    let inner = format!("{indent}    ");
    for field in layout.fields {
        match field.ty {
            FieldType::Byte if names => write_typed_field(out, &inner, field, "name")?,
            _ => self::field(out, &inner, field)?,
        }
    }
    write!(out, "{indent}  }},\n{indent}  tails = {{\n")?;
    for (index, tail) in layout.tails.iter().enumerate() {
        self::tail(out, &inner, layout, index, tail)?;
    }
    write!(out, "{indent}  }} }}")
}

/// Writes a value that replies need of a request, or `false` if this form of the request
/// does not have it.
fn request_value(out: &mut impl Write, value: &RequestValue) -> fmt::Result {
    match value {
        RequestValue::None => out.write_str(" false,"),
        RequestValue::At(at) => write!(out, " {{ \"at\", {at} }},"),
        RequestValue::AtOrOne(at) => write!(out, " {{ \"at_or_one\", {at} }},"),
        RequestValue::AtIf(at, flag) => write!(out, " {{ \"at_if\", {at}, {flag} }},"),
        RequestValue::Sum {
            tail,
            stride,
            member,
        } => write!(out, " {{ \"sum\", {}, {stride}, {member} }},", tail + 1),
    }
}

/// Writes a field.
pub(super) fn field(out: &mut impl Write, indent: &str, field: &Field) -> fmt::Result {
    write_typed_field(out, indent, field, type_name(field.ty))
}

fn write_typed_field(out: &mut impl Write, indent: &str, field: &Field, word: &str) -> fmt::Result {
    write!(
        out,
        "{indent}{{ at = {}, name = {}, type = \"{word}\",",
        field.at,
        quoted(field.name)
    )?;
    write_named_type(out, field.ty, matches!(field.rule, FieldRule::Output))?;
    if let Some((shift, width)) = field.bits {
        write!(out, " shift = {shift}, width = {width},")?;
    }
    if field.count > 1 {
        write!(out, " count = {},", field.count)?;
    }
    if let Some(used) = field.used_count
        && let Some(slice) = used.slice
    {
        write!(
            out,
            " used = {{ name = {}, at = {}, size = {}, limited = {} }},",
            quoted(used.field),
            slice.at,
            slice.size,
            used.limited
        )?;
    }
    if let Some(when) = &field.when {
        write_condition(out, when.decider.as_ref(), when)?;
    }
    let violation = rule_violation(&field.rule, field.name, 0).map(|kind| kind.code());
    if let (Some(code), Some(allowed)) = (violation, allowed_values(&field.rule)) {
        let (low, high) = (allowed.start(), allowed.end());
        write!(out, " rule = \"{code:?}\", low = {low}, high = {high},")?;
    }
    if matches!(field.rule, FieldRule::Output) {
        out.write_str(" output = true,")?;
    }
    if field.may_be_in_summary() {
        out.write_str(" brief = true,")?;
    }
    writeln!(out, " doc = {} }},", quoted(field.doc))
}

/// Writes the named type and the object kinds of a value.
fn write_named_type(out: &mut impl Write, ty: FieldType, output: bool) -> fmt::Result {
    match ty {
        FieldType::Enum(names) => write!(out, " names = enums.{},", names.name)?,
        FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
            write!(out, " names = flags.{},", set.name)?;
        }
        _ => {}
    }
    // An output field of a request holds no handle.
    if !kinds(ty).is_empty() && !output {
        out.write_str(" kinds = {")?;
        for kind in kinds(ty) {
            write!(out, " {},", quoted(kind.name()))?;
        }
        out.write_str(" },")?;
    }
    Ok(())
}

/// Writes a condition. `decider` is the position of its field, or `None` for a field of the
/// request.
fn write_condition(out: &mut impl Write, decider: Option<&BitSlice>, when: &When) -> fmt::Result {
    out.write_str(" when = {")?;
    let mut window =
        (when.mask != u64::MAX).then(|| (when.mask.trailing_zeros(), when.mask.count_ones()));
    match decider {
        None => out.write_str(" request = true,")?,
        Some(slice) => {
            write!(out, " at = {}, size = {},", slice.at, slice.size)?;
            if slice.width() < 8 * u32::from(slice.size) {
                // No condition in the table tests bits within a bit field.
                window = Some((slice.shift.into(), slice.width()));
            }
        }
    }
    let shifted = window
        .filter(|_| when.mask != u64::MAX)
        .map_or(0, |(shift, _)| shift);
    if let Some((shift, width)) = window {
        write!(out, " shift = {shift}, width = {width},")?;
    }
    out.write_str(" values = {")?;
    for value in when.values {
        write!(out, " [{}] = true,", value >> shifted)?;
    }
    out.write_str(" } },")
}

fn tail(
    out: &mut impl Write,
    indent: &str,
    layout: &Layout,
    index: usize,
    tail: &Tail,
) -> fmt::Result {
    write!(out, "{indent}{{ name = {},", quoted(tail.name))?;
    let output = matches!(tail.rule, FieldRule::Output);
    match tail.element {
        TailElement::Value(ty) => {
            write!(out, " type = \"{}\",", type_name(ty))?;
            write_named_type(out, ty, output)?;
        }
        TailElement::Struct(structure) => write!(out, " struct = structs.{},", structure.name)?,
    }
    let (sources, expected) = (
        layout.tail_lengths.get(index),
        layout.expected_tail_lengths.get(index),
    );
    if let (Some(source), Some(expected)) = (sources, expected) {
        write!(out, " len = ")?;
        write_length(out, source)?;
        if tail.expected_len.is_some() {
            write!(out, " expects = ")?;
            write_length(out, expected)?;
        }
    }
    if let Some((structure, when)) = &tail.view {
        write!(out, " view = {{ struct = structs.{},", structure.name)?;
        write_condition(
            out,
            layout.view_deciders.get(index).and_then(Option::as_ref),
            when,
        )?;
        out.write_str(" },")?;
    }
    if output {
        out.write_str(" output = true,")?;
    }
    writeln!(out, " doc = {} }},", quoted(tail.doc))
}

fn write_length(out: &mut impl Write, source: &LengthSource) -> fmt::Result {
    match source {
        LengthSource::At(at) => write!(out, "{{ \"at\", {at} }},"),
        LengthSource::AtOrOne(at) => write!(out, "{{ \"at_or_one\", {at} }},"),
        LengthSource::AtIfRoom(at) => write!(out, "{{ \"at_if_room\", {at} }},"),
        LengthSource::Sum {
            tail,
            stride,
            member,
        } => write!(out, "{{ \"sum\", {}, {stride}, {member} }},", tail + 1),
        LengthSource::Fill => out.write_str("{ \"fill\" },"),
        LengthSource::Area {
            head,
            element,
            count,
        } => write!(out, "{{ \"area\", {head}, {element}, {count} }},"),
        LengthSource::Request(fact) => write!(out, "{{ \"request\", {} }},", fact + 1),
    }
}

/// The name of a type in the engine.
fn type_name(ty: FieldType) -> &'static str {
    match ty {
        FieldType::U8 => "u8",
        FieldType::U16 => "u16",
        FieldType::U32 => "u32",
        FieldType::U64 => "u64",
        FieldType::I32 => "i32",
        FieldType::Bool => "bool",
        FieldType::Handle(_) => "handle",
        FieldType::Event => "event",
        FieldType::Enum(_) => "enum",
        FieldType::Flags16(_) => "flags16",
        FieldType::Flags32(_) => "flags32",
        FieldType::Flags64(_) => "flags64",
        FieldType::NtStatus => "status",
        FieldType::Luid => "luid",
        FieldType::Pointer => "pointer",
        FieldType::Address => "address",
        FieldType::Utf16 => "utf16",
        FieldType::Byte => "byte",
    }
}
