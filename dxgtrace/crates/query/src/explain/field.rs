//! Explains fields of messages, by their filter names.

use super::answer::{Answer, AnswerKind};
use dxgtrace_protocol::schema::{Field, FieldRule, Layout, Message, MessageSet};
use dxgtrace_protocol::table;

/// Explains the field with a path such as `dxg.make_resident.flags`, with or
/// without `dxg.`.
pub(super) fn by_path(path: &str) -> Vec<Answer> {
    let path = path.strip_prefix("dxg.").unwrap_or(path);
    let Some((message, field)) = path.split_once('.') else {
        return Vec::new();
    };
    let Some(message) = table::by_name(message) else {
        return Vec::new();
    };
    let mut answers: Vec<Answer> = Vec::new();
    for (part, layout) in layouts(message) {
        let found = of_layout(message, part, layout, field);
        for answer in found {
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    answers
}

/// The parts of a message with their layouts.
pub(super) fn layouts(message: &Message) -> impl Iterator<Item = (&'static str, &Layout)> {
    let part = match message.set {
        MessageSet::Host => "event",
        MessageSet::Vgpu | MessageSet::Global => "request",
    };
    let requests = message.requests.layouts().map(move |layout| (part, layout));
    let replies = message.replies.layouts().map(|layout| ("reply", layout));
    requests.chain(replies)
}

fn of_layout(message: &Message, part: &str, layout: &Layout, name: &str) -> Vec<Answer> {
    let fields = layout
        .fields
        .iter()
        .filter(|field| field.name == name)
        .map(|field| of_field(message, part, field));
    let tails = layout
        .tails
        .iter()
        .filter(|tail| tail.name == name)
        .map(|tail| {
            let title = format!("dxg.{}.{} in the {part}", message.name, tail.name);
            Answer::new(AnswerKind::Field, title, tail.doc)
                .with_detail("place", format!("an array at offset {}", layout.tails_at))
        });
    fields.chain(tails).collect()
}

fn of_field(message: &Message, part: &str, field: &Field) -> Answer {
    let title = format!("dxg.{}.{} in the {part}", message.name, field.name);
    let place = format!("offset {}, {} bytes", field.at, field.size());
    let rule = match field.rule {
        FieldRule::Any => String::new(),
        FieldRule::Reserved => "zero in every known version".to_owned(),
        FieldRule::Output => "ignored in a request".to_owned(),
        FieldRule::Always(value) => format!("every known driver sends {value:#x}"),
        FieldRule::Range(low, high) => format!("the driver sends {low} to {high}"),
        FieldRule::Echoes { message, field } => format!("must repeat {field} of {message}"),
    };
    Answer::new(AnswerKind::Field, title, field.doc)
        .with_detail("place", place)
        .with_detail("rule", rule)
}
