//! Builds and runs the `dxgtrace` program and the examples.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of the program, which is built first: cargo does not build programs of other
/// packages for a test.
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

/// The paths of the library's examples, which are built first.
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

/// Builds `part` of the workspace in the profile of these tests, and returns the folder
/// of the result.
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
        // With `--package`, features would differ from those of the tests, and all
        // dependencies would be built again.
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

/// The paths of all samples that are not cut off, sorted by name.
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

/// The path of a file in a temporary folder of this process.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dxgtrace-test-{}", std::process::id()));
    // If this fails, the test that uses the folder fails.
    let _ = std::fs::create_dir_all(&folder);
    folder.join(name)
}

/// A path as text. The paths of tests are valid UTF-8.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
