//! Explains strace output: ioctls of `/dev/dxg` in the spellings that strace
//! uses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::IOCTLS;
use regex::{Captures, Regex};

use super::answer::Answer;
use super::number::NumberReading;
use super::{errno, ioctl};

/// The driver's ioctl type: the second byte of its request numbers.
const IOCTL_TYPE: u32 = 0x47;
/// `STATUS_PENDING`, which the driver returns unchanged.
pub(super) const PENDING: i64 = 259;
/// Maximum number of threads whose unfinished call is kept.
const UNFINISHED_MAX: usize = 4096;

/// An ioctl of the driver in strace output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TracedIoctl {
    /// The ioctl's number.
    pub(super) number: u8,
    /// The result of the call, negative for an errno; `None` if it has not
    /// returned.
    pub(super) result: Option<i64>,
}

/// Joins the two lines of a call that strace printed in two parts.
#[derive(Debug, Default)]
pub(super) struct StraceCalls {
    /// The number of the unfinished ioctl of each thread.
    unfinished: BTreeMap<String, u8>,
}

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?P<before>.*?)\bioctl\(\d+(?:<[^>]*>)?, *(?:",
        r"_IOC\((?P<dir>[^,)]*), *(?P<type>0x[[:xdigit:]]+|\d+|'.')[^,]*, *(?P<nr>0x[[:xdigit:]]+|\d+), *[^)]*\)",
        r"|_IO[RW]{0,2}\((?P<type2>0x[[:xdigit:]]+|\d+|'.')[^,]*, *(?P<nr2>0x[[:xdigit:]]+|\d+)[^)]*\)",
        r"|(?P<request>0x[[:xdigit:]]{8})",
        r")(?P<after>.*)$",
    ))
    .ok()
});
static RESUMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?P<before>.*?)<\.\.\. ioctl resumed>(?P<after>.*)$").ok());
static RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"= *(?P<value>-?\d+|\?)(?: +(?P<errno>E[A-Z0-9]+))?").ok());

impl StraceCalls {
    /// The driver's ioctl in a line. An unfinished call is returned when it is
    /// resumed.
    pub(super) fn push_line(&mut self, line: &str) -> Option<TracedIoctl> {
        if let Some(found) = RESUMED.as_ref().and_then(|regex| regex.captures(line)) {
            let number = self.unfinished.remove(&thread_of(&found))?;
            let result = result_of(&found);
            return Some(TracedIoctl { number, result });
        }
        let found = CALL.as_ref().and_then(|regex| regex.captures(line))?;
        let number = number_of(&found)?;
        let after = found.name("after").map_or("", |text| text.as_str());
        if after.contains("<unfinished ...>") {
            if self.unfinished.len() < UNFINISHED_MAX {
                self.unfinished.insert(thread_of(&found), number);
            }
            return None;
        }
        let result = result_of(&found);
        Some(TracedIoctl { number, result })
    }

    /// The calls that had not returned at the end of the log.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = TracedIoctl> + use<'_> {
        let numbers = self.unfinished.values();
        numbers.map(|number| TracedIoctl {
            number: *number,
            result: None,
        })
    }
}

/// The thread of a line: `[pid 123]` or `123`, without the time.
fn thread_of(found: &Captures<'_>) -> String {
    let before = found.name("before").map_or("", |text| text.as_str());
    let digits = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = before.split([' ', '[', ']']).filter(digits);
    words.next().unwrap_or("").to_owned()
}

fn number_of(found: &Captures<'_>) -> Option<u8> {
    let read = |name: &str| found.name(name).map(|text| text.as_str());
    let value = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    if let Some(request) = read("request").and_then(value) {
        let (kind, direction) = (request >> 8 & 0xff, request >> 30);
        return (kind == IOCTL_TYPE && direction == 3).then_some(request as u8);
    }
    let kind = read("type").or(read("type2"))?;
    let kind = match kind.strip_prefix('\'') {
        Some(letter) => letter.chars().next().map(u32::from),
        None => value(kind),
    };
    let number = read("nr").or(read("nr2")).and_then(value)?;
    u8::try_from(number)
        .ok()
        .filter(|_| kind == Some(IOCTL_TYPE))
}

fn result_of(found: &Captures<'_>) -> Option<i64> {
    let after = found.name("after").map_or("", |text| text.as_str());
    // Arguments may also hold an equals sign, so the last match counts.
    let result = RESULT.as_ref()?.captures_iter(after).last()?;
    if let Some(name) = result.name("errno") {
        return table::errno::number(name.as_str()).map(|number| -i64::from(number));
    }
    result.name("value")?.as_str().parse().ok()
}

/// Explains a call and its result.
pub(super) fn answer(call: TracedIoctl) -> Answer {
    let reading = NumberReading {
        value: call.number.into(),
        hex: false,
        negative: false,
    };
    let unknown = || {
        Answer::new(
            super::answer::AnswerKind::Ioctl,
            format!("ioctl {:#04x} of /dev/dxg", call.number),
            "An ioctl with a number that no public driver knows.",
        )
        .with_cause(
            Some(dxgtrace_session::check::Layer::Library),
            "The library is newer than the public drivers, or probes for features.",
        )
        .with_next("Compare library and driver version.")
    };
    let known = IOCTLS.iter().find(|ioctl| ioctl.number == call.number);
    let mut answer = known
        .and_then(|_| ioctl::by_number(reading))
        .unwrap_or_else(unknown);
    let function = known.map_or("The ioctl", |ioctl| ioctl.function);
    match call.result {
        None => answer.what = format!("{function} had not returned when the log ended."),
        Some(PENDING) => {
            answer.what = format!(
                "{function} returned 259, which is the host's STATUS_PENDING: success, and a fence \
                 tells when the work is done."
            );
            answer.causes.clear();
            answer.next.clear();
        }
        Some(value) if value >= 0 => {
            answer.what = format!("{function} succeeded ({value}).");
            answer.causes.clear();
            answer.next.clear();
        }
        Some(value) => {
            let number = u32::try_from(value.unsigned_abs()).unwrap_or(0);
            answer = errno::apply_errno(answer, function, number);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(u8, Option<i64>)> {
        let call = StraceCalls::default().push_line(line)?;
        Some((call.number, call.result))
    }

    #[test]
    fn every_spelling_of_a_call_is_read() {
        for line in [
            "ioctl(3, _IOC(_IOC_READ|_IOC_WRITE, 0x47, 0x9, 0x18), 0x7ffe) = -1 EINVAL (Invalid argument)",
            "[pid  4242] 12:01:02.123456 ioctl(3</dev/dxg>, 0xc0184709, 0x7ffe) = -1 EINVAL (Invalid argument)",
            "4242  ioctl(3, _IOWR(0x47, 0x9, 0x18), 0x7ffe) = -1 EINVAL (Invalid argument) <0.000012>",
            "ioctl(17, _IOC(_IOC_READ|_IOC_WRITE, 'G', 9, 0x18), 0x7ffe) = -1 EINVAL (Invalid argument)",
        ] {
            assert_eq!(read(line), Some((9, Some(-22))), "{line}");
        }
        assert_eq!(
            read("ioctl(3, _IOC(_IOC_READ|_IOC_WRITE, 0x47, 0xc, 0x68), 0x7f) = 259"),
            Some((0xc, Some(259)))
        );
        for line in [
            "ioctl(3, TCGETS, 0x7ffe) = 0",
            "ioctl(3, _IOC(_IOC_READ, 0x54, 0x1, 0), 0) = 0",
            "ioctl(3, 0xc0185409, 0x7ffe) = 0",
            "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0}) = 0",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_call_in_two_lines_is_joined_by_its_thread() {
        let mut calls = StraceCalls::default();
        let first =
            "[pid 7] ioctl(3, _IOC(_IOC_READ|_IOC_WRITE, 0x47, 0x3a, 0x28), 0x1 <unfinished ...>";
        assert_eq!(calls.push_line(first), None);
        assert_eq!(calls.push_line("[pid 8] <... ioctl resumed>) = 0"), None);
        assert_eq!(calls.unfinished().count(), 1);
        let end = calls.push_line("[pid 7] <... ioctl resumed>) = ? ERESTARTSYS (To be restarted)");
        assert_eq!(
            end,
            Some(TracedIoctl {
                number: 0x3a,
                result: Some(-512)
            })
        );
        assert_eq!(calls.unfinished().count(), 0);
    }
}
