//! A histogram with bins of constant relative width.

/// Number of bins per octave: a bin is at most 1/16 of its values wide.
const BINS_PER_OCTAVE: usize = 16;
const BINS_PER_OCTAVE_LOG2: u32 = BINS_PER_OCTAVE.ilog2();

/// A histogram of bounded size. Percentiles are accurate to 6 percent, minimum and
/// maximum are exact.
///
/// There is one histogram per message and process, and its values are usually close
/// together. Only the octaves between minimum and maximum take memory, 64 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// Counts of the bins, from bin `first` on.
    bins: Vec<u32>,
    /// Number of the first bin in `bins`, the first one of an octave.
    first: usize,
    count: u64,
    min: u64,
    max: u64,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bin = bin_of(value);
        match self.bins.get_mut(bin.wrapping_sub(self.first)) {
            Some(count) => *count = count.saturating_add(1),
            None => self.extend_to(bin),
        }
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Extends `bins` to the octave of `bin`, and counts one value in it.
    #[cold]
    fn extend_to(&mut self, bin: usize) {
        let octave = bin / BINS_PER_OCTAVE * BINS_PER_OCTAVE;
        if self.bins.is_empty() {
            self.first = octave;
        }
        let before = self.first.saturating_sub(octave);
        self.bins.splice(..0, std::iter::repeat_n(0, before));
        self.first -= before;
        let length = self.bins.len().max(octave + BINS_PER_OCTAVE - self.first);
        self.bins.reserve_exact(length - self.bins.len());
        self.bins.resize(length, 0);
        if let Some(count) = self.bins.get_mut(bin - self.first) {
            *count = 1;
        }
    }

    /// Number of counted values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The minimum value, if there is one.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The maximum value, if there is one.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value that `percent` of all values do not exceed.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count.saturating_mul(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (bin, count) in self.bins.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(max_of_bin(self.first + bin).clamp(self.min, self.max));
            }
        }
        self.max()
    }
}

/// The number of the bin of `value`.
fn bin_of(value: u64) -> usize {
    let Some(log) = value
        .checked_ilog2()
        .filter(|log| *log >= BINS_PER_OCTAVE_LOG2)
    else {
        return value as usize;
    };
    let octave = (log - BINS_PER_OCTAVE_LOG2 + 1) as usize;
    let part = (value >> (log - BINS_PER_OCTAVE_LOG2)) as usize & (BINS_PER_OCTAVE - 1);
    octave * BINS_PER_OCTAVE + part
}

/// The maximum value of `bin`.
fn max_of_bin(bin: usize) -> u64 {
    let (octave, part) = (bin / BINS_PER_OCTAVE, (bin % BINS_PER_OCTAVE) as u64);
    match octave.checked_sub(1) {
        None => part,
        Some(shift) => {
            let first = u128::from(BINS_PER_OCTAVE as u64 + part) << shift;
            let last = first + (1 << shift) - 1;
            u64::try_from(last).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_class() {
        let mut last = 0;
        for log in 0..64 {
            for value in [
                1_u64 << log,
                (1 << log) | (1 << log) >> 1,
                u64::MAX >> (63 - log),
            ] {
                let bin = bin_of(value);
                assert!(bin >= last, "{value}");
                assert!(max_of_bin(bin) >= value);
                assert!(bin == 0 || max_of_bin(bin - 1) < value);
                assert!(max_of_bin(bin) - value <= value / 16);
                last = bin;
            }
        }
    }

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|value| histogram.add(value));
        let close = |percent, value: u64| {
            let found = histogram.percentile(percent).unwrap();
            assert!(found.abs_diff(value) <= value / 16, "{percent}: {found}");
        };
        for percent in [1, 50, 90, 99, 100] {
            close(percent, percent * 100);
        }
        assert_eq!((histogram.min(), histogram.max()), (Some(1), Some(10_000)));
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn values_may_come_in_any_order() {
        let values = [40, u64::MAX, 7, 1 << 33, 0, 1_000_000];
        let mut histogram = Histogram::default();
        for (index, value) in values.into_iter().enumerate() {
            histogram.add(value);
            assert_eq!(histogram.count(), index as u64 + 1);
        }
        assert_eq!(histogram.percentile(0), Some(0));
        assert_eq!(histogram.percentile(33), Some(7));
        assert_eq!(histogram.percentile(100), Some(u64::MAX));
        let counted: u32 = histogram.bins.iter().sum();
        assert_eq!(counted as usize, values.len());
    }

    #[test]
    fn memory_is_taken_for_what_lies_between_the_values() {
        let mut histogram = Histogram::default();
        (1_000_000..1_000_100).for_each(|value| histogram.add(value));
        assert_eq!(histogram.bins.capacity(), BINS_PER_OCTAVE);
        (1_000..4_000_000)
            .step_by(1_000)
            .for_each(|value| histogram.add(value));
        assert_eq!(histogram.bins.len(), 13 * BINS_PER_OCTAVE);
    }
}
