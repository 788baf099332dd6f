//! Explains kernel stack traces: hung tasks, `/proc/PID/stack`, wchan, crashes.

use std::sync::LazyLock;

use dxgtrace_protocol::decode::escaped;
use dxgtrace_session::check::Layer;
use regex::Regex;

use super::answer::{Answer, AnswerKind};
use super::{dmesg, known_issues};
use crate::rules::Rule;

/// Maximum number of frames of a trace that are kept.
const FRAMES_MAX: usize = 64;
/// The function in which the driver waits for the host's reply.
const SYNC_SEND: &str = "dxgvmb_send_sync_msg";

/// Why a trace was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TraceReason {
    /// A user asked for it, or tasks were listed.
    Listed,
    /// The kernel found that a task has been blocked for this many seconds.
    Hung(u64),
    /// The kernel crashed or printed a warning.
    Crash,
}

/// A trace, as far as it was read.
#[derive(Debug, Clone)]
pub(super) struct StackTrace {
    reason: TraceReason,
    /// Name and process id of the task.
    task: Option<(String, u32)>,
    /// Functions, the innermost first.
    frames: Vec<String>,
    /// The kernel's description of a crash.
    headline: String,
}

/// What a line is to the current trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TraceStep {
    /// It belongs to the trace.
    Inside,
    /// It ends the trace.
    Last,
    /// It does not belong to the trace.
    Unrelated,
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static BLOCKED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"INFO: task (?P<name>.+):(?P<pid>\d+) blocked for more than (?P<seconds>\d+) seconds")
});
static TASK: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^task:(?P<name>\S.*?) +state:\S.*?\bpid: *(?P<pid>\d+)"));
static CRASH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:BUG: |kernel BUG at |general protection fault|Oops: |Kernel panic|WARNING: (?:CPU: \d+ PID: \d+ at|at )|Unable to handle )",
    )
});
static COMM: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\bPID: (?P<pid>\d+) Comm: (?P<name>\S+)"));
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:RIP: \w+:|pc : |lr : )?(?:\[<[[:xdigit:]]*>\] )?(?:\? )?(?P<function>[A-Za-z_][\w.]*)\+0x[[:xdigit:]]+(?:/0x[[:xdigit:]]+)?",
    )
});
/// Other lines of a trace.
static FILLER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"^(?:Call [Tt]race:|</?(?:TASK|IRQ|NMI)>|Not tainted|Tainted:|"echo 0 >|Hardware name:|Workqueue:|Code:|RSP:|R[A-Z0-9]{2}:|FS:|CS:|CR2:|DR\d:|PKRU:|CPU: |Modules linked in:|#PF|PGD |x\d+ ?:|sp : |pstate:|------------\[ cut here)"#,
    )
});

impl StackTrace {
    fn new(reason: TraceReason) -> Self {
        Self {
            reason,
            task: None,
            frames: Vec::new(),
            headline: String::new(),
        }
    }

    /// The trace that begins with a line, if one does.
    pub(super) fn starting_at(text: &str) -> Option<Self> {
        if let Some(found) = BLOCKED.as_ref()?.captures(text) {
            let seconds = found.name("seconds")?.as_str().parse().ok()?;
            let mut trace = Self::new(TraceReason::Hung(seconds));
            trace.task = Some((found.name("name")?.as_str().to_owned(), pid_of(&found)?));
            return Some(trace);
        }
        let is_crash = CRASH.as_ref()?.is_match(text);
        let is_start = is_crash
            || TASK.as_ref()?.is_match(text)
            || FRAME.as_ref()?.is_match(text)
            || text.starts_with("Call Trace:");
        if !is_start {
            return None;
        }
        let mut trace = Self::new(TraceReason::Listed);
        if is_crash {
            trace.reason = TraceReason::Crash;
            trace.headline = text.to_owned();
        }
        trace.push_line(text);
        Some(trace)
    }

    /// Reads a line of the trace.
    pub(super) fn push_line(&mut self, text: &str) -> TraceStep {
        if text.starts_with("---[ end trace") || text == "</TASK>" {
            return TraceStep::Last;
        }
        let matched =
            |regex: &LazyLock<Option<Regex>>| regex.as_ref().and_then(|r| r.captures(text));
        if let Some(found) = matched(&TASK).or_else(|| matched(&COMM)) {
            if self.task.is_none() {
                self.task = found
                    .name("name")
                    .map(|name| name.as_str().to_owned())
                    .zip(pid_of(&found));
            }
            return TraceStep::Inside;
        }
        if let Some(found) = matched(&FRAME) {
            if self.frames.len() < FRAMES_MAX
                && let Some(function) = found.name("function")
            {
                self.frames
                    .push(plain_function(function.as_str()).to_owned());
            }
            return TraceStep::Inside;
        }
        let fills = FILLER.as_ref().is_some_and(|regex| regex.is_match(text));
        if fills || CRASH.as_ref().is_some_and(|regex| regex.is_match(text)) {
            return TraceStep::Inside;
        }
        TraceStep::Unrelated
    }

    /// Whether a function of the driver is in the trace.
    pub(super) fn has_driver_frame(&self) -> bool {
        self.frames.iter().any(|function| is_driver(function))
    }

    /// The driver's functions in the trace, the innermost first.
    fn driver_frames(&self) -> impl Iterator<Item = &str> {
        self.frames
            .iter()
            .map(String::as_str)
            .filter(|function| is_driver(function))
    }

    /// The key of its group: traces with the same key mean the same.
    pub(super) fn key(&self) -> String {
        let frames: Vec<&str> = self.driver_frames().collect();
        let task = self.task.as_ref().map_or(0, |task| task.1);
        format!("trace {:?} {task} {}", self.is_crash(), frames.join(" "))
    }

    fn is_crash(&self) -> bool {
        self.reason == TraceReason::Crash
    }

    /// A one-line summary of the trace.
    pub(super) fn title(&self) -> String {
        let frames: Vec<&str> = self.driver_frames().take(4).collect();
        format!("{}: {}", self.task_name(), frames.join(" < "))
    }

    fn task_name(&self) -> String {
        match &self.task {
            Some((name, pid)) => format!("{} (pid {pid})", escaped(name.as_bytes())),
            None => "a thread".to_owned(),
        }
    }

    /// Explains the trace.
    pub(super) fn explain(&self, rules: &[Rule]) -> Answer {
        if self.is_crash() {
            return self.explain_crash(rules);
        }
        let who = self.task_name();
        let since = match self.reason {
            TraceReason::Hung(seconds) => format!("has waited for more than {seconds} s"),
            _ => "waits".to_owned(),
        };
        let mut messages = String::new();
        let mut calls = String::new();
        for function in self.driver_frames() {
            let (sends, callers) = dmesg::sources(function);
            if messages.is_empty() && function.starts_with("dxgvmb_send_") {
                messages = sends;
            }
            if calls.is_empty() && function.starts_with("dxgkio_") {
                calls = callers;
            }
        }
        let in_send = self.frames.iter().any(|function| function == SYNC_SEND);
        let name = |text: &str, unknown: &str| match text {
            "" => unknown.to_owned(),
            text => text.to_owned(),
        };
        let sent_by = match calls.as_str() {
            "" => String::new(),
            calls => format!(", sent by {calls}"),
        };
        let title = self.title();
        let answer = if in_send {
            let message = name(&messages, "a message");
            let answer = Answer::new(
                AnswerKind::Log,
                title,
                format!("{who} {since} for the host's answer to {message}{sent_by}."),
            )
            .with_cause(
                Some(Layer::Host),
                "The request was sent and the host has not answered.",
            )
            .with_cause(
                Some(Layer::Transport),
                "Or the answer was lost between host and driver.",
            )
            .with_next(
                "dxgtrace stat on a capture lists the pending requests, their threads and how long \
                 they have waited. If the \
                 thread cannot be killed, wsl --shutdown ends it. Look at the Windows event log \
                 for a GPU reset at that time.",
            );
            let mut answer = answer;
            answer.known = known_issues::by_names(&["host-silent"], rules);
            answer
        } else if self.waits_for_fence() {
            Answer::new(
                AnswerKind::Log,
                title,
                format!(
                    "{who} {since} for a fence to be reached{}.",
                    in_parentheses(&calls)
                ),
            )
            .with_cause(
                None,
                "The host has answered the request already: the thread waits for an event \
                 that the GPU or another process has to signal.",
            )
            .with_next("dxgtrace stat on a capture lists who waits for which fence.")
        } else {
            Answer::new(
                AnswerKind::Log,
                title,
                format!(
                    "{who} is in the driver{}, and does not wait for the host.",
                    in_parentheses(&calls)
                ),
            )
            .with_cause(
                None,
                "It waits for a lock of the driver or for memory, or was just running.",
            )
            .with_next("Look in the log for the thread that holds what this one waits for.")
        };
        answer
            .with_detail("call", calls)
            .with_detail("messages", messages)
    }

    fn waits_for_fence(&self) -> bool {
        self.frames
            .iter()
            .any(|function| function.starts_with("wait_for_completion"))
            && self
                .driver_frames()
                .any(|function| function.contains("wait_sync"))
    }

    fn explain_crash(&self, rules: &[Rule]) -> Answer {
        let first = self.driver_frames().next().unwrap_or("").to_owned();
        let (messages, calls) = self
            .driver_frames()
            .map(dmesg::sources)
            .find(|(messages, _)| !messages.is_empty())
            .unwrap_or_default();
        let warning = self.headline.starts_with("WARNING");
        let what = match warning {
            true => {
                format!("The kernel printed a warning about the driver in {first} and continued.")
            }
            false => format!(
                "The kernel crashed in the driver: {first}, called by {}.",
                self.task_name()
            ),
        };
        let mut answer = Answer::new(AnswerKind::Log, self.title(), what).with_cause(
            Some(Layer::Guest),
            "A fault of the driver, or a mismatch of driver and kernel: no message may cause this.",
        );
        answer.known = known_issues::of_line(&self.frames.join(" "), rules);
        answer
            .with_next(
                "Keep the whole trace with the kernel's version and report it to whoever \
                 builds the driver. A capture up to the crash (dxgtrace capture -b) shows the messages before it.",
            )
            .with_detail("kernel", escaped(self.headline.as_bytes()).to_string())
            .with_detail("call", calls)
            .with_detail("messages", messages)
    }
}

fn in_parentheses(calls: &str) -> String {
    match calls {
        "" => String::new(),
        calls => format!(" ({calls})"),
    }
}

fn pid_of(found: &regex::Captures<'_>) -> Option<u32> {
    found.name("pid")?.as_str().parse().ok()
}

/// A function name without a compiler's suffix, as in `f.isra.0`.
fn plain_function(function: &str) -> &str {
    function
        .split_once('.')
        .map_or(function, |(plain, _)| plain)
}

/// Whether a function belongs to the driver.
pub(super) fn is_driver(function: &str) -> bool {
    ["dxg", "hmgrtable_"]
        .iter()
        .any(|start| function.starts_with(start))
        || [
            "process_completion_packet",
            "process_inband_packet",
            "hmgrtable",
        ]
        .contains(&function)
}

/// Explains the function that `/proc/PID/wchan` shows.
pub(super) fn by_wchan(word: &str, rules: &[Rule]) -> Option<Answer> {
    let is_word = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_word || !is_driver(word) || word.starts_with("dxgkio_") {
        return None;
    }
    let mut trace = StackTrace::new(TraceReason::Listed);
    trace.frames.push(word.to_owned());
    Some(trace.explain(rules))
}
