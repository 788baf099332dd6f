//! Compares the output of decoder and dissector.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::expected::{ExpectedField, ExpectedValue, Frame};
use super::pdml::{self, Shown};

/// Fields that are not part of the message and are compared separately.
const OWN: &[&str] = &[
    "dxg.message",
    "dxg.part",
    "dxg.finding",
    "dxg.missing",
    "dxg.body",
    "dxg.request_in",
    "dxg.reply_in",
    "dxg.time",
];

/// Compares the expected frames with tshark's PDML output of two passes.
pub fn compare(expected: &[Frame], shown: &str) -> Result<()> {
    let shown = pdml::parse(shown)?;
    ensure!(
        expected.len() == shown.len(),
        "{} frames expected, {} shown",
        expected.len(),
        shown.len()
    );
    for (index, (expected, shown)) in expected.iter().zip(&shown).enumerate() {
        frame(expected, shown)
            .with_context(|| format!("frame {}: {}", index + 1, expected.line))?;
    }
    Ok(())
}

fn frame(expected: &Frame, shown: &[Shown]) -> Result<()> {
    let own = |name: &str| {
        shown
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.show.clone())
    };
    let same = |name: &str, wanted: Option<String>| {
        let found = own(name);
        ensure!(
            wanted == found,
            "{name}: expected {wanted:?}, shown {found:?}"
        );
        Ok(())
    };
    same("dxg.message", expected.message.map(str::to_owned))?;
    same("dxg.part", expected.part.map(str::to_owned))?;
    same(
        "dxg.request_in",
        expected.request.map(|(frame, _)| frame.to_string()),
    )?;
    same(
        "dxg.reply_in",
        expected.reply.map(|frame| frame.to_string()),
    )?;
    let time = expected
        .request
        .map(|(_, time)| format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000));
    same("dxg.time", time)?;
    let missing = Some(expected.missing).filter(|missing| *missing > 0);
    same("dxg.missing", missing.map(|missing| missing.to_string()))?;
    ensure!(
        findings(shown) == expected.findings,
        "findings: expected {:?}, shown {:?}",
        expected.findings,
        findings(shown)
    );
    entries(&expected.entries, shown)
}

/// Codes and sentences of the expert infos.
fn findings(shown: &[Shown]) -> BTreeSet<(String, String)> {
    let sentence = |at: usize| {
        shown
            .iter()
            .skip(at)
            .find(|field| field.name == "_ws.expert.message")
            .map(|field| field.show.clone())
            .unwrap_or_default()
    };
    shown
        .iter()
        .enumerate()
        .filter_map(|(at, field)| {
            let code = field.name.strip_prefix("dxg.finding.")?;
            Some((code.to_owned(), sentence(at)))
        })
        .collect()
}

fn entries(expected: &[ExpectedField], shown: &[Shown]) -> Result<()> {
    let mut expected: Vec<_> = expected.iter().collect();
    let mut shown: Vec<_> = shown
        .iter()
        .filter(|field| field.name.starts_with("dxg."))
        .filter(|field| !field.name.starts_with("dxg.finding"))
        .filter(|field| !OWN.contains(&field.name.as_str()))
        .collect();
    expected.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    shown.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    for (wanted, found) in expected.iter().zip(&shown) {
        ensure!(
            wanted.name == found.name && wanted.at == found.at,
            "expected {} at {}, shown {} at {}",
            wanted.name,
            wanted.at,
            found.name,
            found.at
        );
        ensure!(
            wanted.what.is(found),
            "{} at {}: expected {:?}, shown {:?} ({})",
            wanted.name,
            wanted.at,
            wanted.what,
            found.show,
            found.value
        );
    }
    if let Some(wanted) = expected.get(shown.len()) {
        anyhow::bail!("{} at {} is not shown", wanted.name, wanted.at);
    }
    if let Some(found) = shown.get(expected.len()) {
        anyhow::bail!("{} at {} is shown, but not expected", found.name, found.at);
    }
    Ok(())
}

impl ExpectedValue {
    /// Whether tshark shows this value.
    fn is(&self, shown: &Shown) -> bool {
        match self {
            Self::Number(wanted, size) => number(&shown.show).is_some_and(|found| {
                let mask = u64::MAX >> (64 - 8 * u32::from(*size));
                (found as u64) & mask == *wanted & mask
            }),
            Self::Text(wanted) => *wanted == shown.show,
            Self::Bytes(wanted) => {
                let hex: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
                hex == shown.value
            }
        }
    }
}

fn number(text: &str) -> Option<i128> {
    match text {
        "True" => Some(1),
        "False" => Some(0),
        _ => match text.strip_prefix("0x") {
            Some(digits) => i128::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}
