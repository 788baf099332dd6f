//! Translates key strokes to actions.

use super::super::action::{Action, KeyRequest};
use super::stroke::{Stroke, sequence};
use super::{bindings, by_name};

/// The key bindings, changed by the configuration, and the state of a sequence
/// that is being typed.
#[derive(Debug)]
pub struct Keymap {
    sequences: Vec<(Vec<Stroke>, Action)>,
    /// The beginning of a sequence.
    typed: Vec<Stroke>,
    /// The number typed before the sequence.
    count: Option<u32>,
    /// The action whose letter comes next.
    awaits_letter: Option<Action>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = bindings().flat_map(|binding| {
            let action = binding.action;
            binding.keys.iter().map(move |keys| (*keys, action))
        });
        Self {
            sequences: keys
                .filter_map(|(keys, action)| Some((sequence(keys)?, action)))
                .collect(),
            typed: Vec::new(),
            count: None,
            awaits_letter: None,
        }
    }
}

impl Keymap {
    /// Binds the action `name` to `keys` instead of its own. Other actions lose
    /// these keys.
    ///
    /// # Errors
    /// There is no such action or key; the error is a sentence for the user.
    pub fn rebind(&mut self, name: &str, keys: &[String]) -> Result<(), String> {
        let action = by_name(name).ok_or_else(|| format!("there is no action `{name}`"))?;
        self.sequences.retain(|(_, bound)| *bound != action);
        for text in keys {
            let strokes = sequence(text)
                .ok_or_else(|| format!("`{text}` is no key; keys are such as j, ctrl-w w, pgdn"))?;
            self.sequences.retain(|(other, _)| {
                !other.starts_with(&strokes) && !strokes.starts_with(other.as_slice())
            });
            self.sequences.push((strokes, action));
        }
        Ok(())
    }

    /// Handles a stroke. Returns the action if the stroke completes a sequence.
    pub fn press(&mut self, stroke: Stroke) -> Option<KeyRequest> {
        if let Some(action) = self.awaits_letter.take() {
            let count = self.count.take();
            return stroke.letter().map(|letter| KeyRequest {
                action,
                count,
                letter: Some(letter),
            });
        }
        if self.typed.is_empty()
            && let Some(digit) = stroke.letter().and_then(|letter| letter.to_digit(10))
            && !self.is_bound(stroke)
            && (digit > 0 || self.count.is_some())
        {
            let count = self.count.unwrap_or(0);
            self.count = Some(count.saturating_mul(10).saturating_add(digit));
            return None;
        }
        self.typed.push(stroke);
        let exact = self
            .sequences
            .iter()
            .find(|(strokes, _)| *strokes == self.typed);
        if let Some((_, action)) = exact {
            self.typed.clear();
            if action.takes_letter() {
                self.awaits_letter = Some(*action);
                return None;
            }
            return Some(KeyRequest {
                action: *action,
                count: self.count.take(),
                letter: None,
            });
        }
        let begins = |(strokes, _): &(Vec<Stroke>, Action)| strokes.starts_with(&self.typed);
        if !self.sequences.iter().any(begins) {
            self.typed.clear();
            self.count = None;
        }
        None
    }

    /// Whether a digit is a key by itself; never while a number is being typed.
    fn is_bound(&self, stroke: Stroke) -> bool {
        self.count.is_none()
            && self
                .sequences
                .iter()
                .any(|(strokes, _)| *strokes == [stroke])
    }

    /// The incomplete sequence, for display.
    pub fn typed(&self) -> String {
        let mut text = self
            .count
            .map(|count| count.to_string())
            .unwrap_or_default();
        for stroke in &self.typed {
            text += &stroke.to_string();
        }
        if let Some(action) = self.awaits_letter {
            text += &self.keys_of(action);
        }
        text
    }

    /// The keys of an action, separated by commas.
    pub fn keys_of(&self, action: Action) -> String {
        let keys = self.sequences.iter().filter(|(_, bound)| *bound == action);
        let mut text = String::new();
        for (strokes, _) in keys {
            if !text.is_empty() {
                text += ", ";
            }
            for (number, stroke) in strokes.iter().enumerate() {
                let text_of = stroke.to_string();
                // `gg`, but `ctrl-w ctrl-w`.
                if number > 0 && text_of.len() > 1 {
                    text.push(' ');
                }
                text += &text_of;
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keymap: &mut Keymap, keys: &str) -> Vec<KeyRequest> {
        keys.split(' ')
            .filter_map(|key| keymap.press(Stroke::parse(key).unwrap()))
            .collect()
    }

    #[test]
    fn every_key_of_the_table_is_understood_and_means_one_thing() {
        let mut seen: Vec<Vec<Stroke>> = Vec::new();
        for binding in bindings() {
            for keys in binding.keys {
                let strokes = sequence(keys).unwrap_or_else(|| panic!("{keys}"));
                for other in &seen {
                    assert!(!other.starts_with(&strokes), "{keys} is taken");
                    assert!(!strokes.starts_with(other), "{keys} cannot be reached");
                }
                seen.push(strokes);
            }
        }
    }

    #[test]
    fn names_and_actions_are_used_once() {
        let mut names: Vec<_> = bindings().map(|binding| binding.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn counts_sequences_and_letters_are_understood() {
        let mut keymap = Keymap::default();
        let requests = press(&mut keymap, "5 0 g g j m a ctrl-w w");
        let expected = [
            (Action::Top, Some(50), None),
            (Action::Down, None, None),
            (Action::SetPlace, None, Some('a')),
            (Action::NextPane, None, None),
        ];
        let found: Vec<_> = requests
            .iter()
            .map(|request| (request.action, request.count, request.letter))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_unknown_sequence_is_forgotten() {
        let mut keymap = Keymap::default();
        assert_eq!(press(&mut keymap, "g x"), []);
        assert_eq!(press(&mut keymap, "j"), [Action::Down.into()]);
    }

    #[test]
    fn keys_can_be_given_to_other_actions() {
        let mut keymap = Keymap::default();
        keymap.rebind("pause", &["j".to_owned()]).unwrap();
        assert_eq!(press(&mut keymap, "j"), [Action::Pause.into()]);
        assert_eq!(press(&mut keymap, "space"), []);
        assert_eq!(press(&mut keymap, "down"), [Action::Down.into()]);
        assert!(keymap.rebind("dance", &[]).is_err());
        assert!(keymap.rebind("pause", &["jj".to_owned()]).is_err());
    }
}
