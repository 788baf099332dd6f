//! Completion of filters.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fields::{FieldInfo, PREFIX, field, fields};
use super::token::{Sign, TokenKind, in_word, tokens};
use super::types::ValueType;

/// A candidate for completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionCandidate {
    /// The bytes of the input that it replaces.
    pub span: Range<usize>,
    /// The replacement.
    pub text: String,
    /// Its kind.
    pub kind: CandidateKind,
    /// A sentence that describes it; may be empty.
    pub doc: &'static str,
}

/// The kind of a [`CompletionCandidate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// The name of a field.
    Field,
    /// The beginning of several names; it ends with a dot.
    Prefix,
    /// A comparison.
    Operator,
    /// A value.
    Value,
    /// A word between two conditions, or before one.
    Word,
}

/// What the grammar expects at a position.
#[derive(Debug, Clone, Copy)]
enum Expecting {
    /// A field, or a word before one.
    Field,
    /// A comparison, or the end.
    Comparison(&'static FieldInfo),
    /// A value of the field.
    Value(&'static FieldInfo),
    /// A word between two conditions.
    Connective,
    /// The opening brace of a set.
    Brace,
    /// Something that cannot be guessed.
    Nothing,
}

/// The candidates for completion at byte `cursor` of the input, best first.
pub fn complete(input: &str, cursor: usize) -> Vec<CompletionCandidate> {
    let Some(before) = input.get(..cursor) else {
        return Vec::new();
    };
    let typed_length: usize = before
        .chars()
        .rev()
        .take_while(|letter| in_word(*letter))
        .map(char::len_utf8)
        .sum();
    let start = cursor - typed_length;
    let (Some(done), Some(typed)) = (input.get(..start), input.get(start..cursor)) else {
        return Vec::new();
    };
    let mut list = CompletionList {
        span: start..cursor,
        typed,
        found: Vec::new(),
    };
    match expecting(done) {
        Expecting::Field => {
            list.fields();
            list.words(&["not", "any", "all"]);
        }
        Expecting::Comparison(field) => {
            list.operators(field);
            list.words(&["and", "or"]);
        }
        Expecting::Value(field) => list.values(field),
        Expecting::Connective => list.words(&["and", "or"]),
        Expecting::Brace => list.push("{".to_owned(), CandidateKind::Operator, ""),
        Expecting::Nothing => {}
    }
    list.found
}

/// What may follow the input `done`.
fn expecting(done: &str) -> Expecting {
    let Ok(tokens) = tokens(done) else {
        return Expecting::Nothing;
    };
    let mut state = Expecting::Field;
    let mut subject = None;
    let mut in_set = false;
    for token in tokens {
        state = match (state, token.kind) {
            (Expecting::Field, TokenKind::Word(name)) => {
                subject = field(name);
                subject.map_or(Expecting::Nothing, Expecting::Comparison)
            }
            (Expecting::Value(_), TokenKind::Word(_) | TokenKind::Text(_)) if in_set => {
                Expecting::Nothing
            }
            (Expecting::Value(_), TokenKind::Word(_) | TokenKind::Text(_)) => Expecting::Connective,
            (_, TokenKind::Sign(Sign::And | Sign::Or | Sign::Any | Sign::All | Sign::Open)) => {
                Expecting::Field
            }
            (Expecting::Comparison(field), TokenKind::Sign(Sign::Not)) => {
                Expecting::Comparison(field)
            }
            (_, TokenKind::Sign(Sign::Not)) => Expecting::Field,
            (_, TokenKind::Sign(Sign::Close)) => Expecting::Connective,
            (_, TokenKind::Sign(Sign::In)) => Expecting::Brace,
            (_, TokenKind::Sign(Sign::CloseSet)) => {
                in_set = false;
                Expecting::Connective
            }
            (_, TokenKind::Sign(Sign::OpenSet)) => {
                in_set = true;
                subject.map_or(Expecting::Nothing, Expecting::Value)
            }
            (_, TokenKind::Sign(Sign::CloseSlice)) => {
                subject.map_or(Expecting::Nothing, Expecting::Comparison)
            }
            (_, TokenKind::Sign(Sign::OpenSlice)) => Expecting::Nothing,
            (_, TokenKind::Sign(_)) => subject.map_or(Expecting::Nothing, Expecting::Value),
            (_, TokenKind::Word(_) | TokenKind::Text(_)) => Expecting::Nothing,
        };
    }
    state
}

struct CompletionList<'a> {
    span: Range<usize>,
    typed: &'a str,
    found: Vec<CompletionCandidate>,
}

impl CompletionList<'_> {
    fn push(&mut self, text: String, kind: CandidateKind, doc: &'static str) {
        self.found.push(CompletionCandidate {
            span: self.span.clone(),
            text,
            kind,
            doc,
        });
    }

    fn words(&mut self, words: &[&str]) {
        for word in words {
            if word.starts_with(&self.typed.to_ascii_lowercase()) {
                self.push((*word).to_owned(), CandidateKind::Word, "");
            }
        }
    }

    /// Adds the names that begin with the typed text, one level at a time; if
    /// there are none, the names that contain it.
    fn fields(&mut self) {
        let typed = self.typed.to_ascii_lowercase();
        let full = format!("{PREFIX}{typed}");
        let exact = fields().filter(|field| field.name.starts_with(&typed));
        let short = fields().filter(|field| field.name.starts_with(&full));
        let mut level: BTreeMap<&str, Option<&'static FieldInfo>> = BTreeMap::new();
        for (field, length) in exact
            .map(|field| (field, typed.len()))
            .chain(short.map(|field| (field, full.len())))
        {
            let next = field.name.get(length..).and_then(|rest| rest.find('.'));
            match next.and_then(|dot| field.name.get(..=length + dot)) {
                None => {
                    level.insert(&field.name, Some(field));
                }
                Some(prefix) => {
                    level.entry(prefix).or_insert(None);
                }
            }
        }
        for (name, field) in level {
            match field {
                Some(field) => self.push(name.to_owned(), CandidateKind::Field, field.doc),
                None => self.push(name.to_owned(), CandidateKind::Prefix, ""),
            }
        }
        if self.found.is_empty() && typed.len() > 1 {
            for field in fields().filter(|field| field.name.contains(&typed)) {
                self.push(field.name.clone(), CandidateKind::Field, field.doc);
            }
        }
    }

    fn operators(&mut self, field: &FieldInfo) {
        let ty = field.ty;
        let mut signs = Vec::new();
        if !matches!(ty, ValueType::Label) {
            signs.extend([
                ("==", "Equal; of several values, one of them."),
                ("!=", "Not equal; of several values, all of them."),
            ]);
        }
        if ty.is_ordered() {
            signs.extend([
                ("<", "Less."),
                ("<=", "Less or equal."),
                (">", "Greater."),
                (">=", "Greater or equal."),
            ]);
        }
        if matches!(ty, ValueType::Text | ValueType::Bytes | ValueType::Named(_)) {
            signs.extend([
                ("contains", "Contains this text."),
                (
                    "matches",
                    "Matches this regular expression; case does not count.",
                ),
            ]);
        }
        if ty.has_bits() {
            signs.push(("&", "Has one of these bits."));
        }
        if !matches!(ty, ValueType::Label) {
            signs.push(("in", "One of {a, b, from..to}."));
        }
        for (sign, doc) in signs {
            if sign.starts_with(self.typed) {
                self.push(sign.to_owned(), CandidateKind::Operator, doc);
            }
        }
    }

    fn values(&mut self, field: &FieldInfo) {
        let typed = self.typed.to_ascii_lowercase();
        let names: Vec<&'static str> = match field.ty {
            ValueType::Named(names) => names.iter().map(|(_, name)| name).collect(),
            ValueType::Flags(set) => set.bits.iter().map(|bit| bit.name).collect(),
            ValueType::Bool => vec!["true", "false"],
            _ => return,
        };
        let begins = |name: &&str| name.to_ascii_lowercase().starts_with(&typed);
        let (first, rest): (Vec<_>, Vec<_>) = names.into_iter().partition(begins);
        // What was typed may be the end of a name: its beginning may be left out.
        let inside = |name: &&str| name.to_ascii_lowercase().contains(&typed);
        for name in first.into_iter().chain(rest.into_iter().filter(inside)) {
            self.push(name.to_owned(), CandidateKind::Value, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: &str) -> Vec<String> {
        let found = complete(input, input.len());
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn names_come_one_level_at_a_time() {
        let level = texts("dxg.make_r");
        assert_eq!(level, ["dxg.make_resident", "dxg.make_resident."]);
        assert!(texts("make_resident.").contains(&"dxg.make_resident.alloc_count".to_owned()));
        assert!(texts("fr").contains(&"frame.".to_owned()));
    }

    #[test]
    fn part_of_a_name_is_found_too() {
        assert!(texts("alloc_count").contains(&"dxg.make_resident.alloc_count".to_owned()));
    }

    #[test]
    fn what_follows_a_field_depends_on_its_type() {
        assert!(texts("dxg.pid ").contains(&">=".to_owned()));
        assert!(!texts("dxg.comm ").contains(&">=".to_owned()));
        assert!(texts("dxg.comm con").contains(&"contains".to_owned()));
        assert_eq!(texts("make_resident "), ["and", "or"]);
        assert!(texts("dxg.pid == 3 ").contains(&"and".to_owned()));
    }

    #[test]
    fn values_are_offered_by_name() {
        assert!(texts("dxg.status == ").contains(&"STATUS_PENDING".to_owned()));
        assert_eq!(texts("dxg.status == pend"), ["STATUS_PENDING"]);
        assert_eq!(texts("dxg.severity in {warn, er"), ["error"]);
        assert_eq!(texts("dxg.severity >= er"), ["error"]);
    }

    #[test]
    fn no_place_is_too_strange() {
        for input in ["", "\"", "é", "dxg.pid == \"é", "((", "a b c", "{", "]"] {
            for cursor in 0..=input.len() + 2 {
                complete(input, cursor);
            }
        }
    }
}
