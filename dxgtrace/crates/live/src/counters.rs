//! The probe's own counts.

use aya::{
    Ebpf,
    maps::{Array, MapData, PerCpuArray},
};
use dxgtrace_ebpf::record::{COUNTERS, LOST_RING_FULL, LOST_UNREADABLE};

use super::error::AttachError;
use dxgtrace_protocol::record::header::LostPackets;

/// What a capture has seen, counted independently of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveTotals {
    /// Calls of the send function, refused ones included.
    pub sends: u64,
    /// Ends of such calls.
    pub returns: u64,
    /// Packets handed to the driver.
    pub receives: u64,
    /// Sends whose return value is missing; the packets themselves are there.
    pub returns_lost: u64,
    /// Ioctls of the driver that began.
    pub ioctls: u64,
    /// Those of them whose end was seen.
    pub ioctl_ends: u64,
    /// Calls on channels of any device for which the kernel did not run a
    /// program: at most so many of the driver's. `None` if it does not tell.
    pub skipped: Option<u64>,
    /// Packets that are missing, by cause.
    pub lost: LostPackets,
}

/// The maps that hold the counts.
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
            counters: PerCpuArray::try_from(take("COUNTERS")?).map_err(AttachError::map)?,
            // The probe's only mutable variable.
            lost: Array::try_from(take(".bss")?).map_err(AttachError::map)?,
        })
    }

    /// Packets lost so far: ring full and unreadable, modulo 2^32 as in the records.
    pub(super) fn lost(&self) -> [u32; 2] {
        let lost = self.lost.get(&0, 0).unwrap_or_default();
        [lost[LOST_RING_FULL] as u32, lost[LOST_UNREADABLE] as u32]
    }

    /// How often kprobes have run.
    pub(super) fn kprobes(&self) -> u64 {
        let [.., kprobes] = self.sums();
        kprobes
    }

    /// What the probe counts.
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

    /// Over all processors.
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
