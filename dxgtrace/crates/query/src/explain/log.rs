//! Explains a log: lines of this driver, ioctls in strace output and stack
//! traces. Equal events are grouped and counted.
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
use super::{dmesg, errno, known_issues};
use crate::rules::Rule;

/// Maximum number of groups; events of further kinds are only counted.
const GROUPS_MAX: usize = 1000;
/// Maximum number of lines of an event.
const EVENT_LINES: usize = 4;
/// Maximum time between two lines of an event, in seconds.
const EVENT_SECONDS: f64 = 0.05;

/// The importance of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogWeight {
    /// Something failed or hangs.
    Failure,
    /// Harmless by a known-issue rule, or not a failure.
    Harmless,
}

/// Events that mean the same.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroup {
    /// The lines of the first event, safe to print.
    pub lines: Vec<String>,
    /// The number of events.
    pub count: u64,
    /// Time of the first event, as written in the log.
    pub first_time: Option<String>,
    /// Time of the last event, as written in the log.
    pub last_time: Option<String>,
    /// The importance of the group.
    pub weight: LogWeight,
    /// Its meaning; `None` for an unknown line of the driver.
    pub answer: Option<Answer>,
}

/// A line of an event that may continue in the next line.
#[derive(Debug)]
struct EventLine {
    text: String,
    facts: dmesg::LineFacts,
    time: Option<LogTime>,
}

/// The events in a log that are about this driver.
#[derive(Debug, Default)]
pub struct Log {
    groups: Vec<LogGroup>,
    group_indices: BTreeMap<String, usize>,
    /// The lines of the current event.
    event: Vec<EventLine>,
    trace: Option<(StackTrace, Option<LogTime>)>,
    calls: StraceCalls,
    /// Number of events that were dropped because there are too many groups.
    pub dropped: u64,
}

impl Log {
    /// Reads the next line. Lines that are not about this driver are ignored.
    pub fn push_line(&mut self, line: &str, rules: &[Rule]) {
        let line = line
            .get(..line.floor_char_boundary(super::INPUT_BYTES_MAX))
            .unwrap_or(line);
        let LogLine { time, text, count } = LogLine::parse(line);
        if self.push_trace_line(text, &time, rules) {
            return;
        }
        if let Some(call) = self.calls.push_line(line) {
            self.end_event(rules);
            let failed = call.result.is_none_or(|result| result < 0);
            // All successful results of a call are one group.
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
            self.count_event(key, 1, &time, || {
                (title, weight, Some(strace::answer(call)))
            });
            return;
        }
        let Some(facts) = dmesg::line_facts(text) else {
            if dmesg::is_driver_line(text) {
                self.end_event(rules);
                let title = vec![escaped(text.as_bytes()).to_string()];
                self.count_event(format!("? {text}"), count, &time, || {
                    (title, LogWeight::Failure, None)
                });
            }
            return;
        };
        let joins = self
            .event
            .last()
            .is_some_and(|last| continues_event(last, &facts, &time));
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
        self.add_line(text, &facts, count, &time, rules);
    }

    /// Ends the log: adds the events that were still open.
    pub fn finish(&mut self, rules: &[Rule]) {
        self.end_event(rules);
        self.end_trace(rules);
        let unfinished: Vec<_> = self.calls.unfinished().collect();
        for call in unfinished {
            let title = vec![format!("ioctl {:#04x} <unfinished ...>", call.number)];
            self.count_event(format!("ioctl {call:?}"), 1, &None, || {
                (title, LogWeight::Failure, Some(strace::answer(call)))
            });
        }
    }

    /// The groups: first the failures in the order of their first lines, then
    /// the harmless ones.
    pub fn groups(&self) -> Vec<&LogGroup> {
        let mut groups: Vec<&LogGroup> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.weight);
        groups
    }

    /// Reads a line of a stack trace; returns `false` if it belongs to none.
    fn push_trace_line(&mut self, text: &str, time: &Option<LogTime>, rules: &[Rule]) -> bool {
        if let Some((trace, _)) = &mut self.trace {
            // The next task of a list has a trace of its own.
            let begins = text.starts_with("task:") && trace.has_driver_frame()
                || text.starts_with("INFO: task ");
            match trace.push_line(text) {
                TraceStep::Inside if !begins => return true,
                TraceStep::Last => {
                    self.end_trace(rules);
                    return true;
                }
                TraceStep::Inside | TraceStep::Unrelated => self.end_trace(rules),
            }
        }
        match StackTrace::starting_at(text) {
            Some(trace) => {
                self.end_event(rules);
                self.trace = Some((trace, time.clone()));
                true
            }
            None => false,
        }
    }

    fn end_trace(&mut self, rules: &[Rule]) {
        let Some((trace, time)) = self
            .trace
            .take()
            .filter(|(trace, _)| trace.has_driver_frame())
        else {
            return;
        };
        self.count_event(trace.key(), 1, &time, || {
            (
                vec![trace.title()],
                LogWeight::Failure,
                Some(trace.explain(rules)),
            )
        });
    }

    fn end_event(&mut self, rules: &[Rule]) {
        let event = std::mem::take(&mut self.event);
        let whole = event.last().is_some_and(|last| last.facts.is_ioctl);
        if event.len() > 1 && whole {
            let keys: Vec<&str> = event.iter().map(|line| line.facts.key.as_str()).collect();
            let time = event.first().and_then(|line| line.time.clone());
            self.count_event(keys.join(" | "), 1, &time, || {
                let lines = event.iter();
                let lines = lines.map(|line| escaped(line.text.as_bytes()).to_string());
                (
                    lines.collect(),
                    LogWeight::Failure,
                    explain_event(&event, rules),
                )
            });
            return;
        }
        for line in event {
            self.add_line(&line.text, &line.facts, 1, &line.time, rules);
        }
    }

    fn add_line(
        &mut self,
        text: &str,
        facts: &dmesg::LineFacts,
        count: u64,
        time: &Option<LogTime>,
        rules: &[Rule],
    ) {
        self.count_event(facts.key.clone(), count, time, || {
            let harmless = !facts.is_failure || known_issues::is_harmless(text, rules);
            let weight = if harmless {
                LogWeight::Harmless
            } else {
                LogWeight::Failure
            };
            let title = vec![escaped(text.as_bytes()).to_string()];
            (title, weight, dmesg::explain_line(text, rules))
        });
    }

    /// Counts an event of the group `key`; `make` returns lines, weight and
    /// answer of a new group.
    fn count_event(
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
            .group_indices
            .get(&key)
            .and_then(|at| self.groups.get_mut(*at))
        {
            group.count += count;
            group.last_time = time.or(group.last_time.take());
            return;
        }
        if self.groups.len() >= GROUPS_MAX {
            self.dropped += count;
            return;
        }
        self.group_indices.insert(key, self.groups.len());
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

/// Whether a line continues the event of the previous line.
fn continues_event(before: &EventLine, facts: &dmesg::LineFacts, time: &Option<LogTime>) -> bool {
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

/// Explains the lines of an event together: the first one shows the cause, the
/// last one names the ioctl.
fn explain_event(event: &[EventLine], rules: &[Rule]) -> Option<Answer> {
    let answers: Vec<(&EventLine, Answer)> = event
        .iter()
        .filter_map(|line| Some((line, dmesg::explain_line(&line.text, rules)?)))
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
            answer = answer.with_detail(
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
