//! The bytes of the selected packet, the selected field among them.

use ratatui::buffer::Buffer;

use super::super::app::{App, Pane};
use super::pen::Pen;
use super::places::ScreenPlaces;

/// Columns of the offset.
const OFFSET: u16 = 7;

/// Which of the `width` bytes of a line stands at a column.
pub fn place_at(column: u16, width: usize) -> Option<usize> {
    let column = usize::from(column);
    // A space stands before each byte, and a further one between each eight.
    let begin = |place: usize| usize::from(OFFSET) + 3 * place + place / 8;
    let letters = begin(width.saturating_sub(1)) + 5;
    match column.checked_sub(letters) {
        Some(letter) => Some(letter).filter(|letter| *letter < width),
        None => (0..width).find(|place| (begin(*place)..begin(*place) + 3).contains(&column)),
    }
}

/// Draws the heading and the lines.
pub fn draw(app: &App, buffer: &mut Buffer, places: &ScreenPlaces) {
    if super::is_nothing(places.bytes_head) {
        return;
    }
    let theme = &app.theme;
    let focused = app.focus == Pane::Bytes;
    let style = if focused {
        theme.current
    } else {
        theme.elsewhere
    };
    let mut pen = Pen::new(buffer, places.bytes_head, 0, style);
    let Some(half) = app.detail.shown_half() else {
        pen.put(" bytes", style);
        return;
    };
    let marked = app.detail.marked();
    pen.put(format_args!(" {} bytes", half.bytes.len()), style);
    if !marked.is_empty() {
        let length = marked.len();
        pen.put(format_args!(", {length} at {:#x}", marked.start), style);
    }
    let width = places.bytes_per_line();
    let cursor = app.detail.byte.filter(|_| focused);
    for line in 0..usize::from(places.bytes.height) {
        let start = (app.detail.bytes_top + line) * width;
        let Some(bytes) = half.bytes.get(start..) else {
            break;
        };
        if bytes.is_empty() {
            break;
        }
        let style = |at: usize| {
            if cursor == Some(at) {
                theme.selected
            } else if marked.contains(&at) {
                theme.field
            } else {
                theme.text
            }
        };
        let mut pen = Pen::new(buffer, places.bytes, line, theme.text);
        pen.left(format_args!("{start:06x}"), OFFSET, theme.faint);
        for place in 0..width {
            let at = start + place;
            if place > 0 && place % 8 == 0 {
                pen.put(" ", theme.text);
            }
            match bytes.get(place) {
                Some(byte) => {
                    // The gap between two marked bytes is marked too.
                    let joined = place > 0 && marked.contains(&at) && marked.contains(&(at - 1));
                    let gap = if joined { theme.field } else { theme.text };
                    pen.put(" ", gap);
                    pen.put(format_args!("{byte:02x}"), style(at));
                }
                None => {
                    pen.put("   ", theme.text);
                }
            }
        }
        pen.put("  ", theme.text);
        for (place, byte) in bytes.iter().take(width).enumerate() {
            let letter = match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            };
            pen.put(letter, style(start + place));
        }
    }
}
