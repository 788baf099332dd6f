//! The whole way, as users go it: a stand-in plays, the program captures into
//! a file or a pipe, and others read it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use dxgtrace::capture::file;
use dxgtrace::capture::header::{Header, Kind};
use dxgtrace::replay::StandIn;
use dxgtrace_tests::program::{command, samples, scratch, text};
use dxgtrace_tests::requirement;

/// A capture of a stand-in that runs as a process of its own.
struct Capture {
    child: Child,
    messages: BufReader<ChildStderr>,
}

impl Capture {
    /// Starts it, and returns when it has attached.
    fn start(standin: &StandIn, arguments: &[&str], stdout: Stdio) -> Self {
        let mut child = command()
            .unwrap()
            .args(["capture", "--stand-in", &standin.pid().to_string()])
            .args(arguments)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut messages = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        messages.read_line(&mut line).unwrap();
        assert!(line.contains("capturing by uprobe"), "{line}");
        Self { child, messages }
    }

    /// Waits for its end; gives its closing line.
    fn end(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        self.messages.lines().last().unwrap().unwrap()
    }
}

fn stand_in(sample: &Path, arguments: &[&str]) -> StandIn {
    let mut replay = command().unwrap();
    replay
        .args(["replay", "--wait"])
        .args(arguments)
        .arg(sample)
        .stderr(Stdio::null());
    StandIn::spawn(&mut replay).unwrap()
}

/// All records of a file: the channel's name, what is known of it, its bytes.
fn records(path: &Path) -> Vec<(String, Header, Vec<u8>)> {
    let mut reader = file::open(path).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let packet = record.packet;
        let channel = record.channels[packet.interface as usize].name.clone();
        let header = Header {
            // Where it ran is no property of the packet.
            cpu: 0,
            ..packet.header
        };
        let mut payload = packet.payload.to_vec();
        if let (Kind::Ioctl, Some(duration)) = (header.kind, payload.first_chunk_mut::<8>()) {
            *duration = [0; 8];
        }
        records.push((channel, header, payload));
    }
    records
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
        let mut standin = stand_in(&sample, &["--noise", "--played", text(&played)]);
        let capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null());
        standin.go().unwrap();
        assert!(standin.wait().unwrap().success());
        let closing = capture.end();
        assert!(closing.contains(" 0 lost"), "{name}: {closing}");

        let (played, captured) = (records(&played), records(&captured));
        assert!(!played.is_empty());
        assert_eq!(played.len(), captured.len(), "{name}");
        for (number, (played, captured)) in played.iter().zip(&captured).enumerate() {
            assert_eq!(played, captured, "{name}, packet {}", number + 1);
        }
    }
}

#[test]
fn packets_above_120_kib_are_among_the_samples() {
    let long = samples()
        .unwrap()
        .iter()
        .flat_map(|sample| records(sample))
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
    let mut standin = stand_in(&sample, &[]);
    let capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null());
    standin.go().unwrap();
    assert!(standin.wait().unwrap().success());
    let closing = capture.end();

    let recorded = records(&sample);
    let refused = |records: &[(String, Header, Vec<u8>)]| {
        let mut by_kind: HashMap<Kind, u32> = HashMap::new();
        for (_, header, _) in records {
            *by_kind.entry(header.kind).or_default() += header.refused_attempts;
        }
        by_kind
    };
    let expected = refused(&recorded);
    assert!(expected[&Kind::Packet] > 0 && expected[&Kind::Refused] > 0);
    let mut found = refused(&records(&captured));
    // The sample's own loss cannot be played.
    found.insert(Kind::Lost, 0);
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
    let mut standin = stand_in(&dxgtrace_tests::samples().join("v40.pcapng"), &[]);
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
    let mut standin = stand_in(&sample, &["--speed", "4"]);
    let mut capture = Capture::start(&standin, &["-w", text(&captured)], Stdio::null());
    standin.go().unwrap();
    let enough = |path: &Path| File::open(path).unwrap().metadata().unwrap().len() > 50_000;
    while !enough(&captured) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    capture.child.kill().unwrap();
    capture.child.wait().unwrap();
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
    let packets = records(&captured).len();
    assert_eq!(shown.lines().count(), packets);
    assert!(shown.contains("create_device reply"));
    assert!(
        said.contains(&format!("{packets} messages captured")),
        "{said}"
    );
}
