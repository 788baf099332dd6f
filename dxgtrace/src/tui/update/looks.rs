//! How things look.

use super::super::app::{App, Tone};
use super::super::{config, theme};

impl App {
    pub(super) fn next_time(&mut self) {
        let at = config::TIMES
            .iter()
            .position(|(_, format)| *format == self.time);
        let next = (at.unwrap_or(0) + 1) % config::TIMES.len();
        if let Some((name, format)) = config::TIMES.get(next) {
            self.time = *format;
            self.say(Tone::Fine, format!("times: {name}"));
        }
    }

    pub(super) fn next_theme(&mut self) {
        let themes = theme::themes();
        let at = themes.iter().position(|theme| *theme == self.theme);
        let next = (at.unwrap_or(0) + 1) % themes.len();
        if let Some(theme) = themes.into_iter().nth(next) {
            self.say(Tone::Fine, format!("theme: {}", theme.name));
            self.theme = theme;
        }
    }
}
