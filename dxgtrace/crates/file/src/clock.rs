//! Converts the timestamps of an interface to nanoseconds since 1970.

use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;

/// Unit and offset of an interface's timestamps. Files written by this program
/// count nanoseconds; other programs may rewrite them in any unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InterfaceClock {
    tick: ClockTick,
    /// Seconds to add to every timestamp (`if_tsoffset`).
    offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockTick {
    /// Nanoseconds per tick.
    Nanoseconds(u64),
    /// A tick is 2^-n seconds.
    Binary(u8),
}

impl InterfaceClock {
    /// A clock whose tick is `nanoseconds` long, without an offset.
    pub(super) const fn decimal(nanoseconds: u64) -> Self {
        Self {
            tick: ClockTick::Nanoseconds(nanoseconds),
            offset: 0,
        }
    }

    /// The clock that an interface description declares.
    pub(super) fn of(interface: &InterfaceDescriptionBlock<'_>) -> Self {
        let resolution = interface.ts_resolution();
        let digits = resolution.resolution();
        let tick = if resolution.is_bin() {
            ClockTick::Binary(digits)
        } else {
            ClockTick::Nanoseconds(10u64.saturating_pow(9u32.saturating_sub(digits.into())))
        };
        Self {
            tick,
            offset: interface.ts_offset(),
        }
    }

    /// `ticks` as nanoseconds since 1970; `None` if the time is before 1970 or
    /// after 2554 and does not fit into 64 bits.
    pub(super) fn nanoseconds(self, ticks: u64) -> Option<u64> {
        let nanoseconds = match self.tick {
            ClockTick::Nanoseconds(each) => ticks.checked_mul(each)?,
            ClockTick::Binary(digits) => {
                u64::try_from((u128::from(ticks) * 1_000_000_000).checked_shr(digits.into())?)
                    .ok()?
            }
        };
        if self.offset == 0 {
            return Some(nanoseconds);
        }
        let shift = i128::from(self.offset) * 1_000_000_000;
        u64::try_from(i128::from(nanoseconds) + shift).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::DataLink;
    use pcap_file::pcapng::blocks::interface_description::{
        InterfaceDescriptionOption, InterfaceTsResolution,
    };

    fn clock(binary: bool, digits: u8, offset: i64) -> InterfaceClock {
        let mut interface = InterfaceDescriptionBlock::new(DataLink::WIRESHARK_UPPER_PDU, 0);
        interface.options = vec![
            InterfaceDescriptionOption::IfTsResol(
                InterfaceTsResolution::new(binary, digits).unwrap(),
            ),
            InterfaceDescriptionOption::IfTsOffset(offset),
        ];
        InterfaceClock::of(&interface)
    }

    #[test]
    fn ticks_of_any_unit_become_nanoseconds() {
        assert_eq!(clock(false, 9, 0).nanoseconds(5), Some(5));
        assert_eq!(clock(false, 6, 0).nanoseconds(5), Some(5_000));
        assert_eq!(clock(false, 0, 0).nanoseconds(5), Some(5_000_000_000));
        assert_eq!(clock(true, 1, 0).nanoseconds(3), Some(1_500_000_000));
        assert_eq!(clock(false, 3, 2).nanoseconds(1), Some(2_001_000_000));
        assert_eq!(clock(false, 0, -2).nanoseconds(3), Some(1_000_000_000));
    }

    #[test]
    fn times_that_do_not_fit_are_none() {
        assert_eq!(clock(false, 6, 0).nanoseconds(u64::MAX), None);
        assert_eq!(clock(true, 0, 0).nanoseconds(u64::MAX), None);
        assert_eq!(clock(false, 0, -2).nanoseconds(1), None);
        assert_eq!(clock(false, 9, i64::MAX).nanoseconds(1), None);
    }
}
