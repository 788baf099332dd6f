//! Lines of the kernel log.

use regex::Captures;

use super::answer::{Answer, AnswerKind};
use super::log_shapes::{SHAPES, unaliased};
use super::number::NumberReading;
use super::{errno, handle, ioctl, known};
use crate::rules::Rule;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::table;

/// Whether the line is of this driver at all.
pub(super) fn is_ours(line: &str) -> bool {
    line.contains("dxgk") || line.contains("dxgvm") || line.contains("misc dxg:")
}

/// What distinguishes a line from others of its kind: which kind, and what it
/// tells. `None` if the kind is not known.
pub(super) fn key(line: &str) -> Option<String> {
    let (index, captures) = recognise(line)?;
    let mut key = index.to_string();
    for name in ["function", "step", "errno", "errno2", "errno3", "hexerrno"] {
        key.push(' ');
        key.push_str(captures.name(name).map_or("", |found| found.as_str()));
    }
    Some(key)
}

/// What a line means.
pub(super) fn line(line: &str, rules: &[Rule]) -> Option<Answer> {
    let (index, captures) = recognise(line)?;
    let entry = &SHAPES.lines.get(index)?.entry;
    let text = captures.get(0).map_or("", |found| found.as_str());
    let mut answer = Answer::new(
        AnswerKind::Log,
        escaped(text.as_bytes()).to_string(),
        &*entry.what,
    );
    let function = captures.name("function").map(|found| found.as_str());
    let errno = errno_of(&captures).and_then(errno::find);
    let (messages, calls) = function
        .or(entry.function.as_deref())
        .map(sources)
        .unwrap_or_default();
    if let Some(cause) = &entry.cause {
        answer = answer.cause(entry.layer, &**cause);
    } else if let Some(errno) = errno {
        for why in &errno.causes {
            answer = answer.cause(Some(why.layer), &*why.text);
        }
    }
    answer.next = match (&entry.next, errno) {
        (Some(next), _) => next.clone(),
        (None, Some(errno)) => errno.next.clone(),
        (None, None) => String::new(),
    };
    answer = answer.more("call", calls).more("messages", messages);
    if let Some(errno) = errno {
        let title = format!("-{} {}: {}", errno.number, errno.name(), errno.what);
        answer = answer
            .more("errno", title)
            .more("statuses", errno::statuses(errno.number));
    }
    if let Some(handle) = captures.name("handle") {
        let digits = format!("0x{}", handle.as_str());
        let decoded = NumberReading::readings(&digits).into_iter().next();
        if let Some(decoded) = decoded.and_then(handle::by_number) {
            answer = answer.more("handle", format!("{} {}", decoded.name, decoded.what));
        }
    }
    answer.known = known::of_line(line, rules);
    Some(answer)
}

fn recognise(line: &str) -> Option<(usize, Captures<'_>)> {
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
fn sources(function: &str) -> (String, String) {
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
    let message = table::by_name(name).or_else(|| {
        let wanted = super::message::plain(&unaliased(name));
        table::all().find(|message| super::message::plain(message.name) == wanted)
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
            "nothing: the driver answers it by itself"
        );
        assert_eq!(sources("no_such_function"), (String::new(), String::new()));
    }
}
