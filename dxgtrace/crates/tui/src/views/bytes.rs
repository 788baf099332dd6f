//! The bytes pane: the payload of the selected packet, with the bytes of the
//! selected field highlighted.

use ratatui::buffer::Buffer;

use super::super::app::{App, Pane};
use super::line_writer::LineWriter;
use super::screen_layout::ScreenLayout;

/// Columns of the offset at the start of a line.
const OFFSET: u16 = 7;

/// Which of the `width` bytes of a line is shown at a column, in hexadecimal or
/// as a character.
pub fn place_at(column: u16, width: usize) -> Option<usize> {
    let column = usize::from(column);
    // A space precedes each byte, and one more every eighth.
    let begin = |place: usize| usize::from(OFFSET) + 3 * place + place / 8;
    let letters = begin(width.saturating_sub(1)) + 5;
    match column.checked_sub(letters) {
        Some(letter) => Some(letter).filter(|letter| *letter < width),
        None => (0..width).find(|place| (begin(*place)..begin(*place) + 3).contains(&column)),
    }
}

/// Draws the heading and the lines.
pub fn draw(app: &App, buffer: &mut Buffer, layout: &ScreenLayout) {
    if super::has_no_cells(layout.bytes_head) {
        return;
    }
    let theme = &app.theme;
    let focused = app.focus == Pane::Bytes;
    let style = if focused {
        theme.current
    } else {
        theme.elsewhere
    };
    let mut writer = LineWriter::new(buffer, layout.bytes_head, 0, style);
    let Some(half) = app.detail.shown_half() else {
        writer.put(" bytes", style);
        return;
    };
    let marked = app.detail.highlighted();
    writer.put(format_args!(" {} bytes", half.bytes.len()), style);
    if !marked.is_empty() {
        let length = marked.len();
        writer.put(format_args!(", {length} at {:#x}", marked.start), style);
    }
    let width = layout.bytes_per_line();
    let cursor = app.detail.byte.filter(|_| focused);
    for line in 0..usize::from(layout.bytes.height) {
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
        let mut writer = LineWriter::new(buffer, layout.bytes, line, theme.text);
        writer.left(format_args!("{start:06x}"), OFFSET, theme.faint);
        for place in 0..width {
            let at = start + place;
            if place > 0 && place % 8 == 0 {
                writer.put(" ", theme.text);
            }
            match bytes.get(place) {
                Some(byte) => {
                    // The space between two highlighted bytes is highlighted.
                    let joined = place > 0 && marked.contains(&at) && marked.contains(&(at - 1));
                    let gap = if joined { theme.field } else { theme.text };
                    writer.put(" ", gap);
                    writer.put(format_args!("{byte:02x}"), style(at));
                }
                None => {
                    writer.put("   ", theme.text);
                }
            }
        }
        writer.put("  ", theme.text);
        for (place, byte) in bytes.iter().take(width).enumerate() {
            let letter = match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            };
            writer.put(letter, style(start + place));
        }
    }
}
