//! What the flight recorder writes when several things happen in a short time.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::Path;
use std::rc::Rc;

use dxgtrace_file::CaptureOrigin;
use dxgtrace_file::recording::{
    FileExtent, FlightAlarm, FlightRecorder, NumberedFiles, RecordingProgress,
};
use dxgtrace_session::Session;
use dxgtrace_session::check::Severity;
use dxgtrace_session::entry::{Entry, Sink, Totals};
use dxgtrace_tests::program::scratch;

/// Records a capture; gives the notices, each of which tells of a file.
fn record(sample: &Path, kept: u64, folder: &Path) -> Vec<String> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let progress = Rc::<RecordingProgress>::default();
    let mut flight = FlightRecorder::new(
        NumberedFiles::new(&folder.join("gpu.pcapng"), None),
        FileExtent {
            records: Some(kept),
            ..FileExtent::default()
        },
        vec![FlightAlarm::Severity(Severity::Error)],
        true,
        CaptureOrigin::default(),
        progress.clone(),
    );
    let mut reader = dxgtrace_file::open(sample).unwrap();
    let mut session = Session::new();
    let mut findings = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        findings.clear();
        let seen = session.analyze(&record.packet, &mut |finding| findings.push(finding));
        let entry = Entry {
            packet: &record.packet,
            channels: record.channels,
            analysis: &seen,
            request: session.answered_request(),
            findings: &findings,
            changes: session.object_changes(),
            reply_in: None,
            capture_start: 0,
            previous_captured: 0,
            previous_shown: 0,
        };
        flight.entry(&entry).unwrap();
    }
    flight.end(&Totals::default()).unwrap();
    progress.notices.take()
}

/// The numbers of the packets in a file, by its comment.
fn numbers(file: &Path) -> Vec<u64> {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let (_, behind) = text.split_once("the first one here is ").unwrap();
    let first: u64 = behind.split('.').next().unwrap().parse().unwrap();
    let mut reader = dxgtrace_file::open(file).unwrap();
    let mut count = 0;
    while reader.next_record().unwrap().is_some() {
        count += 1;
    }
    (first..first + count).collect()
}

#[test]
fn a_packet_that_is_named_is_in_the_file_also_soon_after_another_one() {
    let sample = dxgtrace_tests::samples().join("v40-errors.pcapng");
    let folder = scratch("flight");
    for kept in [1, 3, 8, 10_000] {
        let notices = record(&sample, kept, &folder);
        let mut named = 0;
        for notice in &notices {
            let (reason, file) = notice.split_once(" packets written to ").unwrap();
            let numbers = numbers(Path::new(file));
            if let Some((_, packet)) = reason.split_once(" in packet ") {
                let packet = packet.split(':').next().unwrap().parse().unwrap();
                assert!(numbers.contains(&packet), "{kept}: {notice}");
                named += 1;
            }
        }
        // The first at once, the second when it may: at the end.
        assert_eq!(named, 2, "{kept}: {notices:?}");
    }
}
