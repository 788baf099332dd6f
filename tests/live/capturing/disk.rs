//! Captures onto a full disk.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dxgtrace_tests::program::text;
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, account};

use super::support::{folder, into_file, load};

/// A small file system of its own.
struct Disk(PathBuf);

impl Disk {
    fn new(name: &str, size: &str) -> Option<Self> {
        let folder = folder(name);
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}"),
                "none",
                text(&folder),
            ])
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        requirement::skip("a file system cannot be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_file_on_a_full_disk_ends_with_its_last_whole_block() {
    if !requirement::live() {
        return;
    }
    let Some(disk) = Disk::new("full", "300k") else {
        return;
    };
    for ring in [&[][..], &["-b", "filesize:100"]] {
        let mut standin = load(2000, 1000, 5);
        let capture = into_file(&standin, &disk.0.join("gpu.pcapng"), ring);
        standin.go().unwrap();
        let (status, said) = capture.end().unwrap();
        assert_eq!(status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("gpu") && said.contains("No space left"),
            "{said}"
        );
        let mut messages = 0;
        for file in super::support::files(&disk.0) {
            // The last one may not even have its header.
            if file.metadata().unwrap().len() > 0 {
                let account = account(&file).unwrap();
                assert_eq!(account.damage, None, "{}", file.display());
                messages += account.messages;
            }
            std::fs::remove_file(file).unwrap();
        }
        assert!(messages > 150, "{messages}");
    }
}

#[test]
fn a_full_standard_output_is_one_line_too() {
    if !requirement::live() {
        return;
    }
    for arguments in [&["-w", "-"][..], &["-T", "jsonl"], &[]] {
        let mut standin = load(2000, 1000, 5);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let capture = Capture::start(&standin, arguments, full.into()).unwrap();
        standin.go().unwrap();
        let (status, said) = capture.end().unwrap();
        assert_eq!(status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("standard output") && said.contains("No space left"),
            "{said}"
        );
    }
}
