//! Explains messages of the protocol.

use super::answer::{Answer, AnswerKind};
use super::field;
use super::number::NumberReading;
use dxgtrace_protocol::schema::{Message, MessageSet, ReplyMode};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::IOCTLS;

/// The sets of numbers.
const SETS: [MessageSet; 3] = [MessageSet::Vgpu, MessageSet::Global, MessageSet::Host];

/// Explains the messages with a name such as `make_resident`, `MAKERESIDENT` or
/// `dxg.make_resident`, or with a set and number such as `vgpu 11`.
pub(super) fn by_word(word: &str) -> Vec<Answer> {
    let name = word.strip_prefix("dxg.").unwrap_or(word);
    let numbered = word
        .split_once([' ', ':', '/'])
        .and_then(|(set, number)| by_set_and_number(set.trim(), number.trim()));
    let bare = normalized_name(name);
    let named = table::all().filter(|message| {
        !bare.is_empty()
            && (normalized_name(message.name) == bare || normalized_name(message.constant) == bare)
    });
    named.chain(numbered).map(answer).collect()
}

/// Explains the messages with this number, in every set.
pub(super) fn by_number(number: NumberReading) -> Vec<Answer> {
    let Some(id) = number.u32().filter(|_| !number.hex && !number.negative) else {
        return Vec::new();
    };
    SETS.into_iter()
        .filter_map(|set| table::lookup(set, id))
        .map(answer)
        .collect()
}

fn by_set_and_number(set: &str, number: &str) -> Option<&'static Message> {
    let set = SETS
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(set))?;
    let number = NumberReading::readings(number).into_iter().next()?;
    table::lookup(set, number.u32()?)
}

/// A name without the characters in which spellings differ.
pub(super) fn normalized_name(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

fn answer(message: &'static Message) -> Answer {
    let travels = match message.mode {
        ReplyMode::Sync => "from the guest; the sender waits for the reply",
        ReplyMode::Async => {
            "from the guest; the sender waits for the reply unless async mode is on"
        }
        ReplyMode::OneWay => "without a reply",
        ReplyMode::NeverSent => "never, by any public driver",
    };
    let ioctls: Vec<String> = IOCTLS
        .iter()
        .filter(|ioctl| ioctl.messages.contains(&message.name))
        .map(|ioctl| format!("{} ({:#04x})", ioctl.function, ioctl.number))
        .collect();
    let answer = Answer::new(
        AnswerKind::Message,
        format!(
            "{} ({} {}, {})",
            message.name,
            message.set.name(),
            message.id,
            message.constant
        ),
        message.doc,
    );
    let answer = if message.cause.is_empty() {
        answer
    } else {
        answer.with_cause(None, message.cause)
    };
    answer
        .with_next("dxgtrace read -V on a capture shows every field of it and of its reply.")
        .with_detail("travels", travels)
        .with_detail("sent by", ioctls.join(", "))
        .with_detail("since", message.since.name())
        .with_detail("layout", layout(message))
        .with_detail("reply", replies(message))
        .with_detail("note", message.notes.join(" "))
}

/// The fields of each part with their offsets, as `offset name type`.
fn layout(message: &Message) -> String {
    let parts = field::layouts(message).map(|(part, layout)| {
        let fields = layout
            .fields
            .iter()
            .map(|field| format!("{} {}", field.at, field.name));
        let tails = layout
            .tails
            .iter()
            .map(|tail| format!("then {}[]", tail.name));
        let fields: Vec<String> = fields.chain(tails).collect();
        format!("{part} ({} bytes): {}", layout.size, fields.join(", "))
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn replies(message: &Message) -> String {
    let described: Vec<String> = message
        .replies
        .iter()
        .map(|reply| {
            let since = match reply.known_by() {
                by if by.is_empty() => String::new(),
                by => format!("{}: ", by.trim_start()),
            };
            let layout = &reply.layout;
            let what = match (layout.is_read, layout.status) {
                (false, _) => "not read by the driver".to_owned(),
                (true, Some(at)) => format!("at least {} bytes, status at {at}", layout.tails_at),
                (true, None) => format!("at least {} bytes, no status", layout.tails_at),
            };
            format!("{since}{what}")
        })
        .collect();
    described.join("; ")
}
