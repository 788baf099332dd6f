//! Mouse input: the wheel scrolls the pane under the pointer, a click selects a
//! line, and a click on the selected line opens it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::app::{App, Pane, View};
use super::super::views::screen_layout::ScreenLayout;
use super::super::views::title_line;

/// Lines per step of the wheel.
const WHEEL: u32 = 3;

impl App {
    /// Handles a mouse event.
    pub fn mouse(&mut self, event: &MouseEvent) {
        if self.prompt.is_some() || self.confirming_quit {
            return;
        }
        let at = Position::new(event.column, event.row);
        let action = match event.kind {
            MouseEventKind::ScrollDown => Action::Down,
            MouseEventKind::ScrollUp => Action::Up,
            MouseEventKind::Down(MouseButton::Left) => return self.click(at),
            _ => return,
        };
        if self.help.is_none() {
            self.focus_pane_at(at);
        }
        let mut request = super::KeyRequest::from(action);
        request.count = Some(WHEEL);
        self.apply(request);
    }

    /// Focuses the pane at a position.
    fn focus_pane_at(&mut self, at: Position) {
        let layout = ScreenLayout::of(self);
        for (pane, area) in [
            (Pane::List, layout.list),
            (Pane::Tree, with_head(layout.tree_head, layout.tree)),
            (Pane::Bytes, with_head(layout.bytes_head, layout.bytes)),
        ] {
            if area.contains(at) {
                self.focus = pane;
            }
        }
    }

    fn click(&mut self, at: Position) {
        self.message = None;
        if self.help.take().is_some() {
            return;
        }
        let layout = ScreenLayout::of(self);
        if layout.title.contains(at) {
            if let Some(action) = title_line::action_at(self, at.x) {
                self.apply(action.into());
            }
            return;
        }
        self.focus_pane_at(at);
        let line = |area: Rect, top: usize| top + usize::from(at.y - area.y);
        let below_heading = Rect {
            y: layout.list.y + 1,
            height: layout.list.height.saturating_sub(1),
            ..layout.list
        };
        let (old, new) = if layout.table.contains(at) && self.view != View::Packets {
            let new = line(layout.table, self.table.cursor.top);
            if new >= self.table.keys.len() {
                return;
            }
            (std::mem::replace(&mut self.table.cursor.at, new), new)
        } else if below_heading.contains(at) {
            let new = line(below_heading, self.list.cursor.top);
            let old = self.list.cursor.at;
            if new >= self.list.len() {
                return;
            }
            self.list.step(new as isize - old as isize);
            (old, new)
        } else if layout.tree.contains(at) {
            let new = line(layout.tree, self.detail.cursor.top);
            let old = self.detail.cursor.at;
            if new >= self.detail.len() {
                return;
            }
            self.detail.step(new as isize - old as isize);
            (old, new)
        } else {
            return self.click_byte(&layout, at);
        };
        if old == new {
            self.apply(Action::Open.into());
        }
    }

    fn click_byte(&mut self, layout: &ScreenLayout, at: Position) {
        if !layout.bytes.contains(at) {
            return;
        }
        let width = layout.bytes_per_line();
        let Some(place) = super::super::views::bytes::place_at(at.x - layout.bytes.x, width) else {
            return;
        };
        let line = self.detail.bytes_top + usize::from(at.y - layout.bytes.y);
        let from = self.detail.byte.unwrap_or(self.detail.highlighted().start);
        let to = line * width + place;
        self.detail.step_byte(to as isize - from as isize);
    }
}

/// A pane including its heading.
fn with_head(head: Rect, pane: Rect) -> Rect {
    Rect {
        height: head.height + pane.height,
        ..head
    }
}
