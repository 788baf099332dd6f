//! Explains lines of the kernel log.

use regex::Captures;

use super::answer::{Answer, AnswerKind};
use super::log_shapes::{SHAPES, unaliased};
use super::number::NumberReading;
use super::{errno, handle, ioctl, known_issues, status};
use crate::rules::Rule;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::table;

/// Whether the line was logged by this driver.
pub(super) fn is_driver_line(line: &str) -> bool {
    line.contains("dxgk") || line.contains("dxgvm") || line.contains("misc dxg:")
}

/// The properties of a line that grouping needs.
#[derive(Debug)]
pub(super) struct LineFacts {
    /// The key of its group: its kind, and the values in it.
    pub(super) key: String,
    /// The errno in it, positive.
    pub(super) errno: Option<u32>,
    /// Whether it reports a failure.
    pub(super) is_failure: bool,
    /// Whether it is the last line of a failed ioctl.
    pub(super) is_ioctl: bool,
    /// Part of the name of the ioctl function that fails because of it, with
    /// whatever errno.
    pub(super) leads_to: Option<&'static str>,
}

/// The properties of a line of a known kind.
pub(super) fn line_facts(line: &str) -> Option<LineFacts> {
    let (index, captures) = match_shape(line)?;
    let entry = &SHAPES.lines.get(index)?.entry;
    let function = captures.name("function").map_or("", |found| found.as_str());
    Some(LineFacts {
        key: group_key(line)?,
        errno: errno_of(&captures),
        is_failure: !entry.info,
        is_ioctl: function.starts_with("dxgkio_") && line.contains("Ioctl failed"),
        leads_to: entry.leads_to.as_deref(),
    })
}

/// The key of a line's group: its kind, and the values in it. `None` if the
/// kind is not known.
fn group_key(line: &str) -> Option<String> {
    let (index, captures) = match_shape(line)?;
    let mut key = index.to_string();
    for name in [
        "function", "step", "errno", "errno2", "errno3", "hexerrno", "status", "number",
    ] {
        key.push(' ');
        key.push_str(captures.name(name).map_or("", |found| found.as_str()));
    }
    Some(key)
}

/// Explains a line.
pub(super) fn explain_line(line: &str, rules: &[Rule]) -> Option<Answer> {
    let (index, captures) = match_shape(line)?;
    let entry = &SHAPES.lines.get(index)?.entry;
    let text = captures.get(0).map_or("", |found| found.as_str());
    let mut answer = Answer::new(
        AnswerKind::Log,
        escaped(text.as_bytes()).to_string(),
        &*entry.what,
    );
    let function = captures.name("function").map(|found| found.as_str());
    let number = errno_of(&captures);
    let errno = number.and_then(errno::find);
    let (messages, calls) = function
        .or(entry.function.as_deref())
        .map(sources)
        .unwrap_or_default();
    if let Some(cause) = &entry.cause {
        answer = answer.with_cause(entry.layer, &**cause);
    } else if let Some(errno) = errno {
        for why in &errno.causes {
            answer = answer.with_cause(Some(why.layer), &*why.text);
        }
    }
    answer.next = match (&entry.next, errno) {
        (Some(next), _) => next.clone(),
        (None, Some(errno)) => errno.next.clone(),
        (None, None) => String::new(),
    };
    answer = answer
        .with_detail("call", calls)
        .with_detail("messages", messages);
    if let Some(errno) = errno {
        let title = format!("-{} {}: {}", errno.number, errno.name(), errno.what);
        answer = answer
            .with_detail("errno", title)
            .with_detail("statuses", errno::statuses(errno.number));
    } else if let Some(name) = number.and_then(table::errno::name) {
        let number = number.unwrap_or_default();
        answer = answer.with_detail("errno", format!("-{number} {name}"));
    }
    if let Some(status) = captures.name("status") {
        let reading = NumberReading::readings(status.as_str()).into_iter().next();
        if let Some(status) = reading.and_then(status::by_number) {
            answer = answer.with_detail("status", format!("{}: {}", status.name, status.what));
        }
    }
    if let Some(number) = captures.name("number") {
        let number = format!("0x{}", number.as_str());
        let reading = NumberReading::readings(&number).into_iter().next();
        if let Some(ioctl) = reading.and_then(ioctl::by_number) {
            answer = answer.with_detail("ioctl", ioctl.name);
        }
    }
    if let Some(handle) = captures.name("handle") {
        let digits = format!("0x{}", handle.as_str());
        let decoded = NumberReading::readings(&digits).into_iter().next();
        if let Some(decoded) = decoded.and_then(handle::by_number) {
            answer = answer.with_detail("handle", format!("{} {}", decoded.name, decoded.what));
        }
    }
    answer.known = known_issues::of_line(line, rules);
    Some(answer)
}

fn match_shape(line: &str) -> Option<(usize, Captures<'_>)> {
    SHAPES
        .lines
        .iter()
        .enumerate()
        .find_map(|(index, shape)| Some((index, shape.pattern.captures(line)?)))
}

fn errno_of(captures: &Captures<'_>) -> Option<u32> {
    let find = |name| captures.name(name).map(|found| found.as_str());
    let decimal = ["errno", "errno2", "errno3"].into_iter().find_map(find);
    if let Some(digits) = decimal {
        return digits.trim_start_matches('-').parse().ok();
    }
    let digits = find("hexerrno")?;
    u32::from_str_radix(digits, 16).ok().map(u32::wrapping_neg)
}

/// The messages that a function of the driver sends, and the library's calls
/// that lead to it, both as text.
pub(super) fn sources(function: &str) -> (String, String) {
    let calls = ioctl::find(function);
    if !calls.is_empty() {
        let names: Vec<String> = calls
            .iter()
            .map(|ioctl| format!("{} ({:#04x})", ioctl.function, ioctl.number))
            .collect();
        let messages: Vec<String> = calls.iter().map(|ioctl| ioctl::sends(ioctl)).collect();
        return (messages.join(", "), names.join(", "));
    }
    let name = function.strip_prefix("dxgvmb_").unwrap_or(function);
    let name = name.strip_prefix("send_").unwrap_or(name);
    let name = SHAPES.messages.get(name).map_or(name, String::as_str);
    let message = table::by_name(name).or_else(|| {
        let wanted = super::message::normalized_name(&unaliased(name));
        table::all().find(|message| super::message::normalized_name(message.name) == wanted)
    });
    (
        message.map_or(String::new(), |message| message.name.to_owned()),
        String::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_data_file_is_in_use() {
        let (used, written) = super::super::log_shapes::counts();
        assert_eq!(used, written);
        assert!(written > 10);
    }

    #[test]
    fn every_name_of_the_data_file_leads_somewhere() {
        for (name, function) in &SHAPES.ioctls {
            let found = ioctl::find(&format!("dxgkio_{name}"));
            assert!(
                found.iter().any(|ioctl| ioctl.function == function),
                "{name}"
            );
        }
        for message in SHAPES.messages.values() {
            assert!(table::by_name(message).is_some(), "{message}");
        }
    }

    #[test]
    fn functions_of_the_driver_are_traced_to_calls_and_messages() {
        let make_resident = sources("dxgkio_make_resident");
        assert_eq!(make_resident.0, "make_resident");
        assert!(make_resident.1.contains("D3DKMTMakeResident"));
        assert_eq!(sources("dxgvmb_send_create_process").0, "create_process");
        assert_eq!(sources("send_create_allocation").0, "create_allocation");
        assert_eq!(
            sources("dxgkio_reserve_gpu_va").0,
            "reserve_gpu_virtual_address"
        );
        assert_eq!(
            sources("dxgkio_enum_adapters3").0,
            "none: the driver handles it without the host"
        );
        assert_eq!(sources("no_such_function"), (String::new(), String::new()));
    }
}
