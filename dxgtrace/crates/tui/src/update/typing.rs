//! Typing filters, searches and commands.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use dxgtrace_query::filter::Filter;

use super::super::app::{App, View};
use super::super::prompt::{Outcome, Place, Prompt, Purpose, Verdict};
use super::super::{command, literal};

/// Lines of history that are kept.
const HISTORY: usize = 100;

impl App {
    pub(crate) fn ask(&mut self, purpose: Purpose, text: &str) {
        self.prompt = Some(Prompt::new(purpose, text));
        self.judge();
    }

    pub(super) fn type_key(&mut self, key: &KeyEvent) {
        if let (KeyCode::Char(_), KeyModifiers::ALT) = (key.code, key.modifiers) {
            // Terminals send the same for Esc and a letter right behind it.
            self.prompt = None;
            return self.key(&KeyEvent::new(key.code, KeyModifiers::NONE));
        }
        let Some(mut prompt) = self.prompt.take() else {
            return;
        };
        let history = self.histories.get(slot(prompt.purpose));
        match prompt.press(key, history.map_or(&[], Vec::as_slice)) {
            Outcome::Typing => {
                let chosen = prompt.chosen.is_some();
                self.prompt = Some(prompt);
                // While completions are gone through, their list stays.
                if chosen {
                    self.judge_only();
                } else {
                    self.judge();
                }
            }
            Outcome::GivenUp => self.quits_when_saved = false,
            Outcome::Done => self.enter(prompt),
        }
    }

    pub(super) fn enter(&mut self, prompt: Prompt) {
        let text = prompt.text.trim().to_owned();
        let done = match prompt.purpose {
            Purpose::Filter => self.set_filter(&text),
            Purpose::Search(place) => {
                if !text.is_empty() {
                    self.search(place, &text);
                }
                true
            }
            Purpose::Command => {
                command::run(self, &text);
                true
            }
        };
        if done {
            remember(&mut self.histories, prompt.purpose, &text);
            if prompt.purpose == Purpose::Filter && self.view != View::Packets {
                self.show(View::Packets);
            }
        } else {
            self.prompt = Some(prompt);
        }
    }

    /// Says how the typed line looks, and what could come next.
    pub(super) fn judge(&mut self) {
        let completions = self.prompt.as_ref().map(|prompt| match prompt.purpose {
            Purpose::Filter => literal::completions(&prompt.text, prompt.cursor),
            Purpose::Search(_) => Vec::new(),
            Purpose::Command => command::completions(self, &prompt.text, prompt.cursor),
        });
        if let (Some(prompt), Some(completions)) = (&mut self.prompt, completions) {
            prompt.completions = completions;
        }
        self.judge_only();
    }

    pub(super) fn judge_only(&mut self) {
        if let Some(prompt) = &mut self.prompt {
            prompt.verdict = match prompt.purpose {
                Purpose::Filter | Purpose::Search(Place::Filter) => {
                    match Filter::parse(&prompt.text) {
                        Ok(_) => Verdict::Good,
                        Err(error) if error.is_incomplete() => {
                            Verdict::Incomplete(error.to_string())
                        }
                        // A word that can still become one that is known.
                        Err(_) if !prompt.completions.is_empty() => {
                            Verdict::Incomplete(String::new())
                        }
                        Err(error) => Verdict::Bad(error.to_string()),
                    }
                }
                Purpose::Search(Place::Bytes) if literal::bytes(&prompt.text).is_none() => {
                    Verdict::Incomplete("hexadecimal bytes, or \"text\"".to_owned())
                }
                Purpose::Search(_) => Verdict::Good,
                Purpose::Command => command::judge(&prompt.text),
            };
        }
    }
}

/// The history of a purpose.
fn slot(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Filter => 0,
        Purpose::Search(_) => 1,
        Purpose::Command => 2,
    }
}

pub(super) fn remember(histories: &mut [Vec<String>; 3], purpose: Purpose, text: &str) {
    if let Some(history) = histories.get_mut(slot(purpose))
        && !text.is_empty()
        && history.last().is_none_or(|last| last != text)
    {
        if history.len() >= HISTORY {
            history.remove(0);
        }
        history.push(text.to_owned());
    }
}
