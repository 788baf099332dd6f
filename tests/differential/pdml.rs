//! ExpectedValue the dissector shows, read from tshark's PDML: one element a line.

use anyhow::{Context, Result};

/// One field of one frame.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its filter name.
    pub name: String,
    /// Offset in the frame.
    pub at: usize,
    /// The value as text.
    pub show: String,
    /// The bytes in hexadecimal.
    pub value: String,
}

/// The fields of every frame, in order; only those of the dissector, and the
/// sentences of expert infos.
pub fn parse(text: &str) -> Result<Vec<Vec<Shown>>> {
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("</packet>") {
            frames.push(std::mem::take(&mut frame));
        }
        if !line.starts_with("<field ") {
            continue;
        }
        let name = attribute(line, "name").unwrap_or_default();
        if !name.starts_with("dxg.") && name != "_ws.expert.message" {
            continue;
        }
        let at = attribute(line, "pos").unwrap_or_default();
        frame.push(Shown {
            at: at.parse().with_context(|| format!("position in {line}"))?,
            show: attribute(line, "show").unwrap_or_default(),
            value: attribute(line, "value").unwrap_or_default(),
            name,
        });
    }
    Ok(frames)
}

/// The value of an attribute.
fn attribute(line: &str, name: &str) -> Option<String> {
    let start = format!(" {name}=\"");
    let at = line.find(&start)? + start.len();
    let (value, _) = line.get(at..)?.split_once('"')?;
    Some(plain(value))
}

/// Text without XML's escapes.
pub fn plain(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}
