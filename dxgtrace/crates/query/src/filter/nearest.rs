//! Finds names that are spelt almost like a word.

/// Maximum length of a word that is compared, in bytes.
const WORD_BYTES_MAX: usize = 80;
/// Maximum number of suggestions.
const SUGGESTIONS_MAX: usize = 3;

/// Those of `names` that are the closest to `word`, or else those that end with
/// `.word`.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let ending = format!(".{word}");
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return Vec::new();
    }
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .copied()
        // The length alone rules out most names.
        .filter(|name| name.len().abs_diff(length) <= limit)
        .map(|name| (edit_distance(word, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort_unstable();
    close.dedup();
    if close.is_empty() {
        let longer = names.into_iter().filter(|name| name.ends_with(&ending));
        return longer.take(SUGGESTIONS_MAX).map(str::to_owned).collect();
    }
    let best = close.first().map_or(0, |(distance, _)| *distance);
    close
        .into_iter()
        .take_while(|(distance, _)| *distance <= best)
        .take(SUGGESTIONS_MAX)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// The number of letters to change, add, remove or swap with a neighbour,
/// ignoring case.
fn edit_distance(word: &str, name: &str) -> usize {
    strsim::osa_distance(&word.to_lowercase(), &name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_count_one_each() {
        assert_eq!(edit_distance("flags", "flags"), 0);
        assert_eq!(edit_distance("flasg", "flags"), 1);
        assert_eq!(edit_distance("flag", "flags"), 1);
        assert_eq!(edit_distance("flaggs", "flags"), 1);
        assert_eq!(edit_distance("flegs", "flags"), 1);
        assert_eq!(edit_distance("alloc_cnt", "alloc_count"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
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
