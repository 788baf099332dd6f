//! The compact form in which findings are kept in memory.

use std::collections::BTreeMap;
use std::sync::{LazyLock, RwLock};

use dxgtrace_session::check::{Code, Finding, FindingKind, Layer, MAX_PARAMETERS};

/// A finding on a row, in 48 bytes instead of a [`Finding`]'s 56: its part is
/// an index into a list of the few names that there are.
#[derive(Debug, Clone, Copy)]
pub struct StoredFinding {
    numbers: [u64; MAX_PARAMETERS],
    /// The row that it is about.
    pub row: u32,
    at: u32,
    index: u32,
    part: u16,
    /// Code of the finding.
    pub code: Code,
    layer: Layer,
}

const _: () = assert!(size_of::<StoredFinding>() <= 48);

/// Marks the absence of an element index.
const NONE: u32 = u32::MAX;

impl StoredFinding {
    /// Packs a finding on a row.
    pub fn new(row: u32, finding: &Finding) -> Self {
        Self {
            numbers: finding.kind.numbers(),
            row,
            at: finding.at,
            index: finding.index.unwrap_or(NONE),
            part: intern(finding.part()),
            code: finding.code(),
            layer: finding.layer,
        }
    }

    /// The finding that was stored.
    pub fn finding(&self) -> Finding {
        Finding {
            kind: FindingKind::from_numbers(self.code, word(self.part), self.numbers),
            layer: self.layer,
            index: (self.index != NONE).then_some(self.index),
            at: self.at,
        }
    }
}

/// The names of parts in findings: of fields, arrays and messages. They are
/// constants of the program, so the table stays small.
#[derive(Default)]
struct PartNameTable {
    list: Vec<&'static str>,
    places: BTreeMap<&'static str, u16>,
}

static WORDS: LazyLock<RwLock<PartNameTable>> = LazyLock::new(RwLock::default);

fn intern(word: &'static str) -> u16 {
    if let Ok(words) = WORDS.read()
        && let Some(place) = words.places.get(word)
    {
        return *place;
    }
    let Ok(mut words) = WORDS.write() else {
        return u16::MAX;
    };
    if let Some(place) = words.places.get(word) {
        return *place;
    }
    let Ok(place) = u16::try_from(words.list.len()) else {
        return u16::MAX;
    };
    words.list.push(word);
    words.places.insert(word, place);
    place
}

fn word(place: u16) -> &'static str {
    match WORDS.read() {
        Ok(words) => words.list.get(usize::from(place)).copied().unwrap_or("?"),
        Err(_) => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_survives_packing() {
        for code in Code::ALL {
            for index in [None, Some(3)] {
                let finding = Finding::example(*code).at_element(index);
                assert_eq!(StoredFinding::new(4, &finding).finding(), finding);
            }
        }
    }
}
