//! Readers that pause: packets lost meanwhile are reported at their place.

use std::fs::File;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dxgtrace_tests::program::scratch;
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, account};

use super::support::{into_file, load, number, signal};

/// Length of the pause, in which the queue of 64 MiB fills up.
const PAUSE: Duration = Duration::from_secs(10);

#[test]
fn a_reader_that_pauses_for_ten_seconds_gets_whole_blocks_and_every_loss() {
    if !requirement::live() {
        return;
    }
    let file = scratch("paused.pcapng");
    let (rate, seconds) = (500, 13);
    let mut standin = load(rate, 40_000, seconds);
    let mut capture = Capture::start(&standin, &["-w", "-"], Stdio::piped()).unwrap();
    let mut reader = Command::new("cat")
        .stdin(capture.child().stdout.take().unwrap())
        .stdout(File::create(&file).unwrap())
        .spawn()
        .unwrap();
    standin.go().unwrap();
    thread::sleep(Duration::from_secs(1));
    signal("STOP", reader.id());
    thread::sleep(PAUSE);
    signal("CONT", reader.id());
    assert!(standin.wait().unwrap().success());
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    assert!(reader.wait().unwrap().success());

    let account = account(&file).unwrap();
    assert_eq!(account.damage, None);
    assert!(account.lost.user_queue > 0, "{account:?}");
    let sent = u64::from(rate * seconds);
    assert_eq!((account.first, account.last), (1, sent));
    assert_eq!(account.messages + account.lost.total(), sent);
    assert_eq!(
        number(&said, " messages captured"),
        account.messages,
        "{said}"
    );
    assert_eq!(number(&said, " lost"), account.lost.total(), "{said}");
}

#[test]
fn ctrl_c_ends_a_capture_that_nobody_reads() {
    if !requirement::live() {
        return;
    }
    let mut standin = load(500, 40_000, 30);
    let mut capture = Capture::start(&standin, &["-w", "-"], Stdio::piped()).unwrap();
    let unread = capture.child().stdout.take().unwrap();
    standin.go().unwrap();
    thread::sleep(Duration::from_millis(500));
    signal("INT", capture.pid());
    thread::sleep(Duration::from_secs(1));
    // It waits for the reader until it is told again.
    assert!(capture.child().try_wait().unwrap().is_none());
    signal("INT", capture.pid());
    let (status, said) = capture.end().unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("bytes were not written"), "{said}");
    drop(unread);
}

#[test]
fn a_capture_that_is_stopped_and_continued_tells_what_it_has_missed() {
    if !requirement::live() {
        return;
    }
    let file = scratch("stopped.pcapng");
    let mut standin = load(2000, 4000, 4);
    let capture = into_file(&standin, &file, &["-B", "1"]);
    standin.go().unwrap();
    thread::sleep(Duration::from_millis(500));
    signal("STOP", capture.pid());
    thread::sleep(Duration::from_secs(2));
    signal("CONT", capture.pid());
    standin.wait().unwrap();
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    let account = account(&file).unwrap();
    assert_eq!((account.damage.as_deref(), account.last), (None, 8000));
    assert!(account.lost.ring_full > 0, "{account:?}");
    assert_eq!(account.messages + account.lost.total(), 8000);
}
