//! Who may depend on whom: the crates as docs/architecture.md draws them.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the whole project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Each crate of the product with the crates of the product that it names as
/// normal dependencies, as cargo says.
fn crates_of_cargo() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "dxgtrace-tests" {
            continue;
        }
        let needed = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|needed| needed.starts_with("dxgtrace"))
            .map(str::to_owned)
            .collect();
        crates.insert(name.to_owned(), needed);
    }
    crates
}

/// The same as docs/architecture.md has it: rows `| crate | holds | needs |`.
fn crates_of_document() -> BTreeMap<String, BTreeSet<String>> {
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut crates = BTreeMap::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, _, needs, ""] = cells[..]
            && let Some(name) = name.strip_prefix("`dxgtrace")
        {
            let full = |short: &str| format!("dxgtrace{}", short.trim_matches('`'));
            let needs = needs
                .split([',', ' '])
                .filter(|word| word.starts_with('`'))
                .map(|word| full(&format!("-{}", word.trim_matches('`'))))
                .collect();
            crates.insert(full(name), needs);
        }
    }
    crates
}

#[test]
fn the_document_draws_the_crates_that_cargo_builds() {
    assert_eq!(crates_of_document(), crates_of_cargo());
}
