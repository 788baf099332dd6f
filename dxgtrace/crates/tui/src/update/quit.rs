//! Quits, and asks first if that would lose a capture.

use super::super::app::{App, MessageTone, TerminalEffect};
use super::super::keys::Stroke;
use super::super::prompt::PromptPurpose;

impl App {
    /// Quits, or asks first if the capture is not saved.
    pub(crate) fn quit(&mut self) {
        if self.saving.is_some() {
            self.show_message(
                MessageTone::Wrong,
                "packets are still being saved; ZQ quits anyway",
            );
        } else if self.source.unsaved && self.source.saved_as.is_none() {
            self.confirming_quit = true;
        } else {
            self.quit_now();
        }
    }

    /// Quits. An unsaved capture stays in its temporary file.
    pub(crate) fn quit_now(&mut self) {
        let rows = self.store.rows();
        let packets = rows.len() - rows.first() as usize;
        let place = match &self.source.saved_as {
            Some(name) => name.clone(),
            None => self.source.path_shown(),
        };
        let live = self.source.recording.is_some();
        self.quit_with(live.then(|| format!("{packets} packets saved in {place}")));
    }

    /// Ends the program, which then prints `text`.
    pub(crate) fn quit_with(&mut self, text: Option<String>) {
        if self.source.unsaved && self.source.saved_as.is_some() {
            // A copy: if it cannot be removed, nothing is lost.
            let _ = std::fs::remove_file(&self.source.path);
        }
        self.effects.push_back(TerminalEffect::Quit(text));
    }

    pub(super) fn answer_quit_question(&mut self, stroke: Stroke) {
        self.confirming_quit = false;
        match stroke.letter() {
            Some('k' | 'K') => self.quit_now(),
            Some('d' | 'D') => match std::fs::remove_file(&self.source.path) {
                Ok(()) => self.effects.push_back(TerminalEffect::Quit(None)),
                Err(error) => {
                    self.show_message(MessageTone::Wrong, format!("cannot delete it: {error}"))
                }
            },
            Some('s' | 'S') => {
                self.quit_when_saved = true;
                self.open_prompt(PromptPurpose::Command, "save all ");
            }
            _ => {}
        }
    }
}
