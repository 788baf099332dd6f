//! Explains numbers, names and kernel log lines: meaning, cause, layer and next
//! step, from the table and from data files.
//!
//! An input may have several meanings; each is an [`Answer`].

mod answer;
mod channel;
mod codes;
mod dmesg;
mod errno;
mod field;
mod finding;
mod handle;
mod ioctl;
mod known_issues;
mod log;
mod log_line;
mod log_reader;
mod log_shapes;
mod message;
mod number;
mod similar;
mod stack;
mod status;
mod strace;

pub use answer::{Answer, AnswerCause, AnswerDetail, AnswerKind, KnownIssue};
pub use errno::{ERRNOS, Errno};
pub use log::{Log, LogGroup, LogWeight};
pub use log_reader::LogReader;
pub use similar::similar_names;
pub use status::{ADVICE, StatusAdvice};

use crate::rules::Rule;
use number::NumberReading;

/// Maximum length of an input in bytes; enough for a line of a log.
const INPUT_BYTES_MAX: usize = 4096;

/// Every meaning of `thing`. Answers refer to known issues in `rules`.
pub fn explain(thing: &str, rules: &[Rule]) -> Vec<Answer> {
    let thing = thing.trim();
    let thing = thing
        .get(..thing.floor_char_boundary(INPUT_BYTES_MAX))
        .unwrap_or(thing);
    let mut answers: Vec<Answer> = Vec::new();
    answers.extend(finding::by_word(thing));
    answers.extend(message::by_word(thing));
    answers.extend(status::by_name(thing));
    answers.extend(errno::by_name(thing));
    answers.extend(ioctl::by_name(thing));
    answers.extend(field::by_path(thing));
    answers.extend(channel::by_guid(thing));
    answers.extend(known_issues::by_name(thing, rules));
    answers.extend(codes::by_name(thing).or_else(|| codes::by_wrapping_hresult(thing)));
    answers.extend(codes::value_by_name(thing));
    answers.extend(stack::by_wchan(thing, rules));
    for number in NumberReading::readings(thing) {
        for answer in of_number(number) {
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    if answers.is_empty() {
        answers.extend(errno::not_returned_by_driver(thing));
    }
    if answers.is_empty() {
        answers.extend(codes::by_spelling(thing));
    }
    if answers.is_empty() {
        answers.extend(of_line(thing, rules));
    }
    answers
}

/// Every meaning of one line of a log.
fn of_line(line: &str, rules: &[Rule]) -> Vec<Answer> {
    let mut log = Log::default();
    log.push_line(line, rules);
    log.finish(rules);
    let groups = log.groups();
    groups
        .iter()
        .filter_map(|group| group.answer.clone())
        .collect()
}

/// Every meaning of a number, the likeliest first.
fn of_number(number: NumberReading) -> Vec<Answer> {
    let mut answers = Vec::new();
    answers.extend(status::by_number(number));
    answers.extend(errno::by_number(number));
    answers.extend(ioctl::by_number(number));
    answers.extend(message::by_number(number));
    if answers.is_empty() {
        answers.extend(status::by_unnamed_number(number));
        answers.extend(handle::by_number(number));
    }
    answers
}
