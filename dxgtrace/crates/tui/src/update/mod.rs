//! What actions do to the state.

mod appearance;
mod finding;
mod listing;
mod moving;
mod navigate;
mod pointer;
mod quit;
mod typing;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::action::{Action, KeyRequest};
use super::app::{App, TerminalEffect, View};
use super::keys::Stroke;
use super::prompt::PromptPurpose;
use super::views::places::ScreenPlaces;

impl App {
    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        // Of keys that come at once, each finds what the one before has led to.
        self.prepare(self.area);
        self.message = None;
        if self.asks_to_quit {
            self.answer(Stroke::of(key));
        } else if self.prompt.is_some() {
            self.type_key(key);
        } else if let Some(request) = self.keymap.press(Stroke::of(key)) {
            self.apply(request);
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.judge();
        }
    }

    /// Does what was asked for.
    pub fn apply(&mut self, request: KeyRequest) {
        let count = request.count.unwrap_or(1).max(1);
        let by = isize::try_from(count).unwrap_or(isize::MAX);
        if let Some(scroll) = self.help {
            return self.apply_in_help(request.action, scroll);
        }
        let page = ScreenPlaces::of(self).page(self) as isize;
        match request.action {
            Action::Down => self.step(by),
            Action::Up => self.step(-by),
            Action::PageDown => self.step(by.saturating_mul(page)),
            Action::PageUp => self.step(by.saturating_mul(-page)),
            Action::HalfDown => self.step(by.saturating_mul((page / 2).max(1))),
            Action::HalfUp => self.step(by.saturating_mul(-(page / 2).max(1))),
            Action::Top => self.top(request.count),
            Action::Bottom => self.step(isize::MAX),
            Action::Left => self.sideways(-by),
            Action::Right => self.sideways(by),
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(2),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Arrange => self.arrange(),
            Action::Grow => self.resize(5),
            Action::Shrink => self.resize(-5),
            Action::Open => self.open(),
            Action::Back => self.back(),
            Action::NextInExchange => self.in_exchange(true, count),
            Action::PreviousInExchange => self.in_exchange(false, count),
            Action::NextFinding => self.next_finding(true),
            Action::PreviousFinding => self.next_finding(false),
            Action::Filter => self.ask(PromptPurpose::Filter, &self.filtering.text.clone()),
            Action::FilterField => self.filter_field(false),
            Action::FilterAlso => self.filter_field(true),
            Action::FilterClear => {
                self.set_filter("");
            }
            Action::Search => self.ask(PromptPurpose::Search(self.search_place()), ""),
            Action::NextMatch => self.next_match(true),
            Action::PreviousMatch => self.next_match(false),
            Action::Mark => self.mark(),
            Action::SetPlace => self.set_place(request.letter),
            Action::GoToPlace => self.go_to_place(request.letter),
            Action::Pause => self.pause(),
            Action::Follow => self.follow(),
            Action::Exchanges => self.exchanges(),
            Action::Packets => self.show(View::Packets),
            Action::Findings => self.show(View::Findings),
            Action::Objects => self.show(View::Objects),
            Action::Pending => self.show(View::Pending),
            Action::TopView => self.show(View::Top),
            Action::Ladder => self.ladder(),
            Action::Copy => self.copy(),
            Action::Time => self.next_time(),
            Action::Theme => self.next_theme(),
            Action::Help => self.help = Some(0),
            Action::Command => self.ask(PromptPurpose::Command, ""),
            Action::Quit => self.quit(),
            Action::QuitNow => self.quit_now(),
            Action::Redraw => self.effects.push_back(TerminalEffect::Redraw),
            Action::Suspend => self.effects.push_back(TerminalEffect::Suspend),
        }
    }

    fn apply_in_help(&mut self, action: Action, scroll: usize) {
        let page = usize::from(self.area.height.saturating_sub(4)).max(1);
        self.help = match action {
            Action::Down => Some(scroll + 1),
            Action::Up => Some(scroll.saturating_sub(1)),
            Action::PageDown | Action::HalfDown => Some(scroll + page),
            Action::PageUp | Action::HalfUp => Some(scroll.saturating_sub(page)),
            Action::Top => Some(0),
            Action::Bottom => Some(usize::MAX),
            _ => None,
        };
        let last = super::views::help::last(self);
        self.help = self.help.map(|scroll| scroll.min(last));
        if action == Action::Quit {
            self.quit();
        }
    }
}
