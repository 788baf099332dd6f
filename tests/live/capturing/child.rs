//! Commands that are run and traced, and children that are followed.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dxgtrace_tests::program::{command, scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, records};

use super::support::{STANDIN, load, signal};

/// A capture of all stand-ins, with these arguments.
fn capture(arguments: &[&str]) -> Command {
    let mut capture = command().unwrap();
    capture
        .args(["capture", "--stand-in", STANDIN])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    capture
}

/// A script that runs a stand-in, which sends `messages` messages in a second.
fn script(messages: u32) -> String {
    format!("echo go | {STANDIN} load 1 {messages} 64 1")
}

/// The processes of a file, and how many messages it has.
fn processes(file: &std::path::Path) -> (BTreeSet<u32>, usize) {
    let records = records(file).unwrap();
    let pids = records.iter().map(|(_, header, _)| header.pid).collect();
    (pids, records.len())
}

#[test]
fn a_command_is_traced_from_its_first_message_on_with_all_its_children() {
    if !requirement::live() {
        return;
    }
    let file = scratch("command.pcapng");
    // Another one, which nobody asked for.
    let mut other = load(500, 64, 3);
    other.go().unwrap();
    let script = format!("(sh -c '{}') & {}; wait; exit 7", script(700), script(300));
    let capture = Capture::spawn(&mut capture(&[
        "-w",
        text(&file),
        "--",
        "sh",
        "-c",
        &script,
    ]));
    let (status, said) = capture.unwrap().end().unwrap();
    assert_eq!(status.code(), Some(7), "{said}");
    assert!(said.contains("1000 messages captured"), "{said}");
    let (pids, count) = processes(&file);
    assert_eq!((pids.len(), count), (2, 1000));
    assert!(!pids.contains(&other.pid()));
}

#[test]
fn a_command_that_does_not_exist_ends_as_in_a_shell() {
    if !requirement::live() {
        return;
    }
    let capture = Capture::spawn(&mut capture(&["-q", "--", "/no/such/command"])).unwrap();
    let (status, said) = capture.end().unwrap();
    assert_eq!(status.code(), Some(127), "{said}");
    assert!(said.contains("/no/such/command: No such file"), "{said}");
}

#[test]
fn a_signal_is_passed_on_and_the_capture_ends_with_the_command() {
    if !requirement::live() {
        return;
    }
    let file = scratch("passed.pcapng");
    let script = format!(
        "trap '{}; exit 3' TERM; while :; do sleep 0.1; done",
        script(200)
    );
    let capture = Capture::spawn(&mut capture(&[
        "-w",
        text(&file),
        "--",
        "sh",
        "-c",
        &script,
    ]));
    let capture = capture.unwrap();
    thread::sleep(Duration::from_millis(500));
    signal("TERM", capture.pid());
    let (status, said) = capture.end().unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    assert_eq!(processes(&file).1, 200);
}

#[test]
fn a_command_does_not_outlive_a_tracer_that_cannot_attach() {
    let output = command()
        .unwrap()
        .args([
            "capture",
            "--stand-in",
            "/bin/sh",
            "-q",
            "--",
            "sh",
            "-c",
            "echo ran",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
}

#[test]
fn children_of_a_chosen_process_are_followed_whether_they_are_there_or_come_later() {
    if !requirement::live() {
        return;
    }
    for (follow, expected) in [(true, 900), (false, 0)] {
        let file = scratch(&format!("followed-{follow}.pcapng"));
        // One child waits already, one comes when the script is told to go on.
        let script = format!(
            "(sleep 60 & wait $!) & child=$!; read line; kill $child; {}; {}",
            script(400),
            script(500)
        );
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = shell.id().to_string();
        let mut arguments = vec!["-w", text(&file), "--pid", &pid];
        arguments.extend(follow.then_some("--follow-forks"));
        let capture = Capture::spawn(&mut capture(&arguments)).unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        signal("INT", capture.pid());
        let (status, said) = capture.end().unwrap();
        assert!(status.success(), "{said}");
        assert_eq!(processes(&file).1, expected, "{said}");
    }
}

#[test]
fn processes_are_chosen_by_the_numbers_of_the_tracer_s_own_namespace() {
    if !requirement::live() || !requirement::program("unshare") {
        return;
    }
    let file = scratch("namespace.pcapng");
    let program = dxgtrace_tests::program::path().unwrap();
    let script = format!(
        "{} capture --stand-in {STANDIN} -w {} -- sh -c '{}'",
        program.display(),
        file.display(),
        script(300)
    );
    let mut inside = Command::new("unshare");
    inside
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let (status, said) = Capture::spawn(&mut inside).unwrap().end().unwrap();
    assert!(status.success(), "{said}");
    assert_eq!(processes(&file).1, 300, "{said}");
}
