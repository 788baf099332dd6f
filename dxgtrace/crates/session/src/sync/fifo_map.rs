//! A map that forgets its oldest entry when it is full.

use std::hash::Hash;

use hashlink::LinkedHashMap;
use rustc_hash::FxBuildHasher;

/// A map of at most `LIMIT` entries: a new one replaces the one that was added
/// first.
#[derive(Debug, Clone)]
pub(super) struct FifoMap<K: Eq + Hash, V, const LIMIT: usize>(LinkedHashMap<K, V, FxBuildHasher>);

impl<K: Eq + Hash, V, const LIMIT: usize> Default for FifoMap<K, V, LIMIT> {
    fn default() -> Self {
        Self(LinkedHashMap::default())
    }
}

impl<K: Copy + Eq + Hash, V, const LIMIT: usize> FifoMap<K, V, LIMIT> {
    /// The entry of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    /// The entry of a key, made by `new` if there is none.
    pub fn get_or_insert(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if self.0.len() >= LIMIT && !self.0.contains_key(&key) {
            self.0.pop_front();
        }
        self.0.entry(key).or_insert_with(new)
    }

    /// Sets the entry of a key, which counts as new.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.get_or_insert(key, || value);
    }

    /// Removes the entry of a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// The entries, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
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
        assert!(map.iter().count() <= 4);
        assert_eq!(map.get(&98), Some(&99));
        assert_eq!(map.get(&0), None);
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
