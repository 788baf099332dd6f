//! Suggests names that are similar to an unknown word.

use super::errno::ERRNOS;
use super::message::normalized_name;
use crate::rules::Rule;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::IOCTLS;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_session::check::Code;

/// Maximum number of suggestions.
const SUGGESTIONS_MAX: usize = 5;
/// Maximum length of a word that is compared, in bytes.
const INPUT_BYTES_MAX: usize = 64;

/// The names similar to `thing`, the most similar first.
pub fn similar_names(thing: &str, rules: &[Rule]) -> Vec<String> {
    let word = normalized_name(thing);
    if word.len() < 3 || word.len() > INPUT_BYTES_MAX {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = names(rules)
        .filter_map(|name| distance(&word, &name).map(|far| (far, name)))
        .collect();
    found.sort();
    found.dedup_by(|a, b| a.1 == b.1);
    found
        .into_iter()
        .take(SUGGESTIONS_MAX)
        .map(|(_, name)| name)
        .collect()
}

fn names(rules: &[Rule]) -> impl Iterator<Item = String> + use<'_> {
    let messages = table::all().map(|message| message.name.to_owned());
    let codes = Code::ALL.iter().map(|code| code.word().to_owned());
    let statuses = STATUSES.iter().map(|status| status.name.to_owned());
    let errnos = ERRNOS.iter().map(|errno| errno.name().to_owned());
    let ioctls = IOCTLS.iter().map(|ioctl| ioctl.function.to_owned());
    let rules = rules.iter().map(|rule| rule.name.clone());
    messages
        .chain(codes)
        .chain(statuses)
        .chain(errnos)
        .chain(ioctls)
        .chain(rules)
}

/// The distance of a name from a word; `None` if it is too large for a
/// suggestion.
fn distance(word: &str, name: &str) -> Option<usize> {
    let name = normalized_name(name);
    if name.contains(word) || (name.len() >= 4 && word.contains(&name)) {
        return Some(0);
    }
    let far = edit_distance(word.as_bytes(), name.as_bytes());
    (far <= 1 + word.len() / 4).then_some(far)
}

/// The number of letters to insert, remove or change to turn `a` into `b`.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (place, right) in row.iter_mut().skip(1).zip(b) {
            let change = diagonal + usize::from(left != right);
            diagonal = *place;
            before = change.min(diagonal + 1).min(before + 1);
            *place = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
        assert_eq!(edit_distance(b"", b"abc"), 3);
        assert_eq!(edit_distance(b"abc", b""), 3);
        assert_eq!(edit_distance(b"same", b"same"), 0);
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(
            similar_names("make_residnet", &[])
                .first()
                .map(String::as_str),
            Some("make_resident")
        );
        assert!(similar_names("size.repl_short", &[]).contains(&"size.reply_short".to_owned()));
        assert!(similar_names("EOVERFLO", &[]).contains(&"EOVERFLOW".to_owned()));
        assert!(similar_names("zzzzzzzzzz", &[]).is_empty());
    }
}
