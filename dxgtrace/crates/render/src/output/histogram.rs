//! Durations, counted in classes of constant relative width.

/// Classes between two powers of two: widths of at most 1/16.
const PARTS: usize = 16;
const PARTS_SHIFT: u32 = PARTS.ilog2();

/// A histogram of bounded size: quantiles are right to 6 percent, least and
/// greatest value exactly.
///
/// There are many of them, one for each message and process, and the values of
/// one lie close together: so only the octaves between its least and its
/// greatest value take memory, 64 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// Counts of the classes, from `first` on.
    classes: Vec<u32>,
    /// The class that `classes` begins with, the first of an octave.
    first: usize,
    count: u64,
    least: u64,
    most: u64,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let class = class(value);
        match self.classes.get_mut(class.wrapping_sub(self.first)) {
            Some(count) => *count = count.saturating_add(1),
            None => self.widen(class),
        }
        self.least = if self.count == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.count += 1;
        self.most = self.most.max(value);
    }

    /// Makes room for the octave of a class, and counts it once.
    #[cold]
    fn widen(&mut self, class: usize) {
        let octave = class / PARTS * PARTS;
        if self.classes.is_empty() {
            self.first = octave;
        }
        let before = self.first.saturating_sub(octave);
        self.classes.splice(..0, std::iter::repeat_n(0, before));
        self.first -= before;
        let length = self.classes.len().max(octave + PARTS - self.first);
        self.classes.reserve_exact(length - self.classes.len());
        self.classes.resize(length, 0);
        if let Some(count) = self.classes.get_mut(class - self.first) {
            *count = 1;
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The least value, if there is one.
    pub fn least(&self) -> Option<u64> {
        (self.count > 0).then_some(self.least)
    }

    /// The greatest value, if there is one.
    pub fn most(&self) -> Option<u64> {
        (self.count > 0).then_some(self.most)
    }

    /// The value that `percent` of all do not exceed.
    pub fn quantile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count.saturating_mul(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (class, count) in self.classes.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(upper(self.first + class).clamp(self.least, self.most));
            }
        }
        self.most()
    }
}

/// The class of a value.
fn class(value: u64) -> usize {
    let Some(log) = value.checked_ilog2().filter(|log| *log >= PARTS_SHIFT) else {
        return value as usize;
    };
    let octave = (log - PARTS_SHIFT + 1) as usize;
    let part = (value >> (log - PARTS_SHIFT)) as usize & (PARTS - 1);
    octave * PARTS + part
}

/// The greatest value of a class.
fn upper(class: usize) -> u64 {
    let (octave, part) = (class / PARTS, (class % PARTS) as u64);
    match octave.checked_sub(1) {
        None => part,
        Some(shift) => {
            let first = u128::from(PARTS as u64 + part) << shift;
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
                let class = class(value);
                assert!(class >= last, "{value}");
                assert!(upper(class) >= value);
                assert!(class == 0 || upper(class - 1) < value);
                assert!(upper(class) - value <= value / 16);
                last = class;
            }
        }
    }

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|value| histogram.add(value));
        let close = |percent, value: u64| {
            let found = histogram.quantile(percent).unwrap();
            assert!(found.abs_diff(value) <= value / 16, "{percent}: {found}");
        };
        for percent in [1, 50, 90, 99, 100] {
            close(percent, percent * 100);
        }
        assert_eq!(
            (histogram.least(), histogram.most()),
            (Some(1), Some(10_000))
        );
        assert_eq!(Histogram::default().quantile(50), None);
    }

    #[test]
    fn values_may_come_in_any_order() {
        let values = [40, u64::MAX, 7, 1 << 33, 0, 1_000_000];
        let mut histogram = Histogram::default();
        for (index, value) in values.into_iter().enumerate() {
            histogram.add(value);
            assert_eq!(histogram.count(), index as u64 + 1);
        }
        assert_eq!(histogram.quantile(0), Some(0));
        assert_eq!(histogram.quantile(33), Some(7));
        assert_eq!(histogram.quantile(100), Some(u64::MAX));
        let counted: u32 = histogram.classes.iter().sum();
        assert_eq!(counted as usize, values.len());
    }

    #[test]
    fn memory_is_taken_for_what_lies_between_the_values() {
        let mut histogram = Histogram::default();
        (1_000_000..1_000_100).for_each(|value| histogram.add(value));
        assert_eq!(histogram.classes.capacity(), PARTS);
        (1_000..4_000_000)
            .step_by(1_000)
            .for_each(|value| histogram.add(value));
        assert_eq!(histogram.classes.len(), 13 * PARTS);
    }
}
