//! Draws the state, one file per part of the screen. Nothing here changes it.

pub(super) mod bytes;
mod completions;
pub(super) mod help;
mod ladder;
mod last_line;
pub(super) mod line_writer;
pub(super) mod packets;
pub(super) mod screen_layout;
mod status_line;
pub(super) mod tables;
pub(super) mod title_line;
pub(super) mod top;
mod tree;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, View};
use line_writer::LineWriter;
use screen_layout::ScreenLayout;

/// Smallest screen that can be drawn: columns, lines.
const LEAST: (u16, u16) = (40, 8);

/// Draws the whole screen. Returns the position of the text cursor if the prompt
/// is open.
pub fn draw(app: &App, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let area = buffer.area;
    for line in 0..usize::from(area.height) {
        LineWriter::new(buffer, area, line, app.theme.text);
    }
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("make this at least {}x{}", LEAST.0, LEAST.1);
        LineWriter::new(buffer, area, 0, app.theme.text).put(text, app.theme.text);
        return None;
    }
    let layout = ScreenLayout::of(app);
    title_line::draw(app, buffer, layout.title);
    match app.view {
        View::Packets => {
            packets::draw(app, buffer, layout.list);
            tree::draw(app, buffer, &layout);
            bytes::draw(app, buffer, &layout);
        }
        View::Ladder => ladder::draw(app, buffer, &layout),
        _ => tables::draw(app, buffer, &layout),
    }
    status_line::draw(app, buffer, layout.status);
    if app.help.is_some() {
        help::draw(app, buffer, area);
    }
    last_line::draw(app, buffer, layout.last)
}

/// `count` and the noun `what`, in the plural unless `count` is 1.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Whether an area has no cells.
fn has_no_cells(area: Rect) -> bool {
    area.width == 0 || area.height == 0
}
