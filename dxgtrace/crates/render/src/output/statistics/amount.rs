//! Formats sizes and durations in at most five characters.

use std::io::{self, Write};

/// Formats a number of bytes: `512`, `1.5K`, `37M`.
pub fn bytes(count: u64) -> String {
    scaled(u128::from(count), 1024, &["", "K", "M", "G", "T", "P", "E"])
}

/// Formats a duration: `812ns`, `1.5us`, `37ms`, `2.4s`. From ten thousand seconds on, in
/// hours.
pub fn time(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let seconds = nanoseconds / SECOND;
    match seconds {
        0..10 => scaled(u128::from(nanoseconds), 1000, &["ns", "us", "ms", "s"]),
        10..10_000 => format!("{seconds}s"),
        _ => format!("{}h", seconds / 3600),
    }
}

/// Formats `value` in the largest unit that is not greater, with one decimal place if the
/// result is below ten.
fn scaled(value: u128, step: u128, units: &[&str]) -> String {
    let mut size = 1;
    let mut units = units.iter().peekable();
    let mut unit = units.next().copied().unwrap_or_default();
    while value >= size * step
        && let Some(larger) = units.next()
    {
        size *= step;
        unit = larger;
    }
    let tenths = value * 10 / size;
    match size {
        1 => format!("{value}{unit}"),
        _ if tenths < 100 => format!("{}.{}{unit}", tenths / 10, tenths % 10),
        _ => format!("{}{unit}", tenths / 10),
    }
}

/// Writes how many of `count` lines are not listed, if more than `shown` exist.
pub(in crate::output) fn write_more(
    out: &mut impl Write,
    count: usize,
    shown: usize,
) -> io::Result<()> {
    match count.checked_sub(shown).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "{:>16}and {more} more", ""),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_suits_them() {
        let text = [0, 1_023, 1_024, 1_536, 37 << 20, u64::MAX].map(bytes);
        assert_eq!(text, ["0", "1023", "1.0K", "1.5K", "37M", "15E"]);
    }

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let text = [
            0,
            999,
            1_500,
            37_400_000,
            2_440_000_000,
            61_000_000_000,
            u64::MAX,
        ];
        let text = text.map(time);
        let expected = ["0ns", "999ns", "1.5us", "37ms", "2.4s", "61s", "5124095h"];
        assert_eq!(text, expected);
    }
}
