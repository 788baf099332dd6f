//! The flight recorder.

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::Duration;

use dxgtrace_tests::program::{scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{account, records, stand_in};

use super::support::{files, folder, into_file, load, signal};

#[test]
fn a_finding_makes_the_flight_recorder_write_what_led_to_it() {
    if !requirement::live() {
        return;
    }
    let folder = folder("finding");
    let sample = dxgtrace_tests::samples().join("v40-errors.pcapng");
    let mut standin = stand_in(&sample, &[]).unwrap();
    let capture = into_file(
        &standin,
        &folder.join("gpu.pcapng"),
        &["--keep", "packets:8", "--when", "finding:warn"],
    );
    standin.go().unwrap();
    standin.wait().unwrap();
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains(" packets written to "), "{said}");
    let files = files(&folder);
    let first = files.first().unwrap_or_else(|| panic!("{said}"));
    let mut reader = dxgtrace_file::open(first).unwrap();
    let (mut count, mut last) = (0, Vec::new());
    while let Some(record) = reader.next_record().unwrap() {
        count += 1;
        last = record
            .comments()
            .map(|comment| comment.into_owned())
            .collect();
    }
    assert!((1..=8).contains(&count));
    assert!(
        last.iter()
            .any(|comment| comment.starts_with("warn ") || comment.starts_with("error ")),
        "{last:?}"
    );
}

#[test]
fn a_signal_makes_it_write_the_latest_packets_and_the_next_one_has_to_wait() {
    if !requirement::live() {
        return;
    }
    let folder = folder("signal");
    let mut standin = load(1000, 100, 30);
    let keep = ["--keep", "packets:50", "--when", "end"];
    let mut capture = into_file(&standin, &folder.join("gpu.pcapng"), &keep);
    standin.go().unwrap();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(files(&folder).len(), 0);
    signal("USR1", capture.pid());
    let line = capture.line().unwrap();
    assert!(line.contains("SIGUSR1: 50 packets written to "), "{line}");
    signal("USR1", capture.pid());
    thread::sleep(Duration::from_secs(1));
    assert_eq!(files(&folder).len(), 1);
    signal("INT", capture.pid());
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    let files = files(&folder);
    // Of the signals, and of the end unless all fits into the second one.
    assert!((2..=3).contains(&files.len()), "{said}");
    let accounts: Vec<_> = files.iter().map(|file| account(file).unwrap()).collect();
    assert_eq!(accounts[0].messages, 50);
    for account in &accounts {
        assert_eq!(account.damage, None);
    }
    // How far it got in that second depends on the machine's load.
    for pair in accounts.windows(2) {
        assert!(pair[1].first > pair[0].last);
    }
}

#[test]
fn a_line_of_the_kernel_log_makes_it_write_and_runs_a_command() {
    if !requirement::live() {
        return;
    }
    let (folder, log, told) = (folder("log"), scratch("kernel-log"), scratch("told"));
    let _ = fs::remove_file(&told);
    let mut logged = File::create(&log).unwrap();
    let script = format!(
        "echo noise >&2; echo noise; \
         echo \"$DXGTRACE_REASON|$DXGTRACE_FILE|$(grep CapEff /proc/self/status)\" >> {}",
        text(&told)
    );
    let keep = ["--keep", "packets:50", "--when", "log:dxgk: .*failed"];
    let run = [
        "--kernel-log",
        text(&log),
        "--run",
        "sh",
        "-c",
        &script,
        ";",
    ];
    let mut standin = load(1000, 100, 30);
    let capture = into_file(
        &standin,
        &folder.join("gpu.pcapng"),
        &[&keep[..], &run].concat(),
    );
    standin.go().unwrap();
    while !told.exists() {
        writeln!(logged, "3,7,8,-;misc dxg: dxgk: all is well").unwrap();
        writeln!(logged, "3,7,9,-;misc dxg: dxgk: ioctl failed: -75").unwrap();
        thread::sleep(Duration::from_millis(100));
    }
    signal("INT", capture.pid());
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    assert!(!said.contains("noise"), "{said}");
    let told = fs::read_to_string(&told).unwrap();
    let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split('|').collect()).collect();
    let files = files(&folder);
    assert!(!files.is_empty());
    // One for each file, the one at the end, too.
    assert_eq!(lines.len(), files.len(), "{told}");
    for (line, file) in lines.iter().zip(&files) {
        assert_eq!(line[0], "kernel log: misc dxg: dxgk: ioctl failed: -75");
        assert_eq!(line[1], text(file));
        assert_eq!(line[2], "CapEff:\t0000000000000000");
    }
}

#[test]
fn a_request_that_waits_too_long_makes_it_write() {
    if !requirement::live() {
        return;
    }
    let folder = folder("stall");
    let mut standin = load(10, 100, 30);
    let keep = ["--keep", "duration:60", "--when", "stall:1"];
    let mut capture = into_file(&standin, &folder.join("gpu.pcapng"), &keep);
    standin.go().unwrap();
    let line = capture.line().unwrap();
    assert!(line.contains("waits for 1."), "{line}");
    signal("TERM", capture.pid());
    capture.end().unwrap();
    let records = records(files(&folder).first().unwrap()).unwrap();
    assert!((5..30).contains(&records.len()), "{}", records.len());
    assert_eq!(records[0].1.transaction, 1);
}
