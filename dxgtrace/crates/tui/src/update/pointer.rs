//! The mouse: the wheel moves what is under it, a click selects, and a click on
//! what is selected opens it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::app::{App, Pane, View};
use super::super::views::places::ScreenPlaces;
use super::super::views::title;

/// Lines that a step of the wheel goes.
const WHEEL: u32 = 3;

impl App {
    /// Takes what the mouse did.
    pub fn mouse(&mut self, event: &MouseEvent) {
        if self.prompt.is_some() || self.asks_to_quit {
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
            self.point(at);
        }
        let mut request = super::KeyRequest::from(action);
        request.count = Some(WHEEL);
        self.apply(request);
    }

    /// Gives the pane at a place the focus.
    fn point(&mut self, at: Position) {
        let places = ScreenPlaces::of(self);
        for (pane, area) in [
            (Pane::List, places.list),
            (Pane::Tree, with_head(places.tree_head, places.tree)),
            (Pane::Bytes, with_head(places.bytes_head, places.bytes)),
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
        let places = ScreenPlaces::of(self);
        if places.title.contains(at) {
            if let Some(action) = title::at(self, at.x) {
                self.apply(action.into());
            }
            return;
        }
        self.point(at);
        let line = |area: Rect, top: usize| top + usize::from(at.y - area.y);
        let below_heading = Rect {
            y: places.list.y + 1,
            height: places.list.height.saturating_sub(1),
            ..places.list
        };
        let (old, new) = if places.table.contains(at) && self.view != View::Packets {
            let new = line(places.table, self.table.cursor.top);
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
        } else if places.tree.contains(at) {
            let new = line(places.tree, self.detail.cursor.top);
            let old = self.detail.cursor.at;
            if new >= self.detail.len() {
                return;
            }
            self.detail.step(new as isize - old as isize);
            (old, new)
        } else {
            return self.click_byte(&places, at);
        };
        if old == new {
            self.apply(Action::Open.into());
        }
    }

    fn click_byte(&mut self, places: &ScreenPlaces, at: Position) {
        if !places.bytes.contains(at) {
            return;
        }
        let width = places.bytes_per_line();
        let Some(place) = super::super::views::bytes::place_at(at.x - places.bytes.x, width) else {
            return;
        };
        let line = self.detail.bytes_top + usize::from(at.y - places.bytes.y);
        let from = self.detail.byte.unwrap_or(self.detail.marked().start);
        let to = line * width + place;
        self.detail.step_byte(to as isize - from as isize);
    }
}

/// A pane with the line above it.
fn with_head(head: Rect, pane: Rect) -> Rect {
    Rect {
        height: head.height + pane.height,
        ..head
    }
}
