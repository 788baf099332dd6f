//! Reads the probe's counters.

use aya::{
    Ebpf,
    maps::{Array, MapData, PerCpuArray},
};
use dxgtrace_ebpf::record::{COUNTERS, LOST_RING_FULL, LOST_UNREADABLE};

use super::error::AttachError;
use dxgtrace_protocol::record::header::LostPackets;

/// Totals of a capture, counted by the probe and the kernel independently of the
/// packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveTotals {
    /// Calls of the send function, refused ones included.
    pub sends: u64,
    /// Returns of those calls.
    pub returns: u64,
    /// Packets handed to the driver.
    pub receives: u64,
    /// Sends in the capture whose return value is missing.
    pub returns_lost: u64,
    /// Calls of the driver's ioctl function.
    pub ioctls: u64,
    /// Returns of those calls.
    pub ioctl_ends: u64,
    /// Calls, on channels of any device, for which the kernel skipped a program:
    /// an upper bound of the calls of the driver that were missed. `None` if the
    /// kernel does not count them.
    pub skipped: Option<u64>,
    /// Lost packets, by cause.
    pub lost: LostPackets,
}

/// The probe's maps that hold its counters.
pub(super) struct CounterMaps {
    counters: PerCpuArray<MapData, [u64; COUNTERS]>,
    lost: Array<MapData, [u64; 2]>,
}

impl CounterMaps {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, AttachError> {
        let mut take = |name: &'static str| {
            ebpf.take_map(name)
                .ok_or(AttachError::Object(format!("the probe has no map {name}")))
        };
        Ok(Self {
            counters: PerCpuArray::try_from(take("COUNTERS")?).map_err(AttachError::from_map)?,
            // The probe's only mutable variable.
            lost: Array::try_from(take(".bss")?).map_err(AttachError::from_map)?,
        })
    }

    /// Packets lost because the ring was full or memory unreadable, each modulo
    /// 2^32 as in the records.
    pub(super) fn lost(&self) -> [u32; 2] {
        let lost = self.lost.get(&0, 0).unwrap_or_default();
        [lost[LOST_RING_FULL] as u32, lost[LOST_UNREADABLE] as u32]
    }

    /// Runs of kprobes and kretprobes.
    pub(super) fn kprobe_runs(&self) -> u64 {
        let [.., kprobes] = self.sums();
        kprobes
    }

    /// The totals that the probe counts.
    pub(super) fn totals(&self) -> LiveTotals {
        let [
            sends,
            returns,
            receives,
            returns_lost,
            ioctls,
            ioctl_ends,
            _,
        ] = self.sums();
        LiveTotals {
            sends,
            returns,
            receives,
            returns_lost,
            ioctls,
            ioctl_ends,
            ..LiveTotals::default()
        }
    }

    /// The counters, summed over all processors.
    fn sums(&self) -> [u64; COUNTERS] {
        let mut sums = [0; COUNTERS];
        if let Ok(values) = self.counters.get(&0, 0) {
            for value in values.iter() {
                for (sum, one) in sums.iter_mut().zip(value) {
                    *sum += one;
                }
            }
        }
        sums
    }
}
