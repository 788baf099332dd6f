//! The `dxgtrace` program itself, run as its users run it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The program, built from the current sources: cargo builds the programs of
/// other packages neither for a test nor before it.
///
/// # Errors
/// It cannot be built.
pub fn path() -> io::Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let folder = build(&["--bin", "dxgtrace"]).map_err(|error| error.to_string())?;
            Ok(executable(&folder, "dxgtrace"))
        })
        .as_ref()
        .map(PathBuf::as_path)
        .map_err(|error| io::Error::other(error.as_str()))
}

/// The examples of the library, built from the current sources.
///
/// # Errors
/// They cannot be built.
pub fn examples() -> io::Result<Vec<PathBuf>> {
    let folder = build(&["--examples"])?.join("examples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(workspace().join("dxgtrace/examples"))? {
        if let Some(name) = entry?.path().file_stem().and_then(OsStr::to_str) {
            found.push(executable(&folder, name));
        }
    }
    Ok(found)
}

/// Builds a part of the workspace in the profile of these tests, and gives the
/// folder that it is in.
fn build(part: &[&str]) -> io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    // The tests are in `target/PROFILE/deps`.
    let folder = this.parent().and_then(Path::parent);
    let folder = folder.ok_or_else(|| io::Error::other("the tests are in no target folder"))?;
    // Cargo calls the profile `dev` whose folder is `debug`.
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        // Not `--package`: features would differ from those of the tests, and
        // everything would be built once more.
        .args(["build", "--quiet", "--profile", profile])
        .args(part)
        .current_dir(workspace())
        .status()?;
    match built.success() {
        true => Ok(folder.to_owned()),
        false => Err(io::Error::other("the program dxgtrace does not build")),
    }
}

fn executable(folder: &Path, name: &str) -> PathBuf {
    folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A command that runs the program.
///
/// # Errors
/// As [`path`].
pub fn command() -> io::Result<Command> {
    Ok(Command::new(path()?))
}

/// Runs the program to its end.
///
/// # Errors
/// As [`path`], or it cannot be started.
pub fn run(arguments: &[&str]) -> io::Result<Output> {
    command()?.args(arguments).output()
}

/// Every capture among the samples that can be read to its end, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn samples() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(super::samples())? {
        let path = entry?.path();
        let cut = path.file_stem().is_some_and(|name| name == "synthetic-cut");
        if path.extension().is_some_and(|end| end == "pcapng") && !cut {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A file of this name in a folder for tests, unique to the process.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dxgtrace-test-{}", std::process::id()));
    // If it cannot be made, using it says so.
    let _ = std::fs::create_dir_all(&folder);
    folder.join(name)
}

/// A path as text; the paths of tests are plain.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
