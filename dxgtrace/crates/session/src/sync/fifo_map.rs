//! A map that forgets its oldest entry when it is full.

use std::collections::VecDeque;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// A map of at most `LIMIT` entries: a new one replaces the one that was added
/// first.
#[derive(Debug, Clone)]
pub(super) struct FifoMap<K, V, const LIMIT: usize> {
    /// Each entry with the number of its insertion.
    entries: FxHashMap<K, (u64, V)>,
    /// Keys in the order of their insertion; some were removed since.
    order: VecDeque<(K, u64)>,
    inserted: u64,
}

impl<K, V, const LIMIT: usize> Default for FifoMap<K, V, LIMIT> {
    fn default() -> Self {
        Self {
            entries: FxHashMap::default(),
            order: VecDeque::new(),
            inserted: 0,
        }
    }
}

impl<K: Copy + Eq + Hash, V, const LIMIT: usize> FifoMap<K, V, LIMIT> {
    /// The entry of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// The entry of a key, made by `new` if there is none.
    pub fn get_or_insert(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.make_room();
            self.order.push_back((key, self.inserted));
        }
        let number = self.inserted;
        let (_, value) = self.entries.entry(key).or_insert_with(|| {
            self.inserted += 1;
            (number, new())
        });
        value
    }

    /// Sets the entry of a key.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.get_or_insert(key, || value);
    }

    /// Removes the entry of a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    /// Forgets the oldest entry if there is no room for one more.
    fn make_room(&mut self) {
        if self.order.len() >= 2 * LIMIT {
            // At most every LIMIT insertions: half of these keys were removed.
            let entries = &self.entries;
            self.order
                .retain(|(key, number)| entries.get(key).is_some_and(|(at, _)| at == number));
        }
        while self.entries.len() >= LIMIT
            && let Some((key, number)) = self.order.pop_front()
        {
            if self.entries.get(&key).is_some_and(|(at, _)| *at == number) {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first_and_nothing_grows() {
        let mut map = FifoMap::<u64, u64, 4>::default();
        for key in 0..100 {
            *map.get_or_insert(key, || key) += 1;
            if key % 3 == 0 {
                map.remove(&key);
            }
        }
        assert!(map.entries.len() <= 4 && map.order.len() <= 8);
        assert_eq!(map.get(&98), Some(&99));
        assert_eq!(map.get(&0), None);
    }

    #[test]
    fn keys_that_come_and_go_behind_one_that_stays_take_no_room() {
        let mut map = FifoMap::<u64, u64, 4>::default();
        map.insert(0, 0);
        for key in 1..100 {
            map.insert(key, key);
            map.remove(&key);
        }
        assert!(map.order.len() <= 8);
        assert_eq!(map.get(&0), Some(&0));
    }

    #[test]
    fn a_key_that_came_back_counts_from_its_return() {
        let mut map = FifoMap::<u64, u64, 2>::default();
        map.get_or_insert(1, || 1);
        map.get_or_insert(2, || 2);
        map.remove(&1);
        map.get_or_insert(1, || 1);
        map.get_or_insert(3, || 3);
        let mut keys: Vec<u64> = map.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, [1, 3]);
    }
}
