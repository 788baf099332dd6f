//! Actions that change the time format and the theme.

use super::super::app::{App, MessageTone};
use super::super::config;

impl App {
    pub(super) fn next_time(&mut self) {
        let at = config::TIMES
            .iter()
            .position(|(_, format)| *format == self.time);
        let next = (at.unwrap_or(0) + 1) % config::TIMES.len();
        if let Some((name, format)) = config::TIMES.get(next) {
            self.time = *format;
            self.show_message(MessageTone::Fine, format!("times: {name}"));
        }
    }

    pub(super) fn next_theme(&mut self) {
        let at = self.themes.iter().position(|theme| *theme == self.theme);
        let next = at.map_or(0, |at| (at + 1) % self.themes.len().max(1));
        if let Some(theme) = self.themes.get(next).cloned() {
            self.show_message(MessageTone::Fine, format!("theme: {}", theme.name));
            self.theme = theme;
        }
    }
}
