//! A whole log: lines of this driver, calls of strace and stack traces, each
//! kind once, with how often and when.
//!
//! The driver logs one failure in up to three lines, from the inside out: the
//! send, the function that needed it, and the ioctl. These are joined into one
//! event when they follow each other within [`EVENT_SECONDS`] and either carry
//! the same errno or are known to lead to each other.

use std::collections::BTreeMap;

use dxgtrace_protocol::decode::escaped;
use serde::Serialize;

use super::answer::Answer;
use super::log_line::{LogLine, LogTime};
use super::stack::{StackTrace, TraceStep};
use super::strace::{self, StraceCalls};
use super::{dmesg, errno, known};
use crate::rules::Rule;

/// Most groups that are kept; lines of further kinds are only counted.
const GROUPS_MAX: usize = 1000;
/// Lines of one event at most.
const EVENT_LINES: usize = 4;
/// Longest time between the lines of one event, in seconds.
const EVENT_SECONDS: f64 = 0.05;

/// How much a group matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogWeight {
    /// Something failed or hangs.
    Failure,
    /// Looks bad and is not, by a known-issue rule; or tells of no failure.
    Harmless,
}

/// Lines that say the same.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroup {
    /// The lines of the first event, safe to print.
    pub lines: Vec<String>,
    /// How many events there are.
    pub count: u64,
    /// When the first one was logged, as the log says it.
    pub first_time: Option<String>,
    /// When the last one was logged.
    pub last_time: Option<String>,
    /// How much it matters.
    pub weight: LogWeight,
    /// What it means; `None` for a line of the driver that is not known.
    pub answer: Option<Answer>,
}

/// A line that may belong to an event with lines that follow it.
#[derive(Debug)]
struct EventLine {
    text: String,
    facts: dmesg::LineFacts,
    time: Option<LogTime>,
}

/// The lines of a log that are about this driver.
#[derive(Debug, Default)]
pub struct Log {
    groups: Vec<LogGroup>,
    places: BTreeMap<String, usize>,
    /// Lines of the event that is being read.
    event: Vec<EventLine>,
    trace: Option<(StackTrace, Option<LogTime>)>,
    calls: StraceCalls,
    /// Events of further kinds, beyond the bound.
    pub beyond: u64,
}

impl Log {
    /// Takes the next line. Lines of others are passed over.
    pub fn line(&mut self, line: &str, rules: &[Rule]) {
        let line = line
            .get(..line.floor_char_boundary(super::LONGEST))
            .unwrap_or(line);
        let LogLine { time, text, count } = LogLine::parse(line);
        if self.trace_line(text, &time, rules) {
            return;
        }
        if let Some(call) = self.calls.line(line) {
            self.end_event(rules);
            let failed = call.result.is_none_or(|result| result < 0);
            // Successes of a call are one kind, whatever number it returned.
            let key = if failed || call.result == Some(strace::PENDING) {
                format!("ioctl {call:?}")
            } else {
                format!("ioctl {}", call.number)
            };
            let weight = if failed {
                LogWeight::Failure
            } else {
                LogWeight::Harmless
            };
            let title = vec![escaped(text.trim().as_bytes()).to_string()];
            self.add(key, 1, &time, || {
                (title, weight, Some(strace::answer(call)))
            });
            return;
        }
        let Some(facts) = dmesg::facts(text) else {
            if dmesg::is_ours(text) {
                self.end_event(rules);
                let title = vec![escaped(text.as_bytes()).to_string()];
                self.add(format!("? {text}"), count, &time, || {
                    (title, LogWeight::Failure, None)
                });
            }
            return;
        };
        let joins = self
            .event
            .last()
            .is_some_and(|last| follows(last, &facts, &time));
        if !joins {
            self.end_event(rules);
        }
        let is_open = facts.is_failure && !facts.is_ioctl && count == 1;
        if joins || is_open {
            let ends = facts.is_ioctl || self.event.len() + 1 >= EVENT_LINES;
            self.event.push(EventLine {
                text: text.to_owned(),
                facts,
                time,
            });
            if ends {
                self.end_event(rules);
            }
            return;
        }
        self.single(text, &facts, count, &time, rules);
    }

    /// Takes what was still open at the end of the log.
    pub fn finish(&mut self, rules: &[Rule]) {
        self.end_event(rules);
        self.end_trace(rules);
        let hanging: Vec<_> = self.calls.hanging().collect();
        for call in hanging {
            let title = vec![format!("ioctl {:#04x} <unfinished ...>", call.number)];
            self.add(format!("ioctl {call:?}"), 1, &None, || {
                (title, LogWeight::Failure, Some(strace::answer(call)))
            });
        }
    }

    /// The groups: what failed in the order of its first lines, then what is
    /// harmless.
    pub fn groups(&self) -> Vec<&LogGroup> {
        let mut groups: Vec<&LogGroup> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.weight);
        groups
    }

    /// Whether a line belongs to a stack trace.
    fn trace_line(&mut self, text: &str, time: &Option<LogTime>, rules: &[Rule]) -> bool {
        if let Some((trace, _)) = &mut self.trace {
            // The next task of a list has a trace of its own.
            let begins =
                text.starts_with("task:") && trace.is_ours() || text.starts_with("INFO: task ");
            match trace.take(text) {
                TraceStep::Taken if !begins => return true,
                TraceStep::Last => {
                    self.end_trace(rules);
                    return true;
                }
                TraceStep::Taken | TraceStep::Foreign => self.end_trace(rules),
            }
        }
        match StackTrace::begin(text) {
            Some(trace) => {
                self.end_event(rules);
                self.trace = Some((trace, time.clone()));
                true
            }
            None => false,
        }
    }

    fn end_trace(&mut self, rules: &[Rule]) {
        let Some((trace, time)) = self.trace.take().filter(|(trace, _)| trace.is_ours()) else {
            return;
        };
        self.add(trace.key(), 1, &time, || {
            (
                vec![trace.title()],
                LogWeight::Failure,
                Some(trace.answer(rules)),
            )
        });
    }

    fn end_event(&mut self, rules: &[Rule]) {
        let event = std::mem::take(&mut self.event);
        let whole = event.last().is_some_and(|last| last.facts.is_ioctl);
        if event.len() > 1 && whole {
            let keys: Vec<&str> = event.iter().map(|line| line.facts.key.as_str()).collect();
            let time = event.first().and_then(|line| line.time.clone());
            self.add(keys.join(" | "), 1, &time, || {
                let lines = event.iter();
                let lines = lines.map(|line| escaped(line.text.as_bytes()).to_string());
                (lines.collect(), LogWeight::Failure, joined(&event, rules))
            });
            return;
        }
        for line in event {
            self.single(&line.text, &line.facts, 1, &line.time, rules);
        }
    }

    fn single(
        &mut self,
        text: &str,
        facts: &dmesg::LineFacts,
        count: u64,
        time: &Option<LogTime>,
        rules: &[Rule],
    ) {
        self.add(facts.key.clone(), count, time, || {
            let harmless = !facts.is_failure || known::is_harmless(text, rules);
            let weight = if harmless {
                LogWeight::Harmless
            } else {
                LogWeight::Failure
            };
            let title = vec![escaped(text.as_bytes()).to_string()];
            (title, weight, dmesg::line(text, rules))
        });
    }

    /// Counts an event; `make` gives lines, weight and answer of a new kind.
    fn add(
        &mut self,
        key: String,
        count: u64,
        time: &Option<LogTime>,
        make: impl FnOnce() -> (Vec<String>, LogWeight, Option<Answer>),
    ) {
        let time = time
            .as_ref()
            .map(|time| escaped(time.text.as_bytes()).to_string());
        if let Some(group) = self
            .places
            .get(&key)
            .and_then(|at| self.groups.get_mut(*at))
        {
            group.count += count;
            group.last_time = time.or(group.last_time.take());
            return;
        }
        if self.groups.len() >= GROUPS_MAX {
            self.beyond += count;
            return;
        }
        self.places.insert(key, self.groups.len());
        let (lines, weight, answer) = make();
        self.groups.push(LogGroup {
            lines,
            count,
            first_time: time.clone(),
            last_time: time,
            weight,
            answer,
        });
    }
}

/// Whether a line goes on with the event of the line before it.
fn follows(before: &EventLine, facts: &dmesg::LineFacts, time: &Option<LogTime>) -> bool {
    if before.facts.is_ioctl || !facts.is_failure {
        return false;
    }
    let apart = match (&before.time, time) {
        (Some(before), Some(time)) => (time.seconds - before.seconds).abs(),
        _ => 0.0,
    };
    let same_errno = before.facts.errno.is_some() && before.facts.errno == facts.errno;
    let leads = before
        .facts
        .leads_to
        .is_some_and(|function| facts.key.contains(function) || facts.leads_to == Some(function));
    apart <= EVENT_SECONDS && (same_errno || leads)
}

/// What the lines of an event mean together: the innermost one has the cause,
/// the last one names the ioctl.
fn joined(event: &[EventLine], rules: &[Rule]) -> Option<Answer> {
    let answers: Vec<(&EventLine, Answer)> = event
        .iter()
        .filter_map(|line| Some((line, dmesg::line(&line.text, rules)?)))
        .collect();
    let (root, answer) = answers.first()?;
    let mut answer = answer.clone();
    answer.what = format!("{} lines of one event. {}", event.len(), answer.what);
    for (line, other) in answers.iter().skip(1) {
        for more in &other.more {
            let known = ["call", "messages"].contains(&more.label);
            if known && !answer.more.contains(more) {
                answer.more.push(more.clone());
            }
        }
        for issue in &other.known {
            if !answer.known.contains(issue) {
                answer.known.push(issue.clone());
            }
        }
        if line.facts.is_ioctl
            && let (Some(number), Some(cause)) =
                (line.facts.errno, root.facts.errno_or_inner(event))
            && number != cause
        {
            let name = |number| format!("-{number} ({})", errno::name_of(number));
            answer = answer.more(
                "follows",
                format!(
                    "the ioctl's {} is a consequence: the cause is {}",
                    name(number),
                    name(cause)
                ),
            );
        }
        if let Some(status) = other.more.iter().find(|more| more.label == "errno")
            && !line.facts.is_ioctl
            && !answer.more.contains(status)
        {
            answer.more.push(status.clone());
        }
    }
    Some(answer)
}

impl dmesg::LineFacts {
    /// The errno of the line, or of the first line of its event that has one.
    fn errno_or_inner(&self, event: &[EventLine]) -> Option<u32> {
        self.errno
            .or_else(|| event.iter().find_map(|line| line.facts.errno))
    }
}
