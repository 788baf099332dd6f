//! Loads and formats what the screen will show, so that drawing only reads the
//! state.

use ratatui::layout::Rect;

use dxgtrace_protocol::record::header::{IoctlEnd, RecordKind};
use dxgtrace_render::output::duration;

use super::super::cursor::Cursor;
use super::super::detail::TreeLook;
use super::super::table::{self, TableBasis};
use super::super::views::screen_layout::ScreenLayout;
use super::super::views::top;
use super::{App, View};

/// Most rows that one call adds to a table.
const STEP: usize = 1 << 17;
/// Most line texts that are cached.
const MAX_LINES: usize = 4096;

impl App {
    /// Loads and formats everything that a screen of size `area` will show.
    pub fn prepare(&mut self, area: Rect) {
        self.area = area;
        let layout = ScreenLayout::of(self);
        self.list.cursor.fit(self.list.len(), layout.list_lines());
        if self.view == View::Packets {
            self.prepare_lines(layout.list_lines());
        }
        self.load_detail(&layout);
        let lines = usize::from(layout.tree.height);
        self.detail.cursor.fit(self.detail.len(), lines);
        self.fit_bytes(&layout);
        if self.view != View::Packets {
            self.prepare_table(usize::from(layout.table.height));
        }
    }

    /// Loads the selected packet into the tree, unless it is loaded already.
    pub(crate) fn load_detail(&mut self, layout: &ScreenLayout) {
        let look = TreeLook {
            joined: self.list.joined,
            time: self.time,
            width: layout.tree.width,
        };
        let (fetch, row) = (self.fetch.as_mut(), self.list.selected());
        self.detail.load(&self.store, fetch, row, look);
    }

    fn prepare_lines(&mut self, height: usize) {
        for line in self.list.cursor.shown(self.list.len(), height) {
            if let Some(row) = self.list.row(line) {
                self.make_line(row);
            }
        }
    }

    fn make_line(&mut self, index: u32) {
        if self.line_texts.contains_key(&index) {
            return;
        }
        let (Some(row), Some(fetch)) = (self.store.row(index), &mut self.fetch) else {
            return;
        };
        if self.line_texts.len() >= MAX_LINES {
            self.line_texts.clear();
        }
        let text = match fetch.row(self.store.rows(), row, None) {
            Ok(fetched) if row.kind() == RecordKind::Ioctl => {
                let end = IoctlEnd::decode(fetched.packet.payload).unwrap_or_default();
                let (took, messages) = (duration(end.duration), end.messages);
                format!("{} took={took} messages={messages}", row.name())
            }
            Ok(fetched) => fetched.line(),
            Err(error) => error.to_string(),
        };
        self.line_texts.insert(index, text);
    }

    fn fit_bytes(&mut self, layout: &ScreenLayout) {
        let width = layout.bytes_per_line().max(1);
        let height = usize::from(layout.bytes.height).max(1);
        let marked = self.detail.highlighted();
        let at = self.detail.byte.unwrap_or(marked.start);
        let line = at / width;
        let length = self.detail.shown_half().map_or(0, |half| half.bytes.len());
        let mut cursor = Cursor {
            at: line,
            top: self.detail.bytes_top,
        };
        cursor.fit(length.div_ceil(width), height);
        self.detail.bytes_top = cursor.top;
    }

    /// Brings the table up to date: adds new lines, or rebuilds it.
    fn update_table(&mut self) {
        let all = self.store.rows().len();
        let mut basis = TableBasis {
            view: self.view,
            rows: all,
            row: self.reference_row,
            severity: self.mildest,
            sorted_by: self.sorted_by,
            ended: self.store.end().is_some(),
        };
        if self.table.basis == Some(basis) {
            return;
        }
        let old = self.table.basis.filter(|old| basis.extends(old));
        let first = old.map_or(0, |old| old.rows);
        // In steps, so that keys are answered while a long capture is processed.
        let end = all.min(first + STEP);
        let range = first as u32..end as u32;
        let about = self.reference_row.unwrap_or(0);
        let keys = match self.view {
            View::Packets => Vec::new(),
            View::Findings => table::findings(&self.store, self.mildest, range),
            View::Pending => {
                let mut keys = table::pending(&self.store, about);
                if self.scene_row() == Some(self.scene.row) {
                    keys.extend((0..self.scene.waits.len() as u32).map(table::LineKey::Wait));
                }
                keys
            }
            View::Top => table::groups(&self.store, |group| top::sort_value(self, group)),
            View::Ladder => match &self.object {
                Some(object) => object
                    .rows
                    .iter()
                    .copied()
                    .map(table::LineKey::Row)
                    .collect(),
                None => table::ladder(&self.store, about, range),
            },
            View::Objects => {
                let count = self.scene.objects.len() as u32;
                (0..count).map(table::LineKey::Object).collect()
            }
        };
        let in_steps = match self.view {
            View::Findings => true,
            View::Ladder => self.object.is_none(),
            _ => false,
        };
        if in_steps {
            basis.rows = end;
        }
        match old {
            Some(_) if in_steps => self.table.extend(keys, basis),
            _ => self.table.set(keys, basis),
        }
    }

    fn prepare_table(&mut self, height: usize) {
        if self.list.follow && matches!(self.view, View::Pending | View::Objects) {
            self.reference_row = self.list.selected();
        }
        if self.view == View::Top {
            self.memory = self.source.memory();
        }
        self.update_table();
        self.table.cursor.fit(self.table.keys.len(), height);
        let shown = self.table.cursor.shown(self.table.keys.len(), height);
        let keys: Vec<_> = self.table.keys.get(shown).unwrap_or(&[]).to_vec();
        for key in keys {
            if let table::LineKey::Row(row) | table::LineKey::Finding(row, _) = key {
                self.make_line(row);
            }
        }
    }
}
