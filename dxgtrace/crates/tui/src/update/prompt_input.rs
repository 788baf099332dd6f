//! Input in the prompt: filters, searches and commands.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use dxgtrace_query::filter::Filter;

use super::super::app::{App, View};
use super::super::prompt::{Prompt, PromptOutcome, PromptPurpose, PromptVerdict, SearchPlace};
use super::super::{command, filter_text};

/// Most lines in a history.
const HISTORY: usize = 100;

impl App {
    pub(crate) fn open_prompt(&mut self, purpose: PromptPurpose, text: &str) {
        self.prompt = Some(Prompt::new(purpose, text));
        self.update_prompt();
    }

    pub(super) fn prompt_key(&mut self, key: &KeyEvent) {
        if let (KeyCode::Char(_), KeyModifiers::ALT) = (key.code, key.modifiers) {
            // Terminals send Esc followed by a letter as Alt and that letter.
            self.prompt = None;
            return self.key(&KeyEvent::new(key.code, KeyModifiers::NONE));
        }
        let Some(mut prompt) = self.prompt.take() else {
            return;
        };
        let history = self.histories.get(history_index(prompt.purpose));
        match prompt.press(key, history.map_or(&[], Vec::as_slice)) {
            PromptOutcome::Typing => {
                let chosen = prompt.chosen.is_some();
                self.prompt = Some(prompt);
                // Keep the list while the user cycles through completions.
                if chosen {
                    self.update_verdict();
                } else {
                    self.update_prompt();
                }
            }
            PromptOutcome::Cancelled => self.quit_when_saved = false,
            PromptOutcome::Done => self.submit_prompt(prompt),
        }
    }

    pub(super) fn submit_prompt(&mut self, prompt: Prompt) {
        let text = prompt.text().trim().to_owned();
        let done = match prompt.purpose {
            PromptPurpose::Filter => self.set_filter(&text),
            PromptPurpose::Search(place) => {
                if !text.is_empty() {
                    self.search(place, &text);
                }
                true
            }
            PromptPurpose::Command => {
                command::run(self, &text);
                true
            }
        };
        if done {
            remember(&mut self.histories, prompt.purpose, &text);
            if prompt.purpose == PromptPurpose::Filter && self.view != View::Packets {
                self.show_view(View::Packets);
            }
        } else {
            self.prompt = Some(prompt);
        }
    }

    /// Updates the completions and the verdict of the typed line.
    pub(super) fn update_prompt(&mut self) {
        let completions = self.prompt.as_ref().map(|prompt| match prompt.purpose {
            PromptPurpose::Filter => filter_text::completions(prompt.text(), prompt.cursor()),
            PromptPurpose::Search(_) => Vec::new(),
            PromptPurpose::Command => command::completions(self, prompt.text(), prompt.cursor()),
        });
        if let (Some(prompt), Some(completions)) = (&mut self.prompt, completions) {
            prompt.completions = completions;
        }
        self.update_verdict();
    }

    pub(super) fn update_verdict(&mut self) {
        if let Some(prompt) = &mut self.prompt {
            prompt.verdict = match prompt.purpose {
                PromptPurpose::Filter | PromptPurpose::Search(SearchPlace::Filter) => {
                    match Filter::parse(prompt.text()) {
                        Ok(_) => PromptVerdict::Good,
                        Err(error) if error.is_incomplete() => {
                            PromptVerdict::Incomplete(error.to_string())
                        }
                        // An unknown word that can be completed to a known one.
                        Err(_) if !prompt.completions.is_empty() => {
                            PromptVerdict::Incomplete(String::new())
                        }
                        Err(error) => PromptVerdict::Bad(error.to_string()),
                    }
                }
                PromptPurpose::Search(SearchPlace::Bytes)
                    if filter_text::parse_bytes(prompt.text()).is_none() =>
                {
                    PromptVerdict::Incomplete("hexadecimal bytes, or \"text\"".to_owned())
                }
                PromptPurpose::Search(_) => PromptVerdict::Good,
                PromptPurpose::Command => command::verdict(prompt.text()),
            };
        }
    }
}

/// Index of the history of a purpose.
fn history_index(purpose: PromptPurpose) -> usize {
    match purpose {
        PromptPurpose::Filter => 0,
        PromptPurpose::Search(_) => 1,
        PromptPurpose::Command => 2,
    }
}

pub(super) fn remember(histories: &mut [Vec<String>; 3], purpose: PromptPurpose, text: &str) {
    if let Some(history) = histories.get_mut(history_index(purpose))
        && !text.is_empty()
        && history.last().is_none_or(|last| last != text)
    {
        if history.len() >= HISTORY {
            history.remove(0);
        }
        history.push(text.to_owned());
    }
}
