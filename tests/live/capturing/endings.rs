//! Tests that the file of a capture is readable, however the capture ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dxgtrace_tests::program::{command, scratch};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, account, records, stand_in};

use super::support::{files, folder, into_file, load, signal};

const KILLS: u64 = 100;
/// Number of captures that run at a time.
const AT_A_TIME: u64 = 20;

#[test]
fn a_capture_that_is_killed_at_any_moment_leaves_files_that_can_be_read() {
    if !requirement::live() {
        return;
    }
    let folder = folder("kills");
    let mut standin = load(4000, 300, 240);
    standin.go().unwrap();
    let (messages, cut) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for worker in 0..AT_A_TIME {
            let (folder, standin, messages, cut) = (&folder, &standin, &messages, &cut);
            scope.spawn(move || {
                for round in 0..KILLS / AT_A_TIME {
                    let one = folder.join(format!("{worker}-{round}"));
                    std::fs::create_dir(&one).unwrap();
                    let ring = if round % 2 == 0 {
                        &[][..]
                    } else {
                        &["-b", "filesize:20"]
                    };
                    let mut capture = into_file(standin, &one.join("gpu.pcapng"), ring);
                    thread::sleep(Duration::from_micros(random() % 200_000));
                    capture.child().kill().unwrap();
                    capture.child().wait().unwrap();
                    check(&one, messages, cut);
                }
            });
        }
    });
    let messages = messages.load(Ordering::Relaxed);
    assert!(messages > 10 * KILLS, "{messages}");
}

/// Reads the files of a killed capture: all but the last are whole, and nothing
/// is missing that is not told.
fn check(folder: &Path, messages: &AtomicU64, cut: &AtomicU64) {
    let files = files(folder);
    let mut next = None;
    for (index, file) in files.iter().enumerate() {
        let account = account(file).unwrap();
        if let Some(damage) = &account.damage {
            assert_eq!(index + 1, files.len(), "{damage}");
            assert!(
                damage.contains("cut") || damage.contains("empty"),
                "{damage}"
            );
            cut.fetch_add(1, Ordering::Relaxed);
        }
        if account.messages > 0 {
            assert!(next.is_none_or(|next| next == account.first));
            next = Some(account.last + 1);
        }
        messages.fetch_add(account.messages, Ordering::Relaxed);
    }
}

/// Enough of chance for a moment.
fn random() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

#[test]
fn signals_end_a_capture_in_order() {
    if !requirement::live() {
        return;
    }
    let mut standin = load(1000, 100, 600);
    standin.go().unwrap();
    for name in ["INT", "TERM", "HUP"] {
        let file = scratch(&format!("signal-{name}.pcapng"));
        let capture = into_file(&standin, &file, &[]);
        thread::sleep(Duration::from_millis(200));
        signal(name, capture.pid());
        let (status, said) = capture.end().unwrap();
        assert!(status.success(), "{name}: {status} {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let account = account(&file).unwrap();
        assert_eq!(account.damage, None);
        assert!(
            said.contains(&format!("{} messages captured / ", account.messages)),
            "{said}"
        );
    }
}

#[test]
fn a_capture_that_begins_late_reports_nothing_for_what_was_before() {
    if !requirement::live() {
        return;
    }
    let file = scratch("late.pcapng");
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let mut standin = stand_in(&sample, &["--speed", "2"]).unwrap();
    let whole = records(&sample).unwrap().len();
    standin.go().unwrap();
    thread::sleep(Duration::from_millis(1500));
    let capture = into_file(&standin, &file, &[]);
    assert!(capture.end().unwrap().0.success());
    let captured = records(&file).unwrap().len();
    assert!(captured > 10 && captured < whole, "{captured} of {whole}");
    let found = |file: &Path| -> Vec<String> {
        let output = command()
            .unwrap()
            .args(["check", "-s", "warn"])
            .arg(file)
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines()
            .filter(|line| line.starts_with("error ") || line.starts_with("warn "))
            .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
            .collect()
    };
    let all = found(&sample);
    assert!(!all.is_empty());
    for code in found(&file) {
        assert!(all.contains(&code), "only for who comes late: {code}");
    }
}

#[test]
fn a_reader_of_a_pipe_that_leaves_ends_the_capture_without_a_word() {
    if !requirement::live() {
        return;
    }
    let mut standin = load(1000, 100, 10);
    let mut capture = Capture::start(&standin, &["-w", "-"], Stdio::piped()).unwrap();
    let taken = capture.child().stdout.take().unwrap();
    let mut head = Command::new("head")
        .args(["-c", "5000"])
        .stdin(taken)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    standin.go().unwrap();
    assert!(head.wait().unwrap().success());
    let (status, said) = capture.end().unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}
