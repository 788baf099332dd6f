//! Wall time of the kernel's monotonic time stamps.

use rustix::time::{ClockId, Timespec, clock_gettime};

const SAMPLES: usize = 8;

/// Between two readings of clocks that are compared, in nanoseconds.
const CLOSE: u64 = 10_000_000;
/// A shorter sleep of the system is none.
const NAP: u64 = 100_000_000;

/// Converts `CLOCK_MONOTONIC` as the probe stamps it to Unix time.
#[derive(Debug, Clone, Copy)]
pub(super) struct MonotonicClock {
    offset: u64,
    /// Before this time the offset was another.
    since: u64,
    before: u64,
    /// How long the system has slept since its start, as far as is known: the
    /// monotonic clock stands still then.
    asleep: u64,
    /// When that was looked at.
    looked: u64,
}

impl MonotonicClock {
    /// Measures the distance of both clocks; of a few tries the one with the
    /// least time in between counts. It stays, so that a step of the wall clock
    /// does not disorder the capture, except for sleep of the system.
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
        clock.asleep = nanoseconds(clock_gettime(ClockId::Boottime)).saturating_sub(monotonic());
        clock
    }

    fn fixed(offset: u64) -> Self {
        Self {
            offset,
            since: 0,
            before: offset,
            asleep: 0,
            looked: 0,
        }
    }

    /// Looks whether the system has slept since the last look. What is stamped
    /// from the last look on is then later by as much.
    pub(super) fn look(&mut self) {
        let now = monotonic();
        let boot = nanoseconds(clock_gettime(ClockId::Boottime));
        if monotonic().saturating_sub(now) < CLOSE {
            self.looked_at(now, boot);
        }
    }

    fn looked_at(&mut self, now: u64, boot: u64) {
        let asleep = boot.saturating_sub(now);
        let nap = asleep.saturating_sub(self.asleep);
        if nap > NAP {
            (self.before, self.since) = (self.offset, self.looked);
            self.offset = self.offset.saturating_add(nap);
            self.asleep = asleep;
        }
        self.looked = now;
    }

    /// A clock whose wall time is the monotonic time, whatever the system does.
    #[cfg(test)]
    pub(super) fn identity() -> Self {
        Self {
            asleep: u64::MAX,
            ..Self::fixed(0)
        }
    }

    /// Nanoseconds since 1970 of a monotonic time stamp.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        let offset = if monotonic < self.since {
            self.before
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
        clock.looked_at(10 * SECOND, 10 * SECOND);
        clock.looked_at(11 * SECOND, 11 * SECOND + 5_000_000);
        assert_eq!(clock.wall(11 * SECOND), 1011 * SECOND, "that was no sleep");
        clock.looked_at(12 * SECOND, 72 * SECOND);
        assert_eq!(clock.wall(10 * SECOND), 1010 * SECOND);
        assert_eq!(clock.wall(12 * SECOND), 1072 * SECOND);
        clock.looked_at(13 * SECOND, 73 * SECOND);
        assert_eq!(clock.wall(13 * SECOND), 1073 * SECOND);
        clock.looked_at(14 * SECOND, 84 * SECOND);
        assert_eq!(clock.wall(14 * SECOND), 1084 * SECOND);
    }

    #[test]
    fn the_clock_of_this_machine_is_the_wall_clock() {
        let mut clock = MonotonicClock::new();
        clock.look();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos() as u64);
        assert!(now.abs_diff(clock.wall(super::monotonic())) < SECOND);
    }
}
