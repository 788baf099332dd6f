//! Writes text into the cells of a line. All drawing goes through here, so that
//! text never leaves its area and only printable characters reach the terminal.

use std::borrow::Cow;
use std::fmt::Display;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_truncate::UnicodeTruncateStr;

/// Writes into a line of the screen, from left to right.
pub struct LineWriter<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> LineWriter<'a> {
    /// Starts at the left end of line `line` of `area`, and clears the line in
    /// `style`.
    pub fn new(buffer: &'a mut Buffer, area: Rect, line: usize, style: Style) -> Self {
        let inside = area.intersection(buffer.area);
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        let (y, end) = if line < inside.height {
            (inside.y + line, inside.right())
        } else {
            (inside.y, inside.x)
        };
        let mut writer = Self {
            buffer,
            x: inside.x,
            y,
            end,
        };
        writer.fill(style);
        writer
    }

    /// Number of columns up to the right end.
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Writes a text, as far as it fits.
    pub fn put(&mut self, text: impl Display, style: Style) -> &mut Self {
        let room = self.room();
        self.cell(text, room, style)
    }

    /// Writes a text into `width` columns, flush left. A longer one is truncated
    /// and ends in `~`.
    pub fn left(&mut self, text: impl Display, width: u16, style: Style) -> &mut Self {
        self.column(&text.to_string(), width, style, false)
    }

    /// Like [`Self::left`], but flush right.
    pub fn right(&mut self, text: impl Display, width: u16, style: Style) -> &mut Self {
        self.column(&text.to_string(), width, style, true)
    }

    /// Skips `width` columns.
    pub fn skip(&mut self, width: u16) -> &mut Self {
        self.x = self.x.saturating_add(width).min(self.end);
        self
    }

    /// Excludes `width` columns at the right end from writing.
    pub fn reserve(&mut self, width: u16) {
        self.end = self.end.saturating_sub(width).max(self.x);
    }

    /// Ends [`Self::reserve`]: the line can be written up to the end of `area`.
    pub fn release(&mut self, area: Rect) {
        self.end = area.intersection(self.buffer.area).right();
    }

    /// Moves to `width` columns before the right end, but not back.
    pub fn align_right(&mut self, width: u16) -> &mut Self {
        self.x = self.x.max(self.end.saturating_sub(width));
        self
    }

    /// Clears the rest of the line in a style.
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

/// Width of a text in columns.
pub fn columns(text: &str) -> usize {
    ratatui::text::Span::raw(text).width()
}

/// A text in at most `width` columns. A longer one is truncated and ends in `~`.
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

/// The label `NAME[PID]` of a process in at most `width` columns. If it is too
/// long, the name is truncated, not the number.
pub fn shortened_label(label: &str, width: usize) -> String {
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
