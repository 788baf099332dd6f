//! Folds and unfolds the branches of the tree.

use super::{PacketDetail, TreeLine};

/// Top-level branches that are folded initially: they are alike in all packets.
const FOLDED: &[&str] = &["packet", "extended header", "command header"];

impl PacketDetail {
    /// Unfolds the selected branch; if it is unfolded, goes to its first line.
    pub fn unfold(&mut self) {
        let Some(line) = self.selected().cloned() else {
            return;
        };
        if line.branch && self.is_folded(&line) {
            self.set_folded(&line, false);
        } else if line.branch {
            self.step(1);
        }
    }

    /// Folds the selected branch; if it is none or folded, goes to its parent.
    pub fn fold(&mut self) {
        let Some(line) = self.selected().cloned() else {
            return;
        };
        if line.branch && !self.is_folded(&line) {
            self.set_folded(&line, true);
            return;
        }
        let above = self.lines().take(self.cursor.at).collect::<Vec<_>>();
        if let Some(parent) = above.iter().rposition(|above| above.depth < line.depth) {
            self.cursor.at = parent;
        }
    }

    /// Folds the selected branch, or unfolds it if it is folded.
    pub fn toggle(&mut self) {
        if let Some(line) = self.selected().cloned()
            && line.branch
        {
            self.set_folded(&line, !self.is_folded(&line));
        }
    }

    /// Whether a branch is folded; `None` if the line is not a branch.
    pub fn branch(&self, line: &TreeLine) -> Option<bool> {
        line.branch.then(|| self.is_folded(line))
    }

    pub(super) fn reveal(&mut self, line: usize) {
        let Some(target) = self.lines.get(line).cloned() else {
            return;
        };
        let mut depth = target.depth;
        for above in (0..line).rev() {
            let Some(parent) = self.lines.get(above).cloned() else {
                break;
            };
            if parent.depth < depth {
                depth = parent.depth;
                self.folded.remove(&parent.path);
                self.unfolded.insert(parent.path);
            }
        }
        self.refold();
        self.cursor.at = self.open.iter().position(|open| *open == line).unwrap_or(0);
    }

    fn is_folded(&self, line: &TreeLine) -> bool {
        let at_first = FOLDED.contains(&line.label.as_str()) && line.depth == 0;
        self.folded.contains(&line.path) || at_first && !self.unfolded.contains(&line.path)
    }

    fn set_folded(&mut self, line: &TreeLine, folded: bool) {
        if folded {
            self.unfolded.remove(&line.path);
            self.folded.insert(line.path.clone());
        } else {
            self.folded.remove(&line.path);
            self.unfolded.insert(line.path.clone());
        }
        self.refold();
    }

    pub(super) fn mark_branches(&mut self) {
        let mut above: Vec<String> = Vec::new();
        // Lines without a label continue the text above; they make no branch.
        let next: Vec<_> = (1..=self.lines.len())
            .map(|at| {
                let mut below = self.lines.iter().skip(at);
                let below = below.find(|line| !line.label.is_empty());
                below.map(|line| (line.half, line.depth))
            })
            .collect();
        for (at, line) in self.lines.iter_mut().enumerate() {
            above.truncate(usize::from(line.depth));
            above.push(line.label.clone());
            line.path = above.join("/");
            let next = next.get(at).copied().flatten();
            line.branch = !line.label.is_empty()
                && next.is_some_and(|(half, depth)| half == line.half && depth > line.depth);
        }
    }

    pub(super) fn refold(&mut self) {
        let mut open = Vec::with_capacity(self.lines.len());
        let mut hidden = u8::MAX;
        for (at, line) in self.lines.iter().enumerate() {
            if line.depth > hidden {
                continue;
            }
            hidden = u8::MAX;
            open.push(at);
            if line.branch && self.is_folded(line) {
                hidden = line.depth;
            }
        }
        self.open = open;
        self.cursor.at = self.cursor.at.min(self.open.len().saturating_sub(1));
    }
}
