//! Wall time of the kernel's monotonic time stamps.

use rustix::time::{ClockId, Timespec, clock_gettime};

const SAMPLES: usize = 8;

/// Converts `CLOCK_MONOTONIC` as the probe stamps it to Unix time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    offset: u64,
}

impl Clock {
    /// Measures the distance of both clocks; of a few tries the one with the
    /// least time in between counts. It stays fixed, so that a step of the
    /// wall clock does not disorder the capture.
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
        Self { offset: best.1 }
    }

    /// A clock whose wall time is the monotonic time.
    #[cfg(test)]
    pub(super) fn identity() -> Self {
        Self { offset: 0 }
    }

    /// Nanoseconds since 1970 of a monotonic time stamp.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        monotonic.saturating_add(self.offset)
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
