//! Tests that a stand-in can be captured if its program has no symbol table.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dxgtrace_live::{CaptureOptions, CaptureTarget, Live};
use dxgtrace_standin::StandIn;
use dxgtrace_tests::program::{self, scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, records};

/// A copy of the program after `strip --strip-all`.
fn stripped(name: &str) -> PathBuf {
    let copy = scratch(name);
    fs::copy(program::path().unwrap(), &copy).unwrap();
    let strip = Command::new("strip").arg(&copy).status();
    assert!(strip.unwrap().success());
    let symbols = Command::new("nm").arg(&copy).output().unwrap();
    assert!(symbols.stdout.is_empty(), "some symbols are left");
    copy
}

/// The functions that are hooked in a stand-in of this program.
fn hooked(program: &Path) -> Vec<&'static str> {
    let mut replay = Command::new(program);
    let standin = StandIn::spawn(replay.args(["replay", "--wait"])).unwrap();
    let live = Live::start(&CaptureOptions {
        target: CaptureTarget::StandIn(standin.pid()),
        ..CaptureOptions::default()
    });
    let live = live.unwrap();
    live.hooks().iter().map(|(function, _)| *function).collect()
}

#[test]
fn all_functions_are_found_in_a_stripped_program() {
    if !requirement::live() || !requirement::program("strip") {
        return;
    }
    let whole = hooked(program::path().unwrap());
    assert_eq!(hooked(&stripped("stripped-hooks")), whole);
    assert!(whole.contains(&"dxgk_unlocked_ioctl"), "{whole:?}");
}

#[test]
fn a_stripped_program_runs_the_demo() {
    if !requirement::live() || !requirement::program("strip") {
        return;
    }
    let demo = Command::new(stripped("stripped-demo")).arg("demo").output();
    let demo = demo.unwrap();
    let said = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{said}");
    assert!(said.contains("capturing by uprobe"), "{said}");
    assert!(said.contains(" 0 lost"), "{said}");
    let lines = demo.stdout.split(|byte| *byte == b'\n').count();
    assert!(lines > 50, "{lines} lines");
}

#[test]
fn a_stripped_program_is_captured_by_its_path() {
    if !requirement::live() || !requirement::program("strip") {
        return;
    }
    const MESSAGES: usize = 40;
    let program = stripped("stripped-path");
    let file = scratch("stripped-path.pcapng");
    let mut capture = Command::new(&program);
    capture.args(["capture", "--stand-in", text(&program)]);
    capture.args(["-c", &MESSAGES.to_string(), "-w", text(&file)]);
    let capture = Capture::spawn(&mut capture).unwrap();
    let mut replay = Command::new(&program);
    let played = replay.arg("replay").stderr(Stdio::null()).status();
    assert!(played.unwrap().success());
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    let messages = records(&file).unwrap();
    let messages = messages.iter().filter(|(_, header, _)| {
        header.kind == dxgtrace_protocol::record::header::RecordKind::Packet
    });
    assert_eq!(messages.count(), MESSAGES);
}
