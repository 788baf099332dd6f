//! A whole kernel log: its lines of this driver, grouped by what they say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::Answer;
use super::dmesg;
use crate::rules::Rule;
use dxgtrace_protocol::decode::escaped;

/// Most groups that are kept; lines of further kinds are only counted.
const MOST: usize = 1000;

/// Lines that say the same.
#[derive(Debug, Clone, Serialize)]
pub struct LogGroup {
    /// The first of them, safe to print.
    pub first: String,
    /// How many there are.
    pub count: u64,
    /// What they mean; `None` for a line of the driver that is not known.
    pub answer: Option<Answer>,
}

/// The lines of this driver in a kernel log.
#[derive(Debug, Default)]
pub struct Log {
    groups: Vec<LogGroup>,
    places: BTreeMap<String, usize>,
    /// Lines of this driver that were beyond the bound.
    pub beyond: u64,
}

impl Log {
    /// Takes the next line. Lines of others are passed over.
    pub fn line(&mut self, line: &str, rules: &[Rule]) {
        let line = line
            .get(..line.floor_char_boundary(super::LONGEST))
            .unwrap_or(line);
        let known = dmesg::key(line);
        if known.is_none() && !dmesg::is_ours(line) {
            return;
        }
        let key = known.unwrap_or_else(|| format!("? {}", text(line)));
        if let Some(group) = self
            .places
            .get(&key)
            .and_then(|at| self.groups.get_mut(*at))
        {
            group.count += 1;
            return;
        }
        if self.groups.len() >= MOST {
            self.beyond += 1;
            return;
        }
        self.places.insert(key, self.groups.len());
        self.groups.push(LogGroup {
            first: escaped(line.trim_end().as_bytes()).to_string(),
            count: 1,
            answer: dmesg::line(line, rules),
        });
    }

    /// The groups in the order of their first lines.
    pub fn groups(&self) -> &[LogGroup] {
        &self.groups
    }
}

/// A line without its time.
fn text(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, text)) => text.trim_start(),
        None => line,
    }
}
