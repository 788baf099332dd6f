//! Actions that move the cursor, and that focus and arrange panes.

use dxgtrace_session::check::Severity;

use super::super::app::{App, Arrangement, MessageTone, Pane, View};
use super::super::views::screen_layout::ScreenLayout;
use super::super::views::top;

impl App {
    pub(super) fn step(&mut self, by: isize) {
        match (self.view, self.focus) {
            (View::Packets, Pane::List) => self.list.step(by),
            (View::Packets, Pane::Tree) => self.detail.step(by),
            (View::Packets, Pane::Bytes) => {
                let width = ScreenLayout::of(self).bytes_per_line().max(1) as isize;
                self.detail.step_byte(by.saturating_mul(width));
            }
            _ => self.table.cursor.step(by, self.table.keys.len()),
        }
    }

    pub(super) fn go_to_top(&mut self, number: Option<u32>) {
        match (number, self.view) {
            (Some(number), _) => match self.store.rows().at_number(u64::from(number)) {
                Some(row) => self.jump(row),
                None => {
                    self.show_message(MessageTone::Wrong, format!("there is no packet {number}"))
                }
            },
            (None, _) => self.step(isize::MIN),
        }
    }

    pub(super) fn move_sideways(&mut self, by: isize) {
        match (self.view, self.focus) {
            (View::Packets, Pane::Bytes) => self.detail.step_byte(by),
            (View::Packets, Pane::Tree) if by > 0 => self.detail.unfold(),
            (View::Packets, Pane::Tree) => self.detail.fold(),
            (View::Top, _) => self.sorted_by = top::column_beside(self, by),
            _ => {}
        }
    }

    pub(super) fn focus_pane(&mut self, by: usize) {
        if self.view != View::Packets {
            return;
        }
        const PANES: [Pane; 3] = [Pane::List, Pane::Tree, Pane::Bytes];
        let at = PANES.iter().position(|pane| *pane == self.focus);
        let next = (at.unwrap_or(0) + by) % PANES.len();
        self.focus = PANES.get(next).copied().unwrap_or_default();
        if self.arrangement == Arrangement::Hidden {
            self.arrangement = Arrangement::Beside;
        }
    }

    pub(super) fn next_arrangement(&mut self) {
        self.arrangement = match self.arrangement {
            Arrangement::Beside => Arrangement::Stacked,
            Arrangement::Stacked => Arrangement::Hidden,
            Arrangement::Hidden => Arrangement::Beside,
        };
        if self.arrangement == Arrangement::Hidden {
            self.focus = Pane::List;
        }
    }

    pub(super) fn resize(&mut self, by: i16) {
        if self.view == View::Findings {
            let at = self.mildest as usize;
            let at = if by > 0 { at + 1 } else { at.saturating_sub(1) };
            self.mildest = Severity::ALL.get(at).copied().unwrap_or(self.mildest);
        } else {
            self.list_share = self.list_share.saturating_add_signed(by).clamp(15, 85);
        }
    }
}
