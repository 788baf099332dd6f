//! Making what the screen will show, so that drawing only reads.

use ratatui::layout::Rect;

use dxgtrace_protocol::record::header::{IoctlEnd, RecordKind};
use dxgtrace_render::output::duration;

use super::super::cursor::Cursor;
use super::super::detail::TreeLook;
use super::super::table::{self, TableBasis};
use super::super::views::places::ScreenPlaces;
use super::super::views::top;
use super::{App, View};

/// Rows that are looked at for a list at once.
const STEP: usize = 1 << 17;
/// Lines of packets that are kept once made.
const LINES: usize = 4096;

impl App {
    /// Makes everything that the screen will show, so that drawing only reads.
    pub fn prepare(&mut self, area: Rect) {
        self.area = area;
        let places = ScreenPlaces::of(self);
        self.list.cursor.fit(self.list.len(), places.list_lines());
        if self.view == View::Packets {
            self.prepare_lines(places.list_lines());
        }
        self.load_detail(&places);
        let lines = usize::from(places.tree.height);
        self.detail.cursor.fit(self.detail.len(), lines);
        self.fit_bytes(&places);
        if self.view != View::Packets {
            self.prepare_table(usize::from(places.table.height));
        }
    }

    /// Reads the selected packet again, if it is not the one that is shown.
    pub(crate) fn load_detail(&mut self, places: &ScreenPlaces) {
        let look = TreeLook {
            joined: self.list.joined,
            time: self.time,
            width: places.tree.width,
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
        if self.lines.contains_key(&index) {
            return;
        }
        let (Some(row), Some(fetch)) = (self.store.row(index), &mut self.fetch) else {
            return;
        };
        if self.lines.len() >= LINES {
            self.lines.clear();
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
        self.lines.insert(index, text);
    }

    fn fit_bytes(&mut self, places: &ScreenPlaces) {
        let width = places.bytes_per_line().max(1);
        let height = usize::from(places.bytes.height).max(1);
        let marked = self.detail.marked();
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

    /// Makes the lines of the view, or those that are new.
    fn renew_table(&mut self) {
        let all = self.store.rows().len();
        let mut basis = TableBasis {
            view: self.view,
            rows: all,
            row: self.about,
            severity: self.mildest,
            sorted_by: self.sorted_by,
            ended: self.store.end().is_some(),
        };
        if self.table.basis == Some(basis) {
            return;
        }
        let old = self.table.basis.filter(|old| basis.goes_on_from(old));
        let first = old.map_or(0, |old| old.rows);
        // A long capture is gone through in steps, so that keys are answered.
        let end = all.min(first + STEP);
        let range = first as u32..end as u32;
        let about = self.about.unwrap_or(0);
        let keys = match self.view {
            View::Packets => Vec::new(),
            View::Findings => table::findings(&self.store, self.mildest, range),
            View::Pending => table::pending(&self.store, about),
            View::Top => table::groups(&self.store, |group| top::rank(self, group)),
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
            self.about = self.list.selected();
        }
        if self.view == View::Top {
            self.memory = self.source.memory();
        }
        self.renew_table();
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
