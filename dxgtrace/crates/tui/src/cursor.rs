//! Selection and scroll position of a list.

/// The selected line, and the first one shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the selected line.
    pub at: usize,
    /// Index of the first line shown.
    pub top: usize,
}

impl Cursor {
    /// Moves the selection by `by` lines in a list of `length` lines.
    pub fn step(&mut self, by: isize, length: usize) {
        let last = length.saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Scrolls so that the selected line is among the `height` lines shown.
    pub fn fit(&mut self, length: usize, height: usize) {
        self.at = self.at.min(length.saturating_sub(1));
        let height = height.max(1);
        if self.at < self.top {
            self.top = self.at;
        } else if self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
        self.top = self.top.min(length.saturating_sub(height));
    }

    /// Range of the lines shown.
    pub fn shown(&self, length: usize, height: usize) -> std::ops::Range<usize> {
        let end = self.top.saturating_add(height).min(length);
        self.top.min(end)..end
    }
}
