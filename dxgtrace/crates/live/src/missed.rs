//! Runs of kprobes that the kernel missed.
//!
//! The kernel skips a kprobe where another one runs on the processor, and its
//! program where any other of that kind runs or a map is asked. Before Linux 6.7
//! it does not count the latter; but of an event of the trace file system it
//! always says how often it was reached or missed, and the probe how often it ran.

use std::{thread::sleep, time::Duration};

use super::{
    counters::CounterMaps,
    kprobes::{self, Kprobe},
};

/// Times to look for a moment without calls, when both bounds are the same.
const TRIES: u32 = 100;
/// What was reached runs within microseconds.
const PAUSE: Duration = Duration::from_micros(10);

/// A number that changes while it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
}

/// Missed runs, relative to a baseline that changes when events are added or
/// removed. `None` if not all kprobes are events, or there are none.
pub(super) fn missed_runs(kprobes: &[&Kprobe], counters: &CounterMaps) -> Option<Bounds> {
    let mut bounds = Bounds {
        least: i64::MIN,
        most: i64::MAX,
    };
    for _ in 0..TRIES {
        let before = counters.kprobes();
        let due = kprobes::due(kprobes)?;
        sleep(PAUSE);
        let after = counters.kprobes();
        bounds.least = bounds.least.max(due.wrapping_sub(after).cast_signed());
        bounds.most = bounds.most.min(due.wrapping_sub(before).cast_signed());
        if bounds.least == bounds.most {
            break;
        }
    }
    Some(bounds)
}
