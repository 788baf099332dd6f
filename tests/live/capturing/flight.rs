//! The flight recorder.

use std::thread;
use std::time::Duration;

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
    assert_eq!(files.len(), 2, "{said}");
    let accounts: Vec<_> = files.iter().map(|file| account(file).unwrap()).collect();
    for account in &accounts {
        assert_eq!((account.messages, account.damage.as_deref()), (50, None));
    }
    // How far it got in that second depends on the machine's load.
    assert!(accounts[1].first > accounts[0].last);
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
