//! Durations, counted in classes of constant relative width.

/// Classes between two powers of two: widths of at most 1/16.
const PARTS: usize = 16;
const PARTS_SHIFT: u32 = PARTS.ilog2();
const CLASSES: usize = (64 - PARTS_SHIFT as usize + 1) * PARTS;

/// A histogram of bounded size: quantiles are right to 6 percent, least and
/// greatest value exactly.
#[derive(Debug, Clone)]
pub struct Histogram {
    classes: Box<[u32; CLASSES]>,
    count: u64,
    least: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            classes: Box::new([0; CLASSES]),
            count: 0,
            least: u64::MAX,
            most: 0,
        }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        if let Some(class) = self.classes.get_mut(class(value)) {
            *class = class.saturating_add(1);
        }
        self.count += 1;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
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
                return Some(upper(class).clamp(self.least, self.most));
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
                assert!(class < CLASSES && class >= last, "{value}");
                assert!(upper(class) >= value);
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
        close(50, 5_000);
        close(99, 9_900);
        assert_eq!(
            (histogram.least(), histogram.most()),
            (Some(1), Some(10_000))
        );
        assert_eq!(Histogram::default().quantile(50), None);
    }
}
