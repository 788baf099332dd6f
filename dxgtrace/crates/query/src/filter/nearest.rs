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
    if word.is_empty() || word.len() > LONGEST {
        return Vec::new();
    }
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .copied()
        // Most names are ruled out by their length.
        .filter(|name| name.len().abs_diff(length) <= limit)
        .map(|name| (distance(word, name), name))
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
/// neighbour; upper and lower case are the same.
fn distance(word: &str, name: &str) -> usize {
    strsim::osa_distance(&word.to_lowercase(), &name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_count_one_each() {
        assert_eq!(distance("flags", "flags"), 0);
        assert_eq!(distance("flasg", "flags"), 1);
        assert_eq!(distance("flag", "flags"), 1);
        assert_eq!(distance("flaggs", "flags"), 1);
        assert_eq!(distance("flegs", "flags"), 1);
        assert_eq!(distance("alloc_cnt", "alloc_count"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
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
