//! Actions on the packet list: pause, follow, join replies, mark, copy.

use super::super::app::{App, MessageTone, Pane, TerminalEffect, View};
use super::super::views::{packets, tables};

impl App {
    pub(super) fn toggle_paused(&mut self) {
        self.list.paused = !self.list.paused;
        let text = match self.list.paused {
            true => "paused: new packets are kept, and shown when you press Space again",
            false => "new packets are shown as they come",
        };
        self.show_message(MessageTone::Fine, text);
    }

    pub(super) fn follow_newest(&mut self) {
        self.list.paused = false;
        self.list.follow();
        if self.view != View::Packets {
            self.show_view(View::Packets);
        }
    }

    pub(super) fn toggle_joined(&mut self) {
        let joined = !self.list.joined;
        self.list.set_joined(self.store.rows(), joined);
        self.detail.invalidate();
        let text = match joined {
            true => "replies stand on the line of their request",
            false => "every packet stands on a line of its own",
        };
        self.show_message(MessageTone::Fine, text);
    }

    pub(super) fn toggle_mark(&mut self) {
        if let Some(row) = self.list.selected() {
            if !self.marks.remove(&row) {
                self.marks.insert(row);
            }
            self.show_message(
                MessageTone::Fine,
                format!("{} marked; :save marked FILE", self.marks.len()),
            );
        }
    }

    pub(super) fn copy_selected(&mut self) {
        let text = match (self.view, self.focus) {
            (View::Packets, Pane::List) => packets::line_text(self),
            (View::Packets, Pane::Tree) => self.detail.selected().map(|line| {
                let colon = if line.text.is_empty() { "" } else { ": " };
                let name = line.field.as_deref().unwrap_or(&line.label);
                let text = line.whole.as_deref().unwrap_or(&line.text);
                format!("{name}{colon}{text}")
            }),
            (View::Packets, Pane::Bytes) => self.detail.shown_half().map(|half| {
                let marked = self.detail.highlighted();
                let end = marked.end.min(half.bytes.len());
                let bytes = half.bytes.get(marked.start.min(end)..end).unwrap_or(&[]);
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }),
            _ => tables::selected_text(self),
        };
        match text {
            Some(text) => {
                self.show_message(MessageTone::Fine, format!("copied: {text}"));
                self.effects.push_back(TerminalEffect::Copy(text));
            }
            None => self.show_message(MessageTone::Wrong, "there is nothing to copy"),
        }
    }
}
