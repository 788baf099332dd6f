//! End-to-end tests: a stand-in plays, the program captures into a file or a pipe, and
//! other programs read it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use dxgtrace_protocol::record::header::{RecordHeader, RecordKind};
use dxgtrace_tests::program::{command, samples, scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, records, stand_in};

/// Waits for a capture that succeeds, and returns its closing line.
fn closing(capture: Capture) -> String {
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    said.lines().last().unwrap().to_owned()
}

#[test]
fn what_is_captured_of_every_sample_equals_what_was_played() {
    if !requirement::live() {
        return;
    }
    for sample in samples().unwrap() {
        let name = sample.file_stem().unwrap().to_string_lossy();
        let played = scratch(&format!("{name}-played.pcapng"));
        let captured = scratch(&format!("{name}-captured.pcapng"));
        let mut standin = stand_in(&sample, &["--noise", "--played", text(&played)]).unwrap();
        let capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null()).unwrap();
        standin.go().unwrap();
        assert!(standin.wait().unwrap().success());
        let closing = closing(capture);
        assert!(closing.contains(" 0 lost"), "{name}: {closing}");

        let (played, captured) = (records(&played).unwrap(), records(&captured).unwrap());
        assert!(!played.is_empty());
        assert_eq!(played.len(), captured.len(), "{name}");
        for (number, (played, captured)) in played.iter().zip(&captured).enumerate() {
            assert_eq!(played, captured, "{name}, packet {}", number + 1);
        }
    }
}

/// Watches a stand-in while it plays a sample; gives the exit code and the
/// report.
fn pending(sample: &str) -> (Option<i32>, String) {
    let sample = dxgtrace_tests::samples().join(sample);
    let mut standin = stand_in(&sample, &[]).unwrap();
    let mut watching = command()
        .unwrap()
        .args(["pending", "--stand-in", &standin.pid().to_string()])
        .args(["--for", "6", "--hang", "0.5"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stderr = watching.stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut line).unwrap();
    assert!(line.contains("watching by uprobe"), "{line}");
    standin.go().unwrap();
    assert!(standin.wait().unwrap().success());
    let output = watching.wait_with_output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), report)
}

#[test]
fn what_waits_while_it_is_watched_hangs_and_what_ends_does_not() {
    if !requirement::live() {
        return;
    }
    let (code, report) = pending("rules/host-silent.pcapng");
    assert_eq!(code, Some(4), "{report}");
    assert!(report.starts_with("1 wait hangs: 10 samples"), "{report}");
    assert!(
        report.contains("the host's reply to get_device_state of packet"),
        "{report}"
    );
    assert!(report.contains("on vgpu0"), "{report}");
    assert!(report.contains("waits that began before are not known"));

    let (code, report) = pending("findings/queue.stalled.pcapng");
    assert_eq!(code, Some(4), "{report}");
    assert!(report.contains("to reach"), "{report}");

    let (code, report) = pending("rules/adapter-queries-harmless.pcapng");
    assert_eq!(code, Some(0), "{report}");
    assert!(report.starts_with("nothing hangs"), "{report}");
}

#[test]
fn packets_above_120_kib_are_among_the_samples() {
    let long = samples()
        .unwrap()
        .iter()
        .flat_map(|sample| records(sample).unwrap())
        .filter(|(_, _, payload)| payload.len() > 120 << 10)
        .count();
    assert!(long > 0);
}

#[test]
fn refused_sends_are_counted_and_are_no_messages() {
    if !requirement::live() {
        return;
    }
    let sample = dxgtrace_tests::samples().join("synthetic-loss.pcapng");
    let captured = scratch("refused.pcapng");
    let mut standin = stand_in(&sample, &[]).unwrap();
    let capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null()).unwrap();
    standin.go().unwrap();
    assert!(standin.wait().unwrap().success());
    let closing = closing(capture);

    let recorded = records(&sample).unwrap();
    let refused = |records: &[(String, RecordHeader, Vec<u8>)]| {
        let mut by_kind: HashMap<RecordKind, u32> = HashMap::new();
        for (_, header, _) in records {
            *by_kind.entry(header.kind).or_default() += header.refused_attempts;
        }
        by_kind
    };
    let expected = refused(&recorded);
    assert!(expected[&RecordKind::Packet] > 0 && expected[&RecordKind::Refused] > 0);
    let mut found = refused(&records(&captured).unwrap());
    // The sample's own loss cannot be played.
    found.insert(RecordKind::Lost, 0);
    assert_eq!(found, expected);
    assert!(
        closing.contains("attempts to send refused, 1 messages never sent"),
        "{closing}"
    );
}

#[test]
fn a_live_capture_can_be_piped_into_tshark() {
    if !requirement::live() || !requirement::program("tshark") {
        return;
    }
    let mut standin = stand_in(&dxgtrace_tests::samples().join("v40.pcapng"), &[]).unwrap();
    let mut capture = command()
        .unwrap()
        .args([
            "capture",
            "--stand-in",
            &standin.pid().to_string(),
            "-w",
            "-",
            "-c",
            "40",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let tshark = Command::new("tshark")
        .args(["-r", "-", "-T", "fields", "-E", "separator=|"])
        .args([
            "-e",
            "frame.number",
            "-e",
            "frame.time_epoch",
            "-e",
            "frame.encap_type",
        ])
        .args([
            "-e",
            "frame.interface_name",
            "-e",
            "frame.packet_flags_direction",
        ])
        .args(["-e", "exported_pdu.prot_name"])
        .stdin(capture.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(capture.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    standin.go().unwrap();
    let output = tshark.wait_with_output().unwrap();
    assert!(capture.wait().unwrap().success());

    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), 40);
    for row in &rows {
        let [_, time, _, interface, direction, protocol] = row[..] else {
            unreachable!("{row:?}");
        };
        let (_, fraction) = time.split_once('.').unwrap();
        assert_eq!(fraction.len(), 9, "nanoseconds: {time}");
        assert!(["global", "vgpu0"].contains(&interface), "{interface}");
        assert!(
            ["0x00000001", "0x00000002"].contains(&direction),
            "{direction}"
        );
        assert_eq!(protocol, "dxgtrace");
    }
    assert!(
        rows.iter().any(|row| !row[1].ends_with("000")),
        "whole microseconds only"
    );
}

#[test]
fn a_killed_capture_leaves_a_file_that_can_be_read() {
    if !requirement::live() {
        return;
    }
    let captured = scratch("killed.pcapng");
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    // Slowed down, so that the capture is killed in the middle.
    let mut standin = stand_in(&sample, &["--speed", "4"]).unwrap();
    let mut capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null()).unwrap();
    standin.go().unwrap();
    let enough = |path: &Path| File::open(path).unwrap().metadata().unwrap().len() > 50_000;
    while !enough(&captured) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    capture.child().kill().unwrap();
    capture.child().wait().unwrap();
    drop(standin);

    let read = dxgtrace_tests::program::run(&["read", text(&captured)]).unwrap();
    let shown = String::from_utf8(read.stdout).unwrap().lines().count();
    assert!(shown > 20, "{shown}");
    assert!(matches!(read.status.code(), Some(0 | 2)));
    if requirement::program("tshark") {
        let tshark = Command::new("tshark")
            .args(["-r", text(&captured)])
            .output()
            .unwrap();
        let seen = String::from_utf8_lossy(&tshark.stdout).lines().count();
        assert_eq!(seen, shown);
    }
}

#[test]
fn the_demo_ends_by_itself_with_a_summary_and_a_file() {
    if !requirement::live() {
        return;
    }
    let captured = scratch("demo.pcapng");
    let output = dxgtrace_tests::program::run(&["demo", "-w", text(&captured)]).unwrap();
    assert!(output.status.success());
    let shown = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let packets = records(&captured).unwrap().len();
    assert_eq!(shown.lines().count(), packets);
    assert!(shown.contains("create_device reply"));
    assert!(
        said.contains(&format!("{packets} messages captured")),
        "{said}"
    );
}
