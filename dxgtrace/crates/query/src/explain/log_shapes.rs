//! The kinds of kernel log lines, from a data file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dxgtrace_session::check::Layer;
use regex::Regex;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogShapesFile {
    aliases: BTreeMap<String, String>,
    ioctls: BTreeMap<String, String>,
    messages: BTreeMap<String, String>,
    line: Vec<LogShapeEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogShapeEntry {
    pub(super) pattern: String,
    pub(super) what: String,
    pub(super) layer: Option<Layer>,
    pub(super) cause: Option<String>,
    pub(super) next: Option<String>,
    pub(super) function: Option<String>,
    /// Part of the name of the ioctl's function that fails because of the line.
    pub(super) leads_to: Option<String>,
    /// Whether the line does not report a failure.
    #[serde(default)]
    pub(super) info: bool,
}

/// A kind of line.
pub(super) struct LogShape {
    pub(super) pattern: Regex,
    pub(super) entry: LogShapeEntry,
}

pub(super) struct Shapes {
    pub(super) aliases: BTreeMap<String, String>,
    /// The ioctl's function by the name of the driver's, without `dxgkio_`.
    pub(super) ioctls: BTreeMap<String, String>,
    /// The message by the name of the driver's function, without `dxgvmb_send_`.
    pub(super) messages: BTreeMap<String, String>,
    pub(super) lines: Vec<LogShape>,
}

pub(super) static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let file =
        toml::from_str::<LogShapesFile>(include_str!("../../data/dmesg.toml")).unwrap_or_default();
    let shape = |entry: LogShapeEntry| {
        let pattern = Regex::new(&entry.pattern).ok()?;
        Some(LogShape { pattern, entry })
    };
    Shapes {
        aliases: file.aliases,
        ioctls: file.ioctls,
        messages: file.messages,
        lines: file.line.into_iter().filter_map(shape).collect(),
    }
});

/// The number of kinds that were loaded, and the number in the data file. They
/// are equal unless a pattern is invalid.
#[cfg(test)]
pub(super) fn counts() -> (usize, usize) {
    let written = include_str!("../../data/dmesg.toml")
        .lines()
        .filter(|line| *line == "[[line]]")
        .count();
    (SHAPES.lines.len(), written)
}

/// Converts a name of the driver to the library's spelling.
pub(super) fn unaliased(name: &str) -> String {
    let mut name = name.to_owned();
    for (alias, full) in &SHAPES.aliases {
        if !name.contains(full.as_str()) {
            name = name.replace(alias.as_str(), full);
        }
    }
    name
}
