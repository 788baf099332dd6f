//! A set of row indexes as a bit map.

/// A set of row indexes, one bit per row.
#[derive(Debug, Clone, Default)]
pub struct RowSet {
    words: Vec<u64>,
}

impl RowSet {
    /// Adds a row.
    pub fn insert(&mut self, row: u32) {
        let (word, bit) = (row as usize / 64, 1 << (row % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit;
        }
    }

    /// The rows from `first` on, in order.
    pub fn iter_from(&self, first: u32) -> impl DoubleEndedIterator<Item = u32> {
        let start = first as usize / 64;
        let words = self.words.get(start..).unwrap_or(&[]).iter().enumerate();
        words.flat_map(move |(at, word)| {
            let base = ((start + at) * 64) as u32;
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| base + bit)
                .filter(move |row| *row >= first)
        })
    }

    /// Memory of the set, in bytes.
    pub fn memory(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_out_in_order_and_once() {
        let mut bits = RowSet::default();
        for row in [5, 700, 64, 5, 63] {
            bits.insert(row);
        }
        let all: Vec<_> = bits.iter_from(0).collect();
        assert_eq!(all, [5, 63, 64, 700]);
        let some: Vec<_> = bits.iter_from(64).rev().collect();
        assert_eq!(some, [700, 64]);
    }
}
