//! Who may depend on whom, held against the `use` lines.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module, and the modules of this crate that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("packet", &["capture::header"]),
    ("bounded", &[]),
    ("kernel", &[]),
    ("capture", &["packet", "protocol", "bounded", "kernel"]),
    ("decode", &["protocol", "packet", "capture::header"]),
    (
        "check",
        &["decode", "protocol", "packet", "capture::header"],
    ),
    (
        "session",
        &["check", "decode", "protocol", "packet", "capture::header"],
    ),
    (
        "filter",
        &["check", "decode", "protocol", "packet", "capture::header"],
    ),
    (
        "output",
        &[
            "filter",
            "session",
            "check",
            "decode",
            "protocol",
            "packet",
            "capture::header",
            "capture::file",
        ],
    ),
    (
        "export",
        &["check", "decode", "protocol", "capture::header", "output"],
    ),
    (
        "store",
        &[
            "output",
            "filter",
            "session",
            "check",
            "decode",
            "protocol",
            "packet",
            "capture::header",
            "capture::file",
        ],
    ),
    ("replay", &["capture::header", "packet", "bounded"]),
    (
        "rules",
        &[
            "filter",
            "output",
            "session",
            "check",
            "decode",
            "protocol",
            "capture::header",
        ],
    ),
    ("explain", &["rules", "check", "decode", "protocol"]),
    (
        "compare",
        &[
            "output",
            "session",
            "check",
            "decode",
            "protocol",
            "capture::header",
        ],
    ),
    ("report", &["compare", "rules", "output", "check", "decode"]),
    (
        "cut",
        &["session", "decode", "protocol", "packet", "capture::header"],
    ),
    (
        "redact",
        &["session", "decode", "protocol", "packet", "capture::header"],
    ),
    ("doctor", &["decode", "protocol", "kernel"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a source names, as `a::b` of `crate::a::b`, two steps deep.
fn named(text: &str) -> BTreeSet<String> {
    let program = text.split("#[cfg(test)]").next().unwrap();
    let code: String = program
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => names.extend(entries(group).iter().map(|entry| two_steps(entry))),
            None => {
                names.insert(two_steps(after));
            }
        }
    }
    names
}

/// The entries of a `{a::b, c::{d, e}}` whose opening brace is gone.
fn entries(group: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut depth = 0;
    for letter in group.chars() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(String::new());
                continue;
            }
            _ => {}
        }
        entries.last_mut().unwrap().push(letter);
    }
    entries.retain(|entry| !entry.trim().is_empty());
    entries
}

fn two_steps(path: &str) -> String {
    let path: Vec<&str> = path
        .trim_start()
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
        .next()
        .unwrap()
        .split("::")
        .filter(|step| !step.is_empty())
        .take(2)
        .collect();
    path.join("::")
}

#[test]
fn modules_depend_only_on_those_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dxgtrace/src");
    for (module, allowed) in ALLOWED {
        let mut files = Vec::new();
        let file = root.join(format!("{module}.rs"));
        if file.is_file() {
            files.push(file);
        } else {
            sources(&root.join(module), &mut files);
        }
        assert!(!files.is_empty(), "{module}");
        for file in files {
            for name in named(&fs::read_to_string(&file).unwrap()) {
                let own = name == *module || name.starts_with(&format!("{module}::"));
                let fine = allowed.iter().any(|allowed| {
                    name == *allowed
                        || name.starts_with(&format!("{allowed}::"))
                        || allowed
                            .split_once("::")
                            .is_some_and(|(first, _)| name == first)
                });
                assert!(own || fine, "{} names crate::{name}", file.display());
            }
        }
    }
}

#[test]
fn every_module_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dxgtrace/src/lib.rs");
    let top = ["cli", "commands", "tui"];
    for line in fs::read_to_string(root).unwrap().lines() {
        let name = line.strip_prefix("pub mod ").or(line.strip_prefix("mod "));
        if let Some(name) = name.and_then(|name| name.strip_suffix(';')) {
            let listed = ALLOWED.iter().any(|(module, _)| module == &name);
            assert!(listed || top.contains(&name), "{name} may depend on what?");
        }
    }
}
