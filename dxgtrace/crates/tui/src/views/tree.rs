//! The tree pane: the fields of the selected packet.

use ratatui::buffer::Buffer;

use super::super::app::{App, Pane};
use super::line_writer::LineWriter;
use super::screen_layout::ScreenLayout;

/// Draws heading and lines of the tree.
pub fn draw(app: &App, buffer: &mut Buffer, layout: &ScreenLayout) {
    if super::has_no_cells(layout.tree_head) {
        return;
    }
    let theme = &app.theme;
    let focused = app.focus == Pane::Tree;
    let style = if focused {
        theme.current
    } else {
        theme.elsewhere
    };
    let mut writer = LineWriter::new(buffer, layout.tree_head, 0, style);
    let halves: Vec<_> = app
        .detail
        .halves
        .iter()
        .filter_map(|half| {
            let row = app.store.row(half.row)?;
            Some(format!("{} {}", half.label, row.number()))
        })
        .collect();
    writer.put(format_args!(" {}", halves.join(", ")), style);
    let area = layout.tree;
    let shown = app
        .detail
        .cursor
        .shown(app.detail.len(), usize::from(area.height));
    let lines = app
        .detail
        .lines()
        .enumerate()
        .skip(shown.start)
        .take(shown.len());
    for (place, (at, line)) in lines.enumerate() {
        let ground = match (at == app.detail.cursor.at, focused) {
            (true, true) => Some(theme.selected),
            (true, false) => Some(theme.elsewhere),
            (false, _) => None,
        };
        let mut writer = LineWriter::new(buffer, area, place, ground.unwrap_or(theme.text));
        let fold = match app.detail.branch(line) {
            Some(true) => "+ ",
            Some(false) => "- ",
            None => "  ",
        };
        writer.skip(2 * u16::from(line.depth));
        writer.put(fold, ground.unwrap_or(theme.faint));
        let found = line.severity.map(|severity| theme.severity(severity));
        let label = ground.or(found).unwrap_or(match line.depth {
            0 => theme.heading,
            _ => theme.text,
        });
        writer.put(&line.label, label);
        if !line.text.is_empty() {
            let style = ground.or(found).unwrap_or(theme.text);
            if !line.label.is_empty() {
                writer.put(": ", style);
            }
            let room = writer.room();
            let width = room.min(super::line_writer::columns(&line.text) as u16);
            writer.left(&line.text, width, style);
        }
    }
}
