//! Writes layouts as text and tables.

use std::fmt::{self, Write};

use dxgtrace_protocol::schema::{
    BytesOrigin, Field, FieldRule, FieldType, HEADER, Layout, ObjectEffect, ObjectKind, Tail,
    TailElement, TailLength, When,
};

/// Writes one part of a message.
pub(super) fn layout(out: &mut impl Write, title: &str, layout: &Layout) -> fmt::Result {
    write!(out, "\n#### {title}\n\n{}\n", length_sentence(layout))?;
    if layout.is_echo {
        out.write_str(
            "\nThe request again, command header included, with the fields below filled in.\n",
        )?;
    }
    if layout.origin == BytesOrigin::Copied {
        out.write_str(
            "\nThe driver copies the application's structure: bytes between the fields are \
             whatever the application left there.\n",
        )?;
    }
    if !layout.fields.is_empty() {
        out.write_str("\n")?;
        fields(out, layout.fields)?;
    }
    if !layout.tails.is_empty() {
        write!(
            out,
            "\nFrom offset {} on, without alignment:\n\n",
            layout.tails_at
        )?;
        out.write_str("| array | type | elements | meaning |\n|---|---|---|---|\n")?;
        for tail in layout.tails {
            self::tail(out, tail)?;
        }
    }
    Ok(())
}

/// Describes the length of a part.
fn length_sentence(layout: &Layout) -> String {
    if !layout.is_read {
        return "The driver reads nothing of it; any length will do.".to_owned();
    }
    let mut text = match (layout.fixed_total, layout.tails.is_empty()) {
        (Some(total), _) => format!("{total} bytes, always."),
        (None, true) => format!("{} bytes.", layout.size),
        (None, false) => format!("{} bytes and the arrays", layout.tails_at),
    };
    if layout.fixed_total.is_none() && !layout.tails.is_empty() {
        if layout.slack > 0 {
            let _ = write!(text, ", then {} unused bytes", layout.slack);
        }
        if layout.round8 {
            text.push_str(", rounded up to a multiple of 8");
        }
        if layout.min_total > 0 {
            let _ = write!(text, "; at least {}", layout.min_total);
        }
        text.push('.');
    }
    if !layout.other_sizes.is_empty() {
        let lengths: Vec<_> = layout.other_sizes.iter().map(u16::to_string).collect();
        let lengths = lengths.join(" or ");
        let _ = write!(text, " In some generations of the driver {lengths} bytes.");
    }
    if layout.start == HEADER && !layout.is_echo {
        text.push_str(" The command header is included, the extended one is not.");
    }
    text
}

/// Writes a table of fields.
pub(super) fn fields(out: &mut impl Write, fields: &[Field]) -> fmt::Result {
    out.write_str("| offset | field | type | meaning |\n|--:|---|---|---|\n")?;
    for field in fields {
        let place = match field.bits {
            Some((shift, 1)) => format!("{} bit {shift}", field.at),
            Some((shift, width)) => {
                format!("{} bits {shift}-{}", field.at, shift + width - 1)
            }
            None => field.at.to_string(),
        };
        let array = match (field.count, field.used_count) {
            (1, _) => String::new(),
            (count, None) => format!(" × {count}"),
            (count, Some(used)) => format!(" × {count}, `{}` in use", used.field),
        };
        let (name, kind, doc) = (field.name, type_text(field.ty), cell(field.doc));
        write!(out, "| {place} | `{name}` | {kind}{array} | {doc}")?;
        for remark in remarks(field) {
            write!(out, " {remark}")?;
        }
        out.write_str(" |\n")?;
    }
    Ok(())
}

/// The rules of a field, as sentences.
fn remarks(field: &Field) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(condition) = &field.when {
        out.push(format!("Only if {}.", condition_text(condition)));
    }
    match field.rule {
        FieldRule::Any => {}
        FieldRule::Reserved => out.push("Always 0.".to_owned()),
        FieldRule::Output => out.push("Of no meaning in a request.".to_owned()),
        FieldRule::Always(value) => out.push(format!("Every public driver sends {value}.")),
        FieldRule::Range(low, high) => out.push(format!("The driver sends {low} to {high}.")),
        FieldRule::Echoes { message, field } => {
            out.push(format!("Repeats `{field}` of [`{message}`](#{message})."));
        }
    }
    out.extend(effect_text(field.effect, field.effect_when.as_ref()));
    if field.since > dxgtrace_protocol::schema::DriverEra::May2020 {
        out.push(format!("Since {}.", field.since.name()));
    }
    out
}

fn effect_text(life: ObjectEffect, condition: Option<&When>) -> Option<String> {
    let what = match life {
        ObjectEffect::None => return None,
        ObjectEffect::Creates => "Created by this message",
        ObjectEffect::Destroys => "Ends with this message",
        ObjectEffect::Uses => "Must exist, or be 0",
        ObjectEffect::Mentions => "A hint: need not exist",
    };
    Some(match condition {
        Some(condition) => format!("{what}, if {} in the request.", condition_text(condition)),
        None => format!("{what}."),
    })
}

fn condition_text(when: &When) -> String {
    let values: Vec<_> = when.values.iter().map(u64::to_string).collect();
    let values = values.join(" or ");
    let of = if when.of_request {
        " of the request"
    } else {
        ""
    };
    if when.mask == u64::MAX {
        format!("`{}`{of} is {values}", when.field)
    } else {
        format!("`{}`{of} & {:#x} is {values}", when.field, when.mask)
    }
}

fn tail(out: &mut impl Write, tail: &Tail) -> fmt::Result {
    let element = match tail.element {
        TailElement::Value(value) => type_text(value),
        TailElement::Struct(structure) => {
            format!(
                "[`{0}`](#{1})",
                structure.name,
                structure.name.to_lowercase()
            )
        }
    };
    let (name, count, doc) = (tail.name, length_text(&tail.len), cell(tail.doc));
    write!(out, "| `{name}` | {element} | {count} | {doc}")?;
    if let Some(expects) = &tail.expected_len {
        write!(out, " The driver makes room for {}.", length_text(expects))?;
    }
    if let Some((structure, condition)) = &tail.view {
        let (name, anchor) = (structure.name, structure.name.to_lowercase());
        write!(
            out,
            " Begins with [`{name}`](#{anchor}) if {}.",
            condition_text(condition)
        )?;
    }
    if matches!(tail.rule, FieldRule::Output) {
        out.write_str(" Of no meaning in a request.")?;
    }
    if let Some(life) = effect_text(tail.effect, tail.effect_when.as_ref()) {
        write!(out, " {life}")?;
    }
    out.write_str(" |\n")
}

fn length_text(len: &TailLength) -> String {
    match len {
        TailLength::Field(name) => format!("`{name}`"),
        TailLength::FieldOrOne(name) => format!("`{name}`, at least 1"),
        TailLength::FieldIfRoom(name) => format!("`{name}` if the message goes on, else 0"),
        TailLength::SumOf(tail, member) => format!("sum of `{tail}[].{member}`"),
        TailLength::Fill => "up to the total length".to_owned(),
        TailLength::ResultArea {
            head,
            element,
            count,
        } => format!("{head} + {element} × `{count}` (at least 1), rounded up to 8"),
        TailLength::Request(name) => format!("`{name}` of the request"),
        TailLength::RequestWord(name) => format!("`{name}` of the request"),
        TailLength::RequestOrOne(name) => format!("`{name}` of the request, at least 1"),
        TailLength::RequestIf(name, flag) => {
            format!("`{name}` of the request if its `{flag}` is not 0, else 0")
        }
        TailLength::RequestSumOf(tail, member) => {
            format!("sum of `{tail}[].{member}` of the request")
        }
    }
}

/// Describes a type.
fn type_text(ty: FieldType) -> String {
    let set = |name: &str, size: u16| {
        format!("bits of [`{name}`](#{}), {size} bytes", name.to_lowercase())
    };
    match ty {
        FieldType::U8 => "u8".to_owned(),
        FieldType::U16 => "u16".to_owned(),
        FieldType::U32 => "u32".to_owned(),
        FieldType::U64 => "u64".to_owned(),
        FieldType::I32 => "i32".to_owned(),
        FieldType::Bool => "bool, 1 byte".to_owned(),
        FieldType::Handle(kinds) => {
            let kinds: Vec<_> = kinds.iter().copied().map(ObjectKind::name).collect();
            format!("handle of {}", kinds.join(" or "))
        }
        FieldType::Event => format!("u64, {}", ObjectKind::GuestEvent.name()),
        FieldType::Enum(names) => format!("[`{}`](#{})", names.name, names.name.to_lowercase()),
        FieldType::Flags16(flags) | FieldType::Flags32(flags) | FieldType::Flags64(flags) => {
            set(flags.name, ty.size())
        }
        FieldType::NtStatus => "[NTSTATUS](#statuses)".to_owned(),
        FieldType::Luid => "LUID, u32 and i32".to_owned(),
        FieldType::Pointer => "guest address, u64".to_owned(),
        FieldType::Address => "address, u64".to_owned(),
        FieldType::Utf16 => "UTF-16LE".to_owned(),
        FieldType::Byte => "bytes".to_owned(),
    }
}

/// Escapes text for a table cell.
pub(in crate::export) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
