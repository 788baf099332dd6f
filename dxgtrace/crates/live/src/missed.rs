//! Counts the runs of kprobes that the kernel skipped.
//!
//! The kernel skips a kprobe while another one runs on the same processor, and its
//! program while another program of that kind runs or a system call accesses a
//! map. Before Linux 6.7 it does not count the latter. But tracefs counts how often
//! an event was hit or missed, and the probe counts how often its programs ran.

use std::{thread::sleep, time::Duration};

use super::{
    counters::CounterMaps,
    kprobes::{self, Kprobe},
};

/// Attempts to find a moment without calls, in which both bounds are equal.
const TRIES: u32 = 100;
/// A kprobe that was hit has run within this time.
const PAUSE: Duration = Duration::from_micros(10);

/// Bounds of a number that changes while it is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
}

/// Missed runs, relative to a base that changes when events are added or removed.
/// `None` unless all `kprobes` are tracefs events.
pub(super) fn missed_runs(kprobes: &[&Kprobe], counters: &CounterMaps) -> Option<Bounds> {
    let mut bounds = Bounds {
        least: i64::MIN,
        most: i64::MAX,
    };
    for _ in 0..TRIES {
        let before = counters.kprobe_runs();
        let total = kprobes::hits_and_misses(kprobes)?;
        sleep(PAUSE);
        let after = counters.kprobe_runs();
        bounds.least = bounds.least.max(total.wrapping_sub(after).cast_signed());
        bounds.most = bounds.most.min(total.wrapping_sub(before).cast_signed());
        if bounds.least == bounds.most {
            break;
        }
    }
    Some(bounds)
}
