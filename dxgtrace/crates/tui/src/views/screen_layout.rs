//! Divides the screen into areas, for drawing as well as for keys and mouse.

use ratatui::layout::Rect;

use super::super::app::{App, Arrangement, Pane, View};

/// Screen width from which on the bytes pane beside the tree has 16 bytes per
/// line.
const WIDE: u16 = 120;
/// Columns of a line of 8 bytes.
const BYTES_8: u16 = 42;
/// Columns of a line of 16 bytes.
const BYTES_16: u16 = 75;

/// The areas of the screen. The area of what is not shown is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScreenLayout {
    /// The title line.
    pub title: Rect,
    /// The packet list with its heading.
    pub list: Rect,
    /// Heading of the tree.
    pub tree_head: Rect,
    /// The tree without its heading.
    pub tree: Rect,
    /// Heading of the bytes.
    pub bytes_head: Rect,
    /// The bytes without their heading.
    pub bytes: Rect,
    /// Heading of the table of another view.
    pub table_head: Rect,
    /// The table of another view, without its heading.
    pub table: Rect,
    /// Details of the selected line of the table.
    pub details: Rect,
    /// The status line.
    pub status: Rect,
    /// The last line: prompt, messages or hints.
    pub last: Rect,
}

impl ScreenLayout {
    /// Divides the screen for the current view, panes and size.
    pub fn of(app: &App) -> Self {
        let mut rest = app.area;
        let mut layout = Self {
            title: cut_top(&mut rest, 1),
            last: cut_bottom(&mut rest, 1),
            ..Self::default()
        };
        layout.status = cut_bottom(&mut rest, 1);
        if app.view == View::Packets {
            layout.packets(app, rest);
        } else {
            layout.others(app, rest);
        }
        layout
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
        let lines = u32::from(rest.height) * u32::from(app.list_share) / 100;
        let lines = (lines as u16).clamp(3, rest.height.saturating_sub(4));
        self.list = cut_top(&mut rest, lines);
        let (tree, bytes) = match app.arrangement {
            Arrangement::Stacked => {
                let height = rest.height / 2;
                (cut_top(&mut rest, height), rest)
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
                // One column stays free between the two.
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
            self.details = cut_bottom(&mut rest, height);
        }
        (self.table_head, self.table) = headed(rest);
    }

    /// Number of packet lines in the list.
    pub fn list_lines(&self) -> usize {
        usize::from(self.list.height.saturating_sub(1))
    }

    /// Number of bytes per line of the bytes pane.
    pub fn bytes_per_line(&self) -> usize {
        if self.bytes.width >= BYTES_16 - 1 {
            16
        } else {
            8
        }
    }

    /// Number of lines of the pane that has the focus, at least 1.
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

/// Splits an area into heading and rest.
fn headed(mut rest: Rect) -> (Rect, Rect) {
    (cut_top(&mut rest, 1), rest)
}

/// Cuts `height` lines from the top of `rest`.
fn cut_top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    taken
}

/// Cuts `height` lines from the bottom of `rest`.
fn cut_bottom(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect {
        y: rest.y + rest.height,
        height,
        ..*rest
    }
}
