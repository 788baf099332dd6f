//! Names that are spelt almost like a word.

/// Words that are longer are no slips of the finger.
const LONGEST: usize = 80;
/// At most so many names are offered.
const OFFERED: usize = 3;

/// Those of `names` that `word` may have been meant for, best first: names
/// spelt almost the same and as close as the best one, or else longer names
/// that end with the word.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let ending = format!(".{word}");
    let word: Vec<char> = word.to_lowercase().chars().take(LONGEST + 1).collect();
    if word.is_empty() || word.len() > LONGEST {
        return Vec::new();
    }
    let limit = (word.len() / 3).max(1);
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .copied()
        .filter(|name| name.len().abs_diff(word.len()) <= limit)
        .map(|name| (distance(&word, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort_unstable();
    close.dedup();
    if close.is_empty() {
        let longer = names.into_iter().filter(|name| name.ends_with(&ending));
        return longer.take(OFFERED).map(str::to_owned).collect();
    }
    let best = close.first().map_or(0, |(distance, _)| *distance);
    close
        .into_iter()
        .take_while(|(distance, _)| *distance <= best)
        .take(OFFERED)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How many letters must be changed, added, left out or swapped with their
/// neighbour.
fn distance(word: &[char], name: &str) -> usize {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=name.len()).collect();
    let mut previous = None;
    for (row, letter) in word.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut passed = None;
        for (column, other) in name.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let changed = at(&last, column) + usize::from(letter != other);
            let added = at(&line, column).min(at(&last, column + 1)) + 1;
            let mut cost = changed.min(added);
            if passed == Some(letter) && previous == Some(other) && column > 0 {
                cost = cost.min(at(&before, column - 1).saturating_add(1));
            }
            line.push(cost);
            passed = Some(other);
        }
        previous = Some(letter);
        before = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: &str, b: &str) -> usize {
        distance(&a.chars().collect::<Vec<_>>(), b)
    }

    #[test]
    fn slips_count_one_each() {
        assert_eq!(between("flags", "flags"), 0);
        assert_eq!(between("flasg", "flags"), 1);
        assert_eq!(between("flag", "flags"), 1);
        assert_eq!(between("flaggs", "flags"), 1);
        assert_eq!(between("flegs", "flags"), 1);
        assert_eq!(between("alloc_cnt", "alloc_count"), 2);
        assert_eq!(between("", "abc"), 3);
        assert_eq!(between("abc", ""), 3);
    }

    #[test]
    fn only_the_closest_are_offered() {
        let names = ["alloc_count", "allocations", "flags", "device"];
        assert_eq!(nearest("alloc_cnt", names), ["alloc_count"]);
        assert!(nearest("something_else", names).is_empty());
        assert_eq!(nearest("type", ["info.type", "prototype"]), ["info.type"]);
        assert!(nearest(&"x".repeat(10_000), names).is_empty());
    }
}
