//! Draws the state. Nothing here changes it.

pub(super) mod bytes;
pub(super) mod help;
mod ladder;
mod last;
pub(super) mod packets;
pub(super) mod pen;
pub(super) mod places;
mod popup;
mod status;
pub(super) mod tables;
pub(super) mod title;
pub(super) mod top;
mod tree;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, View};
use pen::Pen;
use places::ScreenPlaces;

/// Smallest screen that can be used.
const LEAST: (u16, u16) = (40, 8);

/// Draws everything. Where the cursor of a typed line stands is returned.
pub fn draw(app: &App, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let area = buffer.area;
    for line in 0..usize::from(area.height) {
        Pen::new(buffer, area, line, app.theme.text);
    }
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("make this at least {}x{}", LEAST.0, LEAST.1);
        Pen::new(buffer, area, 0, app.theme.text).put(text, app.theme.text);
        return None;
    }
    let places = ScreenPlaces::of(app);
    title::draw(app, buffer, places.title);
    match app.view {
        View::Packets => {
            packets::draw(app, buffer, places.list);
            tree::draw(app, buffer, &places);
            bytes::draw(app, buffer, &places);
        }
        View::Ladder => ladder::draw(app, buffer, &places),
        _ => tables::draw(app, buffer, &places),
    }
    status::draw(app, buffer, places.status);
    if app.help.is_some() {
        help::draw(app, buffer, area);
    }
    last::draw(app, buffer, places.last)
}

/// So many of something.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Whether a place has any cell.
fn is_nothing(area: Rect) -> bool {
    area.width == 0 || area.height == 0
}
