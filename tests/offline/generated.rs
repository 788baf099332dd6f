//! Generated files that are checked in are those that the generators write.
//!
//! With `DXGTRACE_BLESS=1` they are written again: `make generate`.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

type Generator = fn(&mut String) -> fmt::Result;

/// Each generated file, from the repository's root.
const FILES: &[(&str, Generator)] = &[
    ("dissectors/dxg.lua", |out| {
        dxgtrace_render::export::lua(out)
    }),
    ("docs/protocol.md", |out| {
        dxgtrace_render::export::reference(out)
    }),
    ("docs/findings.md", |out| {
        dxgtrace_render::export::findings(out)
    }),
    ("docs/jsonl.schema.json", |out| {
        out.push_str(&dxgtrace_render::export::schema());
        Ok(())
    }),
];

#[test]
fn generated_files_are_current() -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let bless = std::env::var_os("DXGTRACE_BLESS").is_some();
    for (name, generate) in FILES {
        let mut wanted = String::new();
        generate(&mut wanted)?;
        let path = root.join(name);
        if bless {
            let folder = path.parent().context("a file without a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&path, &wanted)?;
            continue;
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        let line = found
            .lines()
            .zip(wanted.lines())
            .position(|(found, wanted)| found != wanted);
        ensure!(
            found == wanted,
            "{name} is not what the description says now, from line {}: run `make generate`",
            line.unwrap_or_else(|| found.lines().count().min(wanted.lines().count())) + 1
        );
    }
    Ok(())
}
