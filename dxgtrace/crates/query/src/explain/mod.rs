//! What a number, a name or a line of the kernel log means here: cause, layer
//! and next step, from the description and from data files.
//!
//! One thing may mean several things; every meaning is an [`Answer`].

mod answer;
mod channel;
mod codes;
mod dmesg;
mod errno;
mod field;
mod finding;
mod handle;
mod ioctl;
mod known;
mod log;
mod log_line;
mod log_reader;
mod log_shapes;
mod message;
mod near;
mod number;
mod stack;
mod status;
mod strace;

pub use answer::{Answer, AnswerCause, AnswerDetail, AnswerKind, KnownIssue};
pub use errno::{ERRNOS, Errno};
pub use log::{Log, LogGroup, LogWeight};
pub use log_reader::LogReader;
pub use near::near;
pub use status::{ADVICE, StatusAdvice};

use crate::rules::Rule;
use number::NumberReading;

/// Longest thing that is looked at, in bytes: a line of a log, with room.
const LONGEST: usize = 4096;

/// Every meaning of `thing`. `rules` are the known issues to point at.
pub fn explain(thing: &str, rules: &[Rule]) -> Vec<Answer> {
    let thing = thing.trim();
    let thing = thing
        .get(..thing.floor_char_boundary(LONGEST))
        .unwrap_or(thing);
    let mut answers: Vec<Answer> = Vec::new();
    answers.extend(finding::by_word(thing));
    answers.extend(message::by_word(thing));
    answers.extend(status::by_name(thing));
    answers.extend(errno::by_name(thing));
    answers.extend(ioctl::by_name(thing));
    answers.extend(field::by_path(thing));
    answers.extend(channel::by_guid(thing));
    answers.extend(known::by_name(thing, rules));
    answers.extend(codes::by_name(thing).or_else(|| codes::wrapped(thing)));
    answers.extend(codes::value_by_name(thing));
    answers.extend(stack::of_wchan(thing, rules));
    for number in NumberReading::readings(thing) {
        for answer in of_number(number) {
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    if answers.is_empty() {
        answers.extend(errno::unused(thing));
    }
    if answers.is_empty() {
        answers.extend(codes::spelled(thing));
    }
    if answers.is_empty() {
        answers.extend(of_line(thing, rules));
    }
    answers
}

/// Every meaning of one line of a log.
fn of_line(line: &str, rules: &[Rule]) -> Vec<Answer> {
    let mut log = Log::default();
    log.line(line, rules);
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
        answers.extend(status::unnamed(number));
        answers.extend(handle::by_number(number));
    }
    answers
}
