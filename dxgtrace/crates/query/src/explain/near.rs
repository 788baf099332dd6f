//! Near misses: what somebody may have meant.

use super::errno::ERRNOS;
use super::message::plain;
use crate::rules::Rule;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::IOCTLS;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_session::check::Code;

/// Most suggestions.
const MOST: usize = 5;
/// Longest word that is compared; longer ones are lines.
const LONGEST: usize = 64;

/// Names like `thing`, the likest first.
pub fn near(thing: &str, rules: &[Rule]) -> Vec<String> {
    let word = plain(thing);
    if word.len() < 3 || word.len() > LONGEST {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = names(rules)
        .filter_map(|name| distance(&word, &name).map(|far| (far, name)))
        .collect();
    found.sort();
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
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

/// How far a name is from a word; `None` if too far to be meant.
fn distance(word: &str, name: &str) -> Option<usize> {
    let name = plain(name);
    if name.contains(word) || (name.len() >= 4 && word.contains(&name)) {
        return Some(0);
    }
    let far = edits(word.as_bytes(), name.as_bytes());
    (far <= 1 + word.len() / 4).then_some(far)
}

/// Letters to insert, remove or change to come from one word to the other.
fn edits(a: &[u8], b: &[u8]) -> usize {
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
        assert_eq!(edits(b"kitten", b"sitting"), 3);
        assert_eq!(edits(b"", b"abc"), 3);
        assert_eq!(edits(b"abc", b""), 3);
        assert_eq!(edits(b"same", b"same"), 0);
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(
            near("make_residnet", &[]).first().map(String::as_str),
            Some("make_resident")
        );
        assert!(near("size.repl_short", &[]).contains(&"size.reply_short".to_owned()));
        assert!(near("EOVERFLO", &[]).contains(&"EOVERFLOW".to_owned()));
        assert!(near("zzzzzzzzzz", &[]).is_empty());
    }
}
