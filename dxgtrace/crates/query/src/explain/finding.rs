//! The codes of `dxgtrace check`.

use super::answer::{Answer, AnswerKind};
use dxgtrace_session::check::Code;

/// The finding code with that word.
pub(super) fn by_word(word: &str) -> Option<Answer> {
    let description = Code::by_word(word)?.description();
    Some(
        Answer::new(
            AnswerKind::Finding,
            format!("{} ({})", description.word, description.severity.name()),
            sentence(description.what),
        )
        .cause(Some(description.layer), description.cause)
        .next(description.next),
    )
}

/// The code's sentence with words in place of its numbers.
fn sentence(what: &str) -> String {
    let mut text = String::new();
    let mut rest = what;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(match name {
            "part" => "(part)",
            "at" => "(offset)",
            "a" | "a:x" => "A",
            "b" | "b:x" => "B",
            _ => "..",
        });
        rest = after;
    }
    text.push_str(rest);
    text
}
