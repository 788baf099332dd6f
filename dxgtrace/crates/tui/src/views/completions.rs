//! The completions above the prompt.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::cursor::Cursor;
use super::super::prompt::{Prompt, PromptVerdict};
use super::line_writer::{LineWriter, columns};

/// Most completions shown at a time.
const SHOWN: usize = 8;

/// Draws the completions above `line`, and between the two the `remark`: what is
/// wrong with the typed text.
pub fn draw(app: &App, prompt: &Prompt, remark: &str, buffer: &mut Buffer, line: Rect) {
    let theme = &app.theme;
    let mut bottom = line.y;
    if !remark.is_empty() && bottom > 0 {
        bottom -= 1;
        let area = Rect {
            y: bottom,
            height: 1,
            ..line
        };
        let style = match prompt.verdict {
            PromptVerdict::Bad(_) => theme.bad,
            _ => theme.faint,
        };
        LineWriter::new(buffer, area, 0, theme.text)
            .put(" ", style)
            .put(remark, style);
    }
    let all = &prompt.completions;
    let height = all
        .len()
        .min(SHOWN)
        .min(usize::from(bottom.saturating_sub(1)));
    if height == 0 {
        return;
    }
    let mut cursor = Cursor {
        at: prompt.chosen.unwrap_or(0),
        top: 0,
    };
    cursor.fit(all.len(), height);
    let area = Rect {
        y: bottom - height as u16,
        height: height as u16,
        ..line
    };
    let range = cursor.shown(all.len(), height);
    let widest = |items: &[super::super::prompt::Completion]| {
        items
            .iter()
            .map(|item| columns(&item.text))
            .max()
            .unwrap_or(0)
    };
    let shown = all.get(range.clone()).unwrap_or(&[]);
    let width = widest(shown).min(usize::from(line.width) * 2 / 3) as u16;
    for (number, item) in shown.iter().enumerate() {
        let chosen = prompt.chosen == Some(range.start + number);
        let style = if chosen {
            theme.selected
        } else {
            theme.elsewhere
        };
        let mut writer = LineWriter::new(buffer, area, number, style);
        writer
            .put(" ", style)
            .left(&item.text, width, style)
            .put("  ", style);
        let room = writer.room();
        writer.left(&item.doc, room, style);
    }
}
