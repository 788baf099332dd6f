//! Helpers of these tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dxgtrace_standin::StandIn;
use dxgtrace_tests::program::{scratch, text};
use dxgtrace_tests::running::Capture;

/// The path of the stand-in program.
pub const STANDIN: &str = env!("CARGO_BIN_EXE_standin");

/// A stand-in that sends `rate` messages of `size` bytes a second from one thread, for
/// `seconds` seconds.
pub fn load(rate: u32, size: u32, seconds: u32) -> StandIn {
    let numbers = [1, rate, size, seconds].map(|number| number.to_string());
    StandIn::spawn(Command::new(STANDIN).arg("load").args(&numbers)).unwrap()
}

/// A capture of it into a file.
pub fn into_file(standin: &StandIn, file: &Path, arguments: &[&str]) -> Capture {
    let arguments = [&["-w", text(file)], arguments].concat();
    Capture::start(standin, &arguments, Stdio::null()).unwrap()
}

/// A new empty folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The files of a folder, by name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Sends a signal by its name.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(sent.unwrap().success());
}

/// The number before a word of the closing line.
pub fn number(said: &str, before: &str) -> u64 {
    let (start, _) = said
        .split_once(before)
        .unwrap_or_else(|| panic!("{before}: {said}"));
    let digits = start
        .trim_end()
        .rsplit(|letter: char| !letter.is_ascii_digit());
    digits.into_iter().next().unwrap().parse().unwrap()
}
