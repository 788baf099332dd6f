//! Tests of the dependencies: the crates are those of docs/architecture.md, and the files
//! of a crate have no cycles.
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

/// The sources of a folder.
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

/// A file of a crate: what it passes on from other modules, and what it names.
struct SourceFile {
    /// Names that other modules find here, with the path that they come from.
    exports: Vec<(String, Vec<String>)>,
    /// Modules whose every name is found here.
    globs: Vec<Vec<String>>,
    /// Paths from the crate's root that the code names.
    named: Vec<Vec<String>>,
}

/// The path of a file's module: `["session", "plan"]` of `session/plan/mod.rs`.
fn module_path(relative: &Path) -> Vec<String> {
    let mut path: Vec<String> = relative
        .with_extension("")
        .iter()
        .map(|step| step.to_string_lossy().into_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        path.pop();
    }
    path
}

/// Every single path of a `use` tree such as `a::{b, c::{self, d}}`.
fn paths_of_tree(tree: &str, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return;
    }
    if let Some(open) = tree.find('{') {
        let mut start = before.to_vec();
        let steps = tree[..open].trim_end_matches("::").split("::");
        start.extend(steps.filter(|step| !step.is_empty()).map(str::to_owned));
        let inner = &tree[open + 1..tree.rfind('}').unwrap()];
        let mut depth = 0;
        let mut from = 0;
        for (at, letter) in inner.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    paths_of_tree(&inner[from..at], &start, found);
                    from = at + 1;
                }
                _ => {}
            }
        }
        paths_of_tree(&inner[from..], &start, found);
        return;
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut full = before.to_vec();
    full.extend(path.split("::").map(|step| step.trim().to_owned()));
    if full.last().is_some_and(|last| last == "self") {
        full.pop();
    }
    let name = match alias.trim() {
        "" => full.last().cloned().unwrap_or_default(),
        alias => alias.to_owned(),
    };
    found.push((full, name));
}

/// A path as a module writes it, from the crate's root; `None` if it leads out
/// of the crate.
fn absolute(
    path: &[String],
    module: &[String],
    children: &BTreeSet<String>,
) -> Option<Vec<String>> {
    let mut at = module.to_vec();
    let mut steps = path.iter().peekable();
    match steps.peek().map(|step| step.as_str())? {
        "crate" => {
            at.clear();
            steps.next();
        }
        "self" => {
            steps.next();
        }
        "super" => {
            while steps.peek().is_some_and(|step| *step == "super") {
                at.pop();
                steps.next();
            }
        }
        first if children.contains(first) => {}
        _ => return None,
    }
    at.extend(steps.cloned());
    Some(at)
}

fn read_source(text: &str, module: &[String], children: &BTreeSet<String>) -> SourceFile {
    let program = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = program
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut file = SourceFile {
        exports: Vec::new(),
        globs: Vec::new(),
        named: Vec::new(),
    };
    let mut rest = String::new();
    let mut statement = String::new();
    for line in code.lines() {
        let start = line.trim_start();
        let is_use = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .any(|word| start.starts_with(word));
        if statement.is_empty() && !is_use {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        statement.push_str(start);
        let Some(whole) = statement.strip_suffix(';') else {
            continue;
        };
        let passes_on = whole.starts_with("pub");
        let tree = whole.split_once("use ").map_or("", |(_, tree)| tree);
        let mut paths = Vec::new();
        paths_of_tree(tree, &[], &mut paths);
        for (path, name) in paths {
            let Some(mut path) = absolute(&path, module, children) else {
                continue;
            };
            let is_glob = path.last().is_some_and(|last| last == "*");
            if is_glob {
                path.pop();
            }
            match (passes_on, is_glob) {
                (true, true) => file.globs.push(path),
                (true, false) => file.exports.push((name, path)),
                (false, _) => file.named.push(path),
            }
        }
        statement.clear();
    }
    // Paths in the code, outside of `use` declarations.
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    for path in rest.split(|letter| !word(letter)) {
        let steps: Vec<String> = path
            .split("::")
            .filter(|step| !step.is_empty())
            .map(str::to_owned)
            .collect();
        let inside = path.contains("::")
            && steps.first().is_some_and(|first| {
                ["crate", "super", "self"].contains(&first.as_str()) || children.contains(first)
            });
        if inside && let Some(path) = absolute(&steps, module, children) {
            file.named.push(path);
        }
    }
    file
}

/// The module that a path's name is defined in: through what modules pass on.
fn defined_in(
    path: &[String],
    files: &BTreeMap<Vec<String>, SourceFile>,
    depth: usize,
) -> Option<Vec<String>> {
    let length = (0..=path.len())
        .rev()
        .find(|length| files.contains_key(&path[..*length]))?;
    let module = &path[..length];
    let Some(name) = path.get(length) else {
        return Some(module.to_vec());
    };
    if depth < 8 {
        let file = &files[module];
        if let Some((_, from)) = file.exports.iter().find(|(export, _)| export == name) {
            return defined_in(from, files, depth + 1);
        }
        for from in &file.globs {
            let mut through = from.clone();
            through.push(name.clone());
            let found = defined_in(&through, files, depth + 1);
            if found.as_ref().is_some_and(|found| found != from) {
                return found;
            }
        }
    }
    Some(module.to_vec())
}

/// A cycle among edges, if there is one.
fn cycle(edges: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<String>> {
    fn visit<'a>(
        at: &'a [String],
        edges: &'a BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
        path: &mut Vec<&'a [String]>,
        done: &mut BTreeSet<&'a [String]>,
    ) -> Option<Vec<String>> {
        if let Some(from) = path.iter().position(|step| *step == at) {
            return Some(path[from..].iter().map(|step| step.join("/")).collect());
        }
        if !done.insert(at) {
            return None;
        }
        path.push(at);
        for next in edges.get(at).into_iter().flatten() {
            if let Some(found) = visit(next, edges, path, done) {
                return Some(found);
            }
        }
        path.pop();
        None
    }
    let mut done = BTreeSet::new();
    edges
        .keys()
        .find_map(|start| visit(start, edges, &mut Vec::new(), &mut done))
}

/// The folders that hold a crate's sources.
fn crate_folders() -> Vec<PathBuf> {
    let crates = fs::read_dir(root().join("dxgtrace/crates")).unwrap();
    let mut folders: Vec<PathBuf> = crates
        .map(|entry| entry.unwrap().path().join("src"))
        .collect();
    folders.push(root().join("dxgtrace/src"));
    folders.sort();
    folders
}

/// A file may name what the module around it defines; every other pair of files
/// has one direction.
#[test]
fn no_two_files_of_a_crate_need_each_other() {
    let mut cycles = Vec::new();
    for folder in crate_folders() {
        let mut paths = Vec::new();
        sources(&folder, &mut paths);
        let modules: Vec<(Vec<String>, PathBuf)> = paths
            .into_iter()
            .filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"))
            .map(|path| (module_path(path.strip_prefix(&folder).unwrap()), path))
            .collect();
        let mut files = BTreeMap::new();
        for (module, path) in &modules {
            let children = modules
                .iter()
                .filter(|(other, _)| other.len() == module.len() + 1 && other.starts_with(module))
                .filter_map(|(other, _)| other.last().cloned())
                .collect();
            let text = fs::read_to_string(path).unwrap();
            files.insert(module.clone(), read_source(&text, module, &children));
        }
        let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (module, file) in &files {
            let named = file.named.iter();
            let needed = named
                .filter_map(|path| defined_in(path, &files, 0))
                .filter(|needed| !module.starts_with(needed));
            edges.entry(module.clone()).or_default().extend(needed);
        }
        while let Some(found) = cycle(&edges) {
            // Cut it, and look for others.
            let first: Vec<String> = found[0].split('/').map(str::to_owned).collect();
            let next = found.get(1).unwrap_or(&found[0]);
            let next: Vec<String> = next
                .split('/')
                .filter(|step| !step.is_empty())
                .map(str::to_owned)
                .collect();
            let first = if found[0].is_empty() {
                Vec::new()
            } else {
                first
            };
            edges.get_mut(&first).unwrap().remove(&next);
            cycles.push(format!("{}: {}", folder.display(), found.join(" -> ")));
        }
    }
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

/// The name of the type that a line declares at the top level of a file.
fn declared_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest
            .trim_start_matches(|letter: char| letter != ' ')
            .trim_start(),
        None => line,
    };
    let name = ["struct ", "enum ", "trait ", "type ", "union "]
        .iter()
        .find_map(|word| line.strip_prefix(word))?;
    name.split(|letter: char| !letter.is_alphanumeric()).next()
}

#[test]
fn no_two_types_of_the_workspace_have_the_same_name() {
    let mut declared: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let probe = root().join("dxgtrace-ebpf/src");
    for folder in crate_folders().into_iter().chain([probe]) {
        let mut paths = Vec::new();
        sources(&folder, &mut paths);
        for path in paths {
            for name in fs::read_to_string(&path)
                .unwrap()
                .lines()
                .filter_map(declared_type)
            {
                declared
                    .entry(name.to_owned())
                    .or_default()
                    .push(path.clone());
            }
        }
    }
    assert!(declared.len() > 200, "{}", declared.len());
    declared.retain(|_, paths| paths.len() > 1);
    assert!(declared.is_empty(), "{declared:#?}");
}
