//! Generated files that are checked in are those that the generators write.
//!
//! With `DXGTRACE_BLESS=1` they are written again: `make generate`.

use std::path::Path;

use anyhow::{Context, Error, Result, ensure};

/// Appends the file to the string; parts that are written by hand are taken from the
/// file as it is.
type Generator = fn(&str, &mut String) -> Result<()>;

/// Each generated file, from the repository's root.
const FILES: &[(&str, Generator)] = &[
    ("dissectors/dxg.lua", |_, out| {
        Ok(dxgtrace_render::export::lua(out)?)
    }),
    ("docs/protocol.md", |_, out| {
        Ok(dxgtrace_render::export::reference(out)?)
    }),
    ("docs/findings.md", |_, out| {
        Ok(dxgtrace_render::export::findings(out)?)
    }),
    ("docs/capture-format.md", |page, out| {
        out.push_str(&dxgtrace_render::export::capture_format(page).map_err(Error::msg)?);
        Ok(())
    }),
    ("docs/jsonl.schema.json", |_, out| {
        out.push_str(&dxgtrace_render::export::schema());
        Ok(())
    }),
];

#[test]
fn generated_files_are_current() -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let bless = std::env::var_os("DXGTRACE_BLESS").is_some();
    for (name, generate) in FILES {
        let path = root.join(name);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        let mut wanted = String::new();
        generate(&found, &mut wanted).with_context(|| name.to_string())?;
        if bless {
            let folder = path.parent().context("a file without a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&path, &wanted)?;
            continue;
        }
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
