//! A map that forgets its oldest entries.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A map of at most a given number of entries.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    entries: HashMap<K, (V, u64)>,
    // Keys by age; one whose number is not the entry's was replaced or removed.
    ages: VecDeque<(K, u64)>,
    next: u64,
    limit: usize,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: HashMap::new(),
            ages: VecDeque::new(),
            next: 0,
            limit,
        }
    }

    /// Adds or replaces an entry; the oldest makes room for it.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let age = self.next;
        self.next += 1;
        self.entries.insert(key, (value, age));
        self.ages.push_back((key, age));
        // Stale ages go first; they are at most as many as live ones in the
        // long run, since every insertion removes one beyond twice the limit.
        while self.entries.len() > self.limit || self.ages.len() > 2 * self.limit {
            let Some((key, age)) = self.ages.pop_front() else {
                break;
            };
            if self.entries.get(&key).is_some_and(|entry| entry.1 == age) {
                self.entries.remove(&key);
            }
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.entries.remove(key)?.0;
        if self.entries.is_empty() {
            self.ages.clear();
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_oldest_entry_makes_room() {
        let mut map = Bounded::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.insert(3, 'c');
        assert_eq!(map.remove(&1), None);
        assert_eq!(map.remove(&2), Some('b'));
        assert_eq!(map.remove(&3), Some('c'));
    }

    #[test]
    fn a_replaced_entry_is_young_again() {
        let mut map = Bounded::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.insert(1, 'c');
        map.insert(3, 'd');
        assert_eq!(map.remove(&2), None);
        assert_eq!(map.remove(&1), Some('c'));
    }

    #[test]
    fn memory_stays_bounded_when_entries_come_and_go() {
        let mut map = Bounded::new(8);
        map.insert(u64::MAX, ());
        for key in 0..10_000 {
            map.insert(key, ());
            map.remove(&key);
        }
        assert!(map.ages.len() <= 16);
    }
}
