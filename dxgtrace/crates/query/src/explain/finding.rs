//! Explains the finding codes of `dxgtrace check`.

use super::answer::{Answer, AnswerKind};
use dxgtrace_session::check::{Code, Finding};

/// Explains the finding code `word`, with an example of its sentence.
pub(super) fn by_word(word: &str) -> Option<Answer> {
    let code = Code::by_word(word)?;
    let description = code.description();
    Some(
        Answer::new(
            AnswerKind::Finding,
            format!("{} ({})", description.word, description.severity.name()),
            Finding::example(code).to_string(),
        )
        .with_cause(Some(description.layer), description.cause)
        .with_next(description.next),
    )
}
