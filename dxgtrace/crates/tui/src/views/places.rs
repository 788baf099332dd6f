//! Where on the screen everything stands: one answer for drawing and for keys.

use ratatui::layout::Rect;

use super::super::app::{App, Arrangement, Pane, View};

/// From this width on, bytes get 16 a line next to the tree.
const WIDE: u16 = 120;
/// Columns of a line of 8 and of 16 bytes.
const BYTES_8: u16 = 42;
const BYTES_16: u16 = 75;

/// The places of one screen. What is not shown has no height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScreenPlaces {
    /// The title line.
    pub title: Rect,
    /// The list with its heading.
    pub list: Rect,
    /// Heading of the tree.
    pub tree_head: Rect,
    /// The tree.
    pub tree: Rect,
    /// Heading of the bytes.
    pub bytes_head: Rect,
    /// The bytes.
    pub bytes: Rect,
    /// Heading of another view's list.
    pub table_head: Rect,
    /// Another view's list.
    pub table: Rect,
    /// What is said about its selected line.
    pub note: Rect,
    /// The status line.
    pub status: Rect,
    /// The line for messages and typing.
    pub last: Rect,
}

impl ScreenPlaces {
    /// The places on the screen as it is.
    pub fn of(app: &App) -> Self {
        let mut rest = app.area;
        let mut places = Self {
            title: top(&mut rest, 1),
            last: bottom(&mut rest, 1),
            ..Self::default()
        };
        places.status = bottom(&mut rest, 1);
        if app.view == View::Packets {
            places.packets(app, rest);
        } else {
            places.others(app, rest);
        }
        places
    }

    fn packets(&mut self, app: &App, mut rest: Rect) {
        if app.zoomed {
            match app.focus {
                Pane::List => self.list = rest,
                Pane::Tree => (self.tree_head, self.tree) = headed(rest),
                Pane::Bytes => (self.bytes_head, self.bytes) = headed(rest),
            }
            return;
        }
        if app.arrangement == Arrangement::Hidden || rest.height < 8 {
            self.list = rest;
            return;
        }
        let lines = u32::from(rest.height) * u32::from(app.share) / 100;
        let lines = (lines as u16).clamp(3, rest.height.saturating_sub(4));
        self.list = top(&mut rest, lines);
        let (tree, bytes) = match app.arrangement {
            Arrangement::Stacked => {
                let height = rest.height / 2;
                (top(&mut rest, height), rest)
            }
            _ => {
                let width = if rest.width >= WIDE {
                    BYTES_16
                } else {
                    BYTES_8
                };
                let width = width.min(rest.width / 2 + 4);
                let (mut tree, mut bytes) = (rest, rest);
                tree.width = rest.width - width;
                bytes.x += tree.width;
                bytes.width = width;
                // A column between the two.
                tree.width = tree.width.saturating_sub(1);
                (tree, bytes)
            }
        };
        (self.tree_head, self.tree) = headed(tree);
        (self.bytes_head, self.bytes) = headed(bytes);
    }

    fn others(&mut self, app: &App, mut rest: Rect) {
        if matches!(app.view, View::Findings | View::Objects) && rest.height >= 12 {
            let height = if rest.width >= WIDE { 5 } else { 8 };
            self.note = bottom(&mut rest, height);
        }
        (self.table_head, self.table) = headed(rest);
    }

    /// Lines of the list without its heading.
    pub fn list_lines(&self) -> usize {
        usize::from(self.list.height.saturating_sub(1))
    }

    /// Bytes that a line of bytes has room for.
    pub fn bytes_per_line(&self) -> usize {
        if self.bytes.width >= BYTES_16 - 1 {
            16
        } else {
            8
        }
    }

    /// Lines of what the keys move in.
    pub fn page(&self, app: &App) -> usize {
        let height = match (app.view, app.focus) {
            (View::Packets, Pane::List) => self.list.height.saturating_sub(1),
            (View::Packets, Pane::Tree) => self.tree.height,
            (View::Packets, Pane::Bytes) => self.bytes.height,
            _ => self.table.height,
        };
        usize::from(height).max(1)
    }
}

fn headed(mut rest: Rect) -> (Rect, Rect) {
    (top(&mut rest, 1), rest)
}

/// Takes lines from the top.
fn top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    taken
}

/// Takes lines from the bottom.
fn bottom(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect {
        y: rest.y + rest.height,
        height,
        ..*rest
    }
}
