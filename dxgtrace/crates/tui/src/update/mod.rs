//! Carries out actions: one file per group of actions.

mod appearance;
mod cursor_and_panes;
mod filter_and_search;
mod list_actions;
mod mouse;
mod navigate;
mod prompt_input;
mod quit;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::action::{Action, KeyRequest};
use super::app::{App, TerminalEffect, View};
use super::keys::Stroke;
use super::prompt::PromptPurpose;
use super::views::screen_layout::ScreenLayout;

impl App {
    /// Handles a key.
    pub fn key(&mut self, key: &KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        // Several keys may arrive between two frames: bring the state up to date,
        // as drawing after the previous key would have done.
        self.prepare(self.area);
        self.message = None;
        if self.confirming_quit {
            self.answer_quit_question(Stroke::of(key));
        } else if self.prompt.is_some() {
            self.prompt_key(key);
        } else if let Some(request) = self.keymap.press(Stroke::of(key)) {
            self.apply(request);
        }
    }

    /// Handles pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.update_prompt();
        }
    }

    /// Carries out an action.
    pub fn apply(&mut self, request: KeyRequest) {
        let count = request.count.unwrap_or(1).max(1);
        let by = isize::try_from(count).unwrap_or(isize::MAX);
        if let Some(scroll) = self.help {
            return self.apply_in_help(request.action, scroll);
        }
        let page = ScreenLayout::of(self).page(self) as isize;
        match request.action {
            Action::Down => self.step(by),
            Action::Up => self.step(-by),
            Action::PageDown => self.step(by.saturating_mul(page)),
            Action::PageUp => self.step(by.saturating_mul(-page)),
            Action::HalfDown => self.step(by.saturating_mul((page / 2).max(1))),
            Action::HalfUp => self.step(by.saturating_mul(-(page / 2).max(1))),
            Action::Top => self.go_to_top(request.count),
            Action::Bottom => self.step(isize::MAX),
            Action::Left => self.move_sideways(-by),
            Action::Right => self.move_sideways(by),
            Action::NextPane => self.focus_pane(1),
            Action::PreviousPane => self.focus_pane(2),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Arrange => self.next_arrangement(),
            Action::Grow => self.resize(5),
            Action::Shrink => self.resize(-5),
            Action::Open => self.open_selected(),
            Action::Back => self.go_back(),
            Action::NextInExchange => self.next_in_exchange(true, count),
            Action::PreviousInExchange => self.next_in_exchange(false, count),
            Action::NextFinding => self.next_finding(true),
            Action::PreviousFinding => self.next_finding(false),
            Action::Filter => self.open_prompt(PromptPurpose::Filter, &self.filtering.text.clone()),
            Action::FilterField => self.filter_by_field(false),
            Action::FilterAlso => self.filter_by_field(true),
            Action::FilterClear => {
                self.set_filter("");
            }
            Action::Search => self.open_prompt(PromptPurpose::Search(self.search_place()), ""),
            Action::NextMatch => self.next_match(true),
            Action::PreviousMatch => self.next_match(false),
            Action::Mark => self.toggle_mark(),
            Action::SetPlace => self.set_bookmark(request.letter),
            Action::GoToPlace => self.go_to_bookmark(request.letter),
            Action::Pause => self.toggle_paused(),
            Action::Follow => self.follow_newest(),
            Action::Exchanges => self.toggle_joined(),
            Action::Packets => self.show_view(View::Packets),
            Action::Findings => self.show_view(View::Findings),
            Action::Objects => self.show_view(View::Objects),
            Action::Pending => self.show_view(View::Pending),
            Action::TopView => self.show_view(View::Top),
            Action::Ladder => self.show_ladder(),
            Action::Copy => self.copy_selected(),
            Action::Time => self.next_time(),
            Action::Theme => self.next_theme(),
            Action::Help => self.help = Some(0),
            Action::Command => self.open_prompt(PromptPurpose::Command, ""),
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
        let last = super::views::help::max_scroll(self);
        self.help = self.help.map(|scroll| scroll.min(last));
        if action == Action::Quit {
            self.quit();
        }
    }
}
