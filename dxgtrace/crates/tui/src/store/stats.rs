//! Counts per process and per channel, updated with every row.

use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_render::output::Histogram;
use dxgtrace_session::check::Severity;

use super::row::{NONE, PacketRow};

/// A group of packets that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatsGroup {
    /// All packets.
    All,
    /// The packets of a channel, by its index: an adapter or the global channel.
    Channel(u16),
    /// The packets of a process, by its index.
    Process(u32),
    /// The packets without a known process.
    Nobody,
}

/// Counts of one group.
#[derive(Debug, Clone, Default)]
pub struct GroupCounts {
    /// Number of packets.
    pub packets: u64,
    /// Length of their messages, in bytes.
    pub bytes: u64,
    /// Number of requests with a reply.
    pub exchanges: u64,
    /// Number of replies that the driver takes for a failure.
    pub failures: u64,
    /// Number of packets with a finding of severity warn or error.
    pub findings: u64,
    /// Time of the first packet, in nanoseconds since 1970.
    pub first: u64,
    /// Time of the last packet, in nanoseconds since 1970.
    pub last: u64,
    /// Times from request to reply, in nanoseconds.
    pub latencies: Histogram,
    recent: Recent,
}

impl GroupCounts {
    /// Packets per second between the first and the last packet.
    pub fn mean_rate(&self) -> f64 {
        let seconds = self.last.saturating_sub(self.first) as f64 / 1e9;
        if seconds > 0.0 {
            self.packets as f64 / seconds
        } else {
            0.0
        }
    }

    /// Number of packets in the second before `now`, in nanoseconds since 1970.
    pub fn rate(&self, now: u64) -> u64 {
        self.recent.rate(now)
    }
}

/// Counts per group.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    all: GroupCounts,
    channels: Vec<GroupCounts>,
    processes: Vec<GroupCounts>,
    nobody: GroupCounts,
}

/// Most channels and most processes that are counted separately.
const MAX_GROUPS: usize = 1 << 16;

impl Stats {
    /// Counts a row. `request` is the request of a reply.
    pub fn count(&mut self, row: &PacketRow, request: Option<&PacketRow>) {
        if matches!(row.kind(), RecordKind::Ioctl | RecordKind::Channel) {
            return;
        }
        let latency = request.map(|request| row.time().saturating_sub(request.time()));
        add(&mut self.all, row, latency);
        if row.kind() == RecordKind::Lost {
            return;
        }
        if let Some(counts) = at(&mut self.channels, usize::from(row.channel())) {
            add(counts, row, latency);
        }
        if row.process == NONE {
            add(&mut self.nobody, row, latency);
        } else if let Some(counts) = at(&mut self.processes, row.process as usize) {
            add(counts, row, latency);
        }
    }

    /// The counts of a group.
    pub fn of(&self, group: StatsGroup) -> Option<&GroupCounts> {
        match group {
            StatsGroup::All => Some(&self.all),
            StatsGroup::Channel(index) => self.channels.get(usize::from(index)),
            StatsGroup::Process(index) => self.processes.get(index as usize),
            StatsGroup::Nobody => Some(&self.nobody),
        }
    }

    /// The channels that have packets.
    pub fn channels(&self) -> impl Iterator<Item = (StatsGroup, &GroupCounts)> {
        let groups = self.channels.iter().enumerate();
        groups
            .filter(|(_, counts)| counts.packets > 0)
            .map(|(index, counts)| (StatsGroup::Channel(index as u16), counts))
    }

    /// The processes that have packets, and last [`StatsGroup::Nobody`].
    pub fn processes(&self) -> impl Iterator<Item = (StatsGroup, &GroupCounts)> {
        let groups = self.processes.iter().enumerate();
        groups
            .map(|(index, counts)| (StatsGroup::Process(index as u32), counts))
            .chain([(StatsGroup::Nobody, &self.nobody)])
            .filter(|(_, counts)| counts.packets > 0)
    }
}

fn at(list: &mut Vec<GroupCounts>, index: usize) -> Option<&mut GroupCounts> {
    if index >= list.len() && index < MAX_GROUPS {
        list.resize_with(index + 1, GroupCounts::default);
    }
    list.get_mut(index)
}

fn add(counts: &mut GroupCounts, row: &PacketRow, latency: Option<u64>) {
    if counts.packets == 0 {
        counts.first = row.time();
    }
    counts.packets += 1;
    counts.bytes += u64::from(row.bytes);
    counts.last = counts.last.max(row.time());
    counts.failures += u64::from(row.failed());
    counts.findings += u64::from(row.severity() >= Some(Severity::Warn));
    counts.recent.add(row.time());
    if let Some(latency) = latency {
        counts.exchanges += 1;
        counts.latencies.add(latency);
    }
}

/// Number of slots that the last second is divided into.
const SLOTS: usize = 16;
/// Length of a slot, in nanoseconds.
const SLOT: u64 = 1_000_000_000 / SLOTS as u64;

/// Numbers of packets in the slots of the last second.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    counts: [u32; SLOTS],
    slot: u64,
}

impl Recent {
    fn add(&mut self, time: u64) {
        self.go_to(time / SLOT);
        if let Some(count) = self.counts.get_mut((self.slot % SLOTS as u64) as usize) {
            *count += 1;
        }
    }

    fn go_to(&mut self, slot: u64) {
        let steps = slot.saturating_sub(self.slot).min(SLOTS as u64);
        for step in 1..=steps {
            let at = (slot - steps + step) % SLOTS as u64;
            if let Some(count) = self.counts.get_mut(at as usize) {
                *count = 0;
            }
        }
        self.slot = self.slot.max(slot);
    }

    fn rate(mut self, now: u64) -> u64 {
        self.go_to(now / SLOT);
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let mut recent = Recent::default();
        (0..2000).for_each(|ms| recent.add(5_000_000_000 + ms * 1_000_000));
        let rate = recent.rate(7_000_000_000);
        assert!((930..=1000).contains(&rate), "{rate}");
        assert_eq!(recent.rate(9_000_000_000), 0);
    }
}
