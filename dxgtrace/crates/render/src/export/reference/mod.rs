//! The protocol reference: the public description of the protocol between Linux's `dxgkrnl`
//! driver and its host.

mod layout;
mod names;

pub(super) use layout::cell;

use std::fmt::{self, Write};

use dxgtrace_protocol::schema::{Forms, HeaderProcess, Message, MessageSet, ReplyMode};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing;
use dxgtrace_protocol::table::guid;
use dxgtrace_protocol::table::ioctls::IOCTLS;

const INTRODUCTION: &str = include_str!("introduction.md");

/// Writes `docs/protocol.md`.
///
/// # Errors
/// Those of `out`.
pub fn reference(out: &mut impl Write) -> fmt::Result {
    introduction(out)?;
    headers(out)?;
    index(out)?;
    out.write_str("\n## Messages\n")?;
    for set in [MessageSet::Global, MessageSet::Vgpu, MessageSet::Host] {
        for message in table::all().filter(|message| message.set == set) {
            self::message(out, message)?;
        }
    }
    names::structures(out)?;
    names::enumerations(out)?;
    names::bit_sets(out)?;
    names::statuses(out)?;
    ioctls(out)
}

/// Writes the introduction, in which placeholders are replaced by values of the
/// description.
fn introduction(out: &mut impl Write) -> fmt::Result {
    let mut text = INTRODUCTION.to_owned();
    for (name, value) in [
        ("{global_channel}", guid::text(&framing::GLOBAL_CHANNEL)),
        ("{vgpu_channel}", guid::text(&framing::VGPU_CHANNEL)),
        ("{inband}", framing::PACKET_INBAND.to_string()),
        ("{completion}", framing::PACKET_COMPLETION.to_string()),
    ] {
        text = text.replace(name, &value);
    }
    out.write_str(&text)
}

fn headers(out: &mut impl Write) -> fmt::Result {
    let parts = [
        (
            "Extended header",
            &framing::EXTENDED,
            "Before every request from interface version 40 on; never before replies or host messages.",
        ),
        (
            "Command header, vGPU and host set",
            framing::header(MessageSet::Vgpu),
            "Offsets of requests and host messages count from here.",
        ),
        (
            "Command header, global set",
            framing::header(MessageSet::Global),
            "The same with a channel type of 32 bits.",
        ),
    ];
    for (title, layout, doc) in parts {
        write!(out, "\n### {title}\n\n{doc}\n\n")?;
        layout::fields(out, layout.fields)?;
    }
    Ok(())
}

/// Writes the table of all messages.
fn index(out: &mut impl Write) -> fmt::Result {
    out.write_str(
        "\n## Index\n\n| number | set | message | constant | travels | driver since |\n\
         |--:|---|---|---|---|---|\n",
    )?;
    for set in [MessageSet::Global, MessageSet::Vgpu, MessageSet::Host] {
        let mut messages: Vec<_> = table::all().filter(|of| of.set == set).collect();
        messages.sort_by_key(|message| message.id);
        for message in messages {
            let Message {
                id, name, constant, ..
            } = message;
            let (mode, since) = (mode_text(message.mode), message.since.name());
            let set = set.name();
            writeln!(
                out,
                "| {id} | {set} | [`{name}`](#{name}) | `{constant}` | {mode} | {since} |"
            )?;
        }
    }
    Ok(())
}

fn mode_text(mode: ReplyMode) -> &'static str {
    match mode {
        ReplyMode::Sync => "request and reply",
        ReplyMode::Async => "request and reply; in async mode no reply",
        ReplyMode::OneWay => "one way",
        ReplyMode::NeverSent => "named, never sent",
    }
}

fn header_process_text(subject: HeaderProcess) -> &'static str {
    match subject {
        HeaderProcess::Caller => "the caller",
        HeaderProcess::Nobody => "nobody: 0",
        HeaderProcess::Destroyed => "the process that ends",
        HeaderProcess::Target => "the process that is asked about",
        HeaderProcess::Unknown => "not known",
    }
}

fn message(out: &mut impl Write, message: &Message) -> fmt::Result {
    let Message { name, doc, .. } = message;
    write!(out, "\n### {name}\n\n{doc}\n\n")?;
    let (constant, id, set) = (message.constant, message.id, message.set.name());
    write!(
        out,
        "`{constant}`, number {id} of the {set} set; {}. Driver since {}.",
        mode_text(message.mode),
        message.since.name()
    )?;
    if message.mode != ReplyMode::NeverSent && message.set != MessageSet::Host {
        write!(
            out,
            " `process` names {}.",
            header_process_text(message.header_process)
        )?;
    }
    out.write_str("\n")?;
    if !message.cause.is_empty() {
        writeln!(out, "\nSent by: {}", message.cause)?;
    }
    let ioctls: Vec<_> = IOCTLS
        .iter()
        .filter(|ioctl| ioctl.messages.contains(name))
        .map(|ioctl| format!("`{}` ({:#04x})", ioctl.function, ioctl.number))
        .collect();
    if !ioctls.is_empty() {
        writeln!(out, "\nCalls that cause it: {}.", ioctls.join(", "))?;
    }
    let part = match message.set {
        MessageSet::Host => "Message",
        MessageSet::Vgpu | MessageSet::Global => "Request",
    };
    forms(out, part, &message.requests)?;
    forms(out, "Reply", &message.replies)?;
    if message.mode == ReplyMode::OneWay {
        out.write_str("\nThere is no reply.\n")?;
    }
    if !message.notes.is_empty() {
        out.write_str("\nNotes:\n\n")?;
        for note in message.notes {
            writeln!(out, "- {note}")?;
        }
    }
    Ok(())
}

/// Writes the forms of a part. The heading of each tells what identifies it.
fn forms(out: &mut impl Write, part: &str, forms: &Forms) -> fmt::Result {
    let several = forms.iter().count() > 1;
    for form in forms.iter() {
        let known_by = match form.known_by() {
            by if by.is_empty() && several => " of older interface versions".to_owned(),
            by => by,
        };
        layout::layout(out, &format!("{part}{known_by}"), &form.layout)?;
    }
    Ok(())
}

fn ioctls(out: &mut impl Write) -> fmt::Result {
    out.write_str(
        "\n## ioctls\n\nWhich messages a call of `/dev/dxg` can cause, in order. A call without \
         messages is answered by the driver itself.\n\n\
         | number | request | function | messages |\n|---|---|---|---|\n",
    )?;
    for ioctl in IOCTLS {
        let messages: Vec<_> = ioctl
            .messages
            .iter()
            .map(|name| format!("[`{name}`](#{name})"))
            .collect();
        writeln!(
            out,
            "| {:#04x} | {:#010x} | `{}` | {} |",
            ioctl.number,
            ioctl.request(),
            ioctl.function,
            messages.join(", ")
        )?;
    }
    Ok(())
}
