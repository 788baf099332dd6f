//! Quits, and asks first if that would lose a capture.

use super::super::app::{App, MessageTone, TerminalEffect};
use super::super::keys::Stroke;
use super::super::prompt::PromptPurpose;

impl App {
    /// Leaves, or asks first if something would be lost.
    pub(crate) fn quit(&mut self) {
        if self.saving.is_some() {
            self.say(
                MessageTone::Wrong,
                "packets are still being saved; ZQ quits all the same",
            );
        } else if self.source.unsaved && self.source.saved_as.is_none() {
            self.asks_to_quit = true;
        } else {
            self.quit_now();
        }
    }

    /// Leaves. A capture that nobody saved stays where it is.
    pub(crate) fn quit_now(&mut self) {
        let rows = self.store.rows();
        let packets = rows.len() - rows.first() as usize;
        let place = match &self.source.saved_as {
            Some(name) => name.clone(),
            None => self.source.path_shown(),
        };
        let live = self.source.recording.is_some();
        self.leave(live.then(|| format!("{packets} packets saved in {place}")));
    }

    /// Ends, and says this on the way out.
    pub(crate) fn leave(&mut self, text: Option<String>) {
        if self.source.unsaved && self.source.saved_as.is_some() {
            // All of it stands elsewhere; if it cannot be removed, it is only old.
            let _ = std::fs::remove_file(&self.source.path);
        }
        self.effects.push_back(TerminalEffect::Quit(text));
    }

    pub(super) fn answer(&mut self, stroke: Stroke) {
        self.asks_to_quit = false;
        match stroke.letter() {
            Some('k' | 'K') => self.quit_now(),
            Some('d' | 'D') => match std::fs::remove_file(&self.source.path) {
                Ok(()) => self.effects.push_back(TerminalEffect::Quit(None)),
                Err(error) => self.say(MessageTone::Wrong, format!("cannot delete it: {error}")),
            },
            Some('s' | 'S') => {
                self.quits_when_saved = true;
                self.ask(PromptPurpose::Command, "save all ");
            }
            _ => {}
        }
    }
}
