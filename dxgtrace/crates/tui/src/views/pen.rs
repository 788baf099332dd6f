//! Puts text into the screen's cells. Everything goes through here, so no text
//! can leave its place, and nothing but printable characters gets through.

use std::borrow::Cow;
use std::fmt::Display;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_truncate::UnicodeTruncateStr;

/// Writes into a line of the screen from left to right.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> Pen<'a> {
    /// Writes into line `line` of `area`, which is cleared in a style.
    pub fn new(buffer: &'a mut Buffer, area: Rect, line: usize, style: Style) -> Self {
        let inside = area.intersection(buffer.area);
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        let (y, end) = if line < inside.height {
            (inside.y + line, inside.right())
        } else {
            (inside.y, inside.x)
        };
        let mut pen = Self {
            buffer,
            x: inside.x,
            y,
            end,
        };
        pen.fill(style);
        pen
    }

    /// Columns that are left.
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Writes a text.
    pub fn put(&mut self, text: impl Display, style: Style) -> &mut Self {
        let room = self.room();
        self.cell(text, room, style)
    }

    /// Writes a text into so many columns; a longer one is cut and ends in `~`.
    pub fn left(&mut self, text: impl Display, width: u16, style: Style) -> &mut Self {
        self.column(&text.to_string(), width, style, false)
    }

    /// The same, but flush right.
    pub fn right(&mut self, text: impl Display, width: u16, style: Style) -> &mut Self {
        self.column(&text.to_string(), width, style, true)
    }

    /// Leaves columns free.
    pub fn skip(&mut self, width: u16) -> &mut Self {
        self.x = self.x.saturating_add(width).min(self.end);
        self
    }

    /// Keeps so many columns at the right end free.
    pub fn reserve(&mut self, width: u16) {
        self.end = self.end.saturating_sub(width).max(self.x);
    }

    /// The whole line of `area` can be written again.
    pub fn release(&mut self, area: Rect) {
        self.end = area.intersection(self.buffer.area).right();
    }

    /// Goes to a column of the line, counted from the right end.
    pub fn align_right(&mut self, width: u16) -> &mut Self {
        self.x = self.x.max(self.end.saturating_sub(width));
        self
    }

    /// Gives the rest of the line a style.
    pub fn fill(&mut self, style: Style) {
        for x in self.x..self.end {
            if let Some(cell) = self.buffer.cell_mut((x, self.y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    fn column(&mut self, text: &str, width: u16, style: Style, right: bool) -> &mut Self {
        let width = width.min(self.room());
        let text = fitted(text, usize::from(width));
        let pad = usize::from(width).saturating_sub(columns(&text));
        match right {
            true => self.cell(format_args!("{:pad$}{text}", ""), width, style),
            false => self.cell(format_args!("{text}{:pad$}", ""), width, style),
        }
    }

    fn cell(&mut self, text: impl Display, width: u16, style: Style) -> &mut Self {
        let text = text.to_string();
        let width = usize::from(width.min(self.room()));
        let (x, _) = self.buffer.set_stringn(self.x, self.y, text, width, style);
        self.x = x;
        self
    }
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    ratatui::text::Span::raw(text).width()
}

/// A text in at most so many columns: a longer one is cut and ends in `~`.
pub fn fitted(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    if width == 0 {
        return Cow::Borrowed("");
    }
    let (kept, _) = text.unicode_truncate(width - 1);
    Cow::Owned(format!("{kept}~"))
}

/// A process's label in so many columns: if it is too long, its name is cut
/// rather than its number.
pub fn shortened(label: &str, width: usize) -> String {
    if columns(label) <= width {
        return label.to_owned();
    }
    let number = label.rfind('[').and_then(|at| label.get(at..));
    let number = number
        .filter(|number| number.len() + 2 <= width)
        .unwrap_or("");
    let (name, _) = label.unicode_truncate(width.saturating_sub(number.len() + 1));
    format!("{name}~{number}")
}
