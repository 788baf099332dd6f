//! Converts the kernel's monotonic time stamps to wall time.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Readings of both clocks of which the closest pair is used.
const SAMPLES: usize = 8;

/// Two clocks are compared only if less time than this passes between their
/// readings, in nanoseconds.
const READING_GAP_MAX: u64 = 10_000_000;
/// Shorter suspends of the system are ignored, in nanoseconds.
const SUSPEND_MIN: u64 = 100_000_000;

/// Converts `CLOCK_MONOTONIC` as the probe stamps it to Unix time.
#[derive(Debug, Clone, Copy)]
pub(super) struct MonotonicClock {
    offset: u64,
    /// Monotonic time from which `offset` applies; `offset_before` applies until then.
    offset_since: u64,
    offset_before: u64,
    /// Time that the system has been suspended, in nanoseconds. The monotonic
    /// clock does not count it.
    suspended: u64,
    /// Monotonic time of the last check for a suspend.
    checked_at: u64,
}

impl MonotonicClock {
    /// Measures the offset of the wall clock. It stays the same, so that a step of
    /// the wall clock does not disorder the capture; only suspends of the system
    /// change it.
    pub(super) fn new() -> Self {
        let mut best = (u64::MAX, 0);
        for _ in 0..SAMPLES {
            let before = monotonic();
            let wall = nanoseconds(clock_gettime(ClockId::Realtime));
            let between = monotonic().saturating_sub(before);
            if between < best.0 {
                best = (between, wall.saturating_sub(before + between / 2));
            }
        }
        let mut clock = Self::fixed(best.1);
        clock.suspended = nanoseconds(clock_gettime(ClockId::Boottime)).saturating_sub(monotonic());
        clock
    }

    fn fixed(offset: u64) -> Self {
        Self {
            offset,
            offset_since: 0,
            offset_before: offset,
            suspended: 0,
            checked_at: 0,
        }
    }

    /// Checks whether the system was suspended since the last check. If so, time
    /// stamps from the last check on are later by the time of the suspend.
    pub(super) fn check_suspend(&mut self) {
        let now = monotonic();
        let boot = nanoseconds(clock_gettime(ClockId::Boottime));
        if monotonic().saturating_sub(now) < READING_GAP_MAX {
            self.on_readings(now, boot);
        }
    }

    fn on_readings(&mut self, now: u64, boot: u64) {
        let suspended = boot.saturating_sub(now);
        let suspend = suspended.saturating_sub(self.suspended);
        if suspend > SUSPEND_MIN {
            (self.offset_before, self.offset_since) = (self.offset, self.checked_at);
            self.offset = self.offset.saturating_add(suspend);
            self.suspended = suspended;
        }
        self.checked_at = now;
    }

    /// A clock whose wall time is always the monotonic time.
    #[cfg(test)]
    pub(super) fn identity() -> Self {
        Self {
            suspended: u64::MAX,
            ..Self::fixed(0)
        }
    }

    /// Converts a monotonic time stamp to nanoseconds since 1970.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        let offset = if monotonic < self.offset_since {
            self.offset_before
        } else {
            self.offset
        };
        monotonic.saturating_add(offset)
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub(super) fn monotonic() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::MonotonicClock;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn after_a_sleep_of_the_system_times_are_right_again_and_in_order() {
        let mut clock = MonotonicClock::fixed(1000 * SECOND);
        clock.on_readings(10 * SECOND, 10 * SECOND);
        clock.on_readings(11 * SECOND, 11 * SECOND + 5_000_000);
        assert_eq!(clock.wall(11 * SECOND), 1011 * SECOND, "that was no sleep");
        clock.on_readings(12 * SECOND, 72 * SECOND);
        assert_eq!(clock.wall(10 * SECOND), 1010 * SECOND);
        assert_eq!(clock.wall(12 * SECOND), 1072 * SECOND);
        clock.on_readings(13 * SECOND, 73 * SECOND);
        assert_eq!(clock.wall(13 * SECOND), 1073 * SECOND);
        clock.on_readings(14 * SECOND, 84 * SECOND);
        assert_eq!(clock.wall(14 * SECOND), 1084 * SECOND);
    }

    #[test]
    fn the_clock_of_this_machine_is_the_wall_clock() {
        let mut clock = MonotonicClock::new();
        clock.check_suspend();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos() as u64);
        assert!(now.abs_diff(clock.wall(super::monotonic())) < SECOND);
    }
}
