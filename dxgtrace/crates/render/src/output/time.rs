//! Formats times.

use std::fmt::{self, Display};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use dxgtrace_session::entry::Entry;

/// The format of the time column.
#[derive(Debug, Clone)]
pub struct TimeColumn {
    format: TimeFormat,
    zone: Option<TimeZone>,
    after: DeltaBase,
}

/// The packet from which [`TimeFormat::Delta`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaBase {
    /// The previous packet of the capture.
    Captured,
    /// The previous packet that was shown.
    Shown,
}

impl TimeColumn {
    /// Formats times in UTC.
    pub fn new(format: TimeFormat, after: DeltaBase) -> Self {
        Self {
            format,
            zone: None,
            after,
        }
    }

    /// Formats dates and times of day in the local time zone.
    pub fn local(mut self) -> Self {
        self.zone = Some(TimeZone::system());
        self
    }

    /// Formats the time of an entry.
    pub fn text(&self, entry: &Entry<'_>) -> impl Display {
        let time = entry.packet.time;
        let time = self
            .zone
            .as_ref()
            .map_or(time, |zone| shift_to_zone(time, zone));
        let previous = match self.after {
            DeltaBase::Captured => entry.previous_captured,
            DeltaBase::Shown => entry.previous_shown,
        };
        self.format.text(time, entry.capture_start, previous)
    }
}

impl From<TimeFormat> for TimeColumn {
    fn from(format: TimeFormat) -> Self {
        Self::new(format, DeltaBase::Shown)
    }
}

/// Shifts a time so that its date and time of day in UTC are those of `zone`.
fn shift_to_zone(time: u64, zone: &TimeZone) -> u64 {
    let Ok(at) = Timestamp::from_nanosecond(i128::from(time)) else {
        return time;
    };
    let offset = i64::from(zone.to_offset(at).seconds()) * SECOND as i64;
    time.saturating_add_signed(offset)
}

/// The format of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Seconds since the first packet.
    #[default]
    Relative,
    /// Seconds since the previous packet.
    Delta,
    /// Seconds since 1970-01-01 UTC.
    Epoch,
    /// Time of day.
    Clock,
    /// Date and time of day.
    Date,
}

impl TimeFormat {
    /// Formats `time`. `first` and `previous` are the times from which relative formats
    /// count. All times are in nanoseconds since 1970-01-01 UTC.
    pub fn text(self, time: u64, first: u64, previous: u64) -> impl Display {
        TimeText {
            format: self,
            nanoseconds: match self {
                Self::Relative => time.saturating_sub(first),
                Self::Delta => time.saturating_sub(previous),
                Self::Epoch | Self::Clock | Self::Date => time,
            },
        }
    }
}

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

struct TimeText {
    format: TimeFormat,
    nanoseconds: u64,
}

impl Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.nanoseconds / SECOND, self.nanoseconds % SECOND);
        match self.format {
            TimeFormat::Relative | TimeFormat::Delta | TimeFormat::Epoch => {
                write!(f, "{seconds}.{rest:09}")
            }
            TimeFormat::Clock => write_clock(f, seconds, rest),
            TimeFormat::Date => {
                let (year, month, day) = date_of_day(seconds / DAY);
                write!(f, "{year:04}-{month:02}-{day:02} ")?;
                write_clock(f, seconds, rest)
            }
        }
    }
}

fn write_clock(f: &mut fmt::Formatter<'_>, seconds: u64, rest: u64) -> fmt::Result {
    let (hour, minute, second) = time_of_day(seconds);
    write!(f, "{hour:02}:{minute:02}:{second:02}.{rest:09}")
}

/// Hour, minute and second of a time in seconds.
fn time_of_day(seconds: u64) -> (u64, u64, u64) {
    let of_day = seconds % DAY;
    (of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Year, month and day of the day `days` after 1970-01-01, in the Gregorian calendar.
/// Years are counted from March, so that the leap day is the last day of the year.
fn date_of_day(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Formats a duration with a suitable unit.
pub fn duration(nanoseconds: u64) -> impl Display {
    struct Duration(u64);
    impl Display for Duration {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let ns = self.0;
            match ns {
                0..1_000 => write!(f, "{ns} ns"),
                1_000..1_000_000 => write!(f, "{}.{} us", ns / 1_000, ns % 1_000 / 100),
                1_000_000..SECOND => {
                    write!(f, "{}.{:02} ms", ns / 1_000_000, ns % 1_000_000 / 10_000)
                }
                _ => write!(f, "{}.{:03} s", ns / SECOND, ns % SECOND / 1_000_000),
            }
        }
    }
    Duration(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(date_of_day(0), (1970, 1, 1));
        assert_eq!(date_of_day(11_016), (2000, 2, 29));
        assert_eq!(date_of_day(11_017), (2000, 3, 1));
        assert_eq!(date_of_day(20_780), (2026, 11, 23));
    }

    #[test]
    fn a_zone_shifts_the_time_of_day() {
        let zone = TimeZone::fixed(jiff::tz::offset(-5));
        let time = shift_to_zone(20_780 * DAY * SECOND, &zone);
        let text = TimeFormat::Date.text(time, 0, 0).to_string();
        assert_eq!(text, "2026-11-22 19:00:00.000000000");
    }

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let text = [999, 1_500, 2_340_000, 3_004_000_000].map(|ns| duration(ns).to_string());
        assert_eq!(text, ["999 ns", "1.5 us", "2.34 ms", "3.004 s"]);
    }
}
