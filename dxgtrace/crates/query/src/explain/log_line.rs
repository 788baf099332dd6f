//! Splits a log line into time, repeat count and text.

use std::sync::LazyLock;

use regex::Regex;

/// The time of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogTime {
    /// The time as written in the line.
    pub(super) text: String,
    /// Seconds since boot, or since midnight of the log's day; only for
    /// comparing with other lines of the same log.
    pub(super) seconds: f64,
}

/// The parts of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogLine<'a> {
    pub(super) time: Option<LogTime>,
    /// What was logged, without time, host and facility.
    pub(super) text: &'a str,
    /// The number of events that the line stands for: syslog folds equal lines
    /// into `message repeated N times: [...]`.
    pub(super) count: u64,
}

/// Patterns of the library or this file are constants, so a failure is one of
/// a test; then nothing matches.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

/// `[ 6405.113912]`, perhaps after a facility of `dmesg -x` or a `<6>`.
static BOOT_TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^(?:<\d+>|\w+ *: *\w+ *: *)?\[ *(?P<seconds>\d+\.\d+)\]\s*"));
/// The time of day in journalctl, syslog and `dmesg -T`, and what precedes the
/// text.
static CLOCK_TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^\[?(?P<date>\w{3} +(?:\w{3} +)?\d+ |\d{4}-\d\d-\d\d[T ])(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d(?:[.,]\d+)?)(?P<rest>[^ \]]*(?: \d{4})?)\]?\s*",
    )
});
/// `host kernel: [  12.345]`, after a time of day.
static SOURCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^\S+ kernel(?:\[\d+\])?: (?:\[ *\d+\.\d+\] )?"));
static REPEATED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"message repeated (?P<count>\d+) times: \[ ?(?P<text>.*?)\]?$"));

impl<'a> LogLine<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let (time, text) = split_time(line.trim_end());
        let repeated = REPEATED.as_ref().and_then(|regex| regex.captures(text));
        let counted = repeated.as_ref().and_then(|found| {
            let count = found.name("count")?.as_str().parse().ok()?;
            Some((count, found.name("text")?.as_str()))
        });
        let (count, text) = counted.unwrap_or((1, text));
        Self { time, text, count }
    }
}

fn split_time(line: &str) -> (Option<LogTime>, &str) {
    if let Some(found) = BOOT_TIME.as_ref().and_then(|regex| regex.captures(line)) {
        let number = found.name("seconds").map_or("", |text| text.as_str());
        let time = LogTime {
            text: number.to_owned(),
            seconds: number.parse().unwrap_or(0.0),
        };
        return (Some(time), rest(line, &found));
    }
    let Some(found) = CLOCK_TIME.as_ref().and_then(|regex| regex.captures(line)) else {
        return (None, line.trim_start());
    };
    let part = |name: &str| found.name(name).map_or("", |text| text.as_str());
    let number = |name: &str| part(name).replace(',', ".").parse::<f64>().unwrap_or(0.0);
    let time = LogTime {
        text: format!(
            "{}{}:{}:{}",
            part("date"),
            part("hour"),
            part("minute"),
            part("second")
        ),
        seconds: number("hour") * 3600.0 + number("minute") * 60.0 + number("second"),
    };
    let text = rest(line, &found);
    let source = SOURCE.as_ref().and_then(|regex| regex.find(text));
    let text = source.map_or(text, |found| text.get(found.end()..).unwrap_or(text));
    (Some(time), text)
}

/// What follows a match at the start of a line.
fn rest<'a>(line: &'a str, found: &regex::Captures<'_>) -> &'a str {
    let end = found.get(0).map_or(0, |whole| whole.end());
    line.get(end..).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn times_of_every_kind_of_log_are_split_off() {
        for (line, time, seconds) in [
            ("[ 6405.113912] misc dxg: x", "6405.113912", 6_405.113_912),
            ("<4>[    1.500000] misc dxg: x", "1.500000", 1.5),
            (
                "kern  :err   : [   12.250000] misc dxg: x",
                "12.250000",
                12.25,
            ),
            (
                "Sep 15 09:05:00 box kernel: misc dxg: x",
                "Sep 15 09:05:00",
                32700.0,
            ),
            (
                "Sep 15 09:05:00 box kernel: [  12.345678] misc dxg: x",
                "Sep 15 09:05:00",
                32700.0,
            ),
            (
                "2026-01-21T08:54:23.500000+00:00 HOST kernel: misc dxg: x",
                "2026-01-21T08:54:23.500000",
                32063.5,
            ),
            (
                "[Sat Nov 28 09:20:33 2026] misc dxg: x",
                "Sat Nov 28 09:20:33",
                33633.0,
            ),
        ] {
            let parsed = LogLine::parse(line);
            assert_eq!(parsed.text, "misc dxg: x", "{line}");
            let found = parsed.time.unwrap();
            assert_eq!(found.text, time);
            assert!((found.seconds - seconds).abs() < 1e-6, "{line}");
        }
        assert_eq!(LogLine::parse("  misc dxg: x ").text, "misc dxg: x");
        assert!(LogLine::parse("misc dxg: x").time.is_none());
    }

    #[test]
    fn folded_lines_count_for_as_many_as_they_stand_for() {
        let line = "Jan 21 08:54:23 HOST kernel: message repeated 16 times: [ misc dxg: y: -2]";
        let parsed = LogLine::parse(line);
        assert_eq!((parsed.text, parsed.count), ("misc dxg: y: -2", 16));
        assert_eq!(LogLine::parse("misc dxg: y").count, 1);
    }
}
