//! Rings of files, and captures that end by themselves.

use std::process::Stdio;
use std::time::{Duration, Instant};

use dxgtrace_tests::program::{self, samples, scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Capture, account, records, stand_in};

use super::support::{files, folder, into_file, load};

#[test]
fn the_files_of_a_ring_together_are_the_whole_capture() {
    if !requirement::live() {
        return;
    }
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let (whole, parts) = (scratch("whole.pcapng"), folder("parts"));
    let mut standin = stand_in(&sample, &[]).unwrap();
    let one = into_file(&standin, &whole, &[]);
    let ring = into_file(&standin, &parts.join("ring.pcapng"), &["-b", "packets:20"]);
    standin.go().unwrap();
    assert!(standin.wait().unwrap().success());
    for capture in [one, ring] {
        let (status, said) = capture.end().unwrap();
        assert!(status.success() && said.contains(" 0 lost"), "{said}");
    }
    let parts = files(&parts);
    let mut together = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let name = part.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name.starts_with(&format!("ring_{:05}_20", index + 1)),
            "{name}"
        );
        assert!(
            name.ends_with(".pcapng") && name.len() == "ring_00001_YYYYmmddHHMMSS.pcapng".len()
        );
        let records = records(part).unwrap();
        assert!(records.len() == 20 || index + 1 == parts.len());
        together.extend(records);
    }
    assert_eq!(together, records(&whole).unwrap());
}

#[test]
fn every_file_of_a_ring_stands_alone_and_the_old_ones_are_removed() {
    if !requirement::live() {
        return;
    }
    let parts = folder("latest");
    let mut standin = load(2000, 200, 2);
    let ring = into_file(
        &standin,
        &parts.join("gpu"),
        &["-b", "filesize:100", "-b", "files:3"],
    );
    standin.go().unwrap();
    standin.wait().unwrap();
    let (status, said) = ring.end().unwrap();
    assert!(status.success(), "{said}");
    let parts = files(&parts);
    assert_eq!(parts.len(), 3, "{said}");
    let mut next = None;
    for part in &parts {
        let size = part.metadata().unwrap().len();
        assert!(size < 101_000, "{size}");
        let account = account(part).unwrap();
        assert_eq!(account.damage, None);
        assert!(next.is_none_or(|next| next == account.first));
        next = Some(account.last + 1);
        let mut reader = dxgtrace_file::open(part).unwrap();
        while reader.next_record().unwrap().is_some() {}
        assert_eq!(reader.channels().len(), 1);
    }
    assert_eq!(next, Some(4001));
}

#[test]
fn a_capture_ends_when_its_files_its_size_or_its_time_are_reached() {
    if !requirement::live() {
        return;
    }
    let parts = folder("ends");
    let mut standin = load(2000, 200, 20);
    let first = parts.join("files.pcapng");
    let arguments = ["-b", "packets:100", "-a", "files:2"];
    let by_files = into_file(&standin, &first, &arguments);
    let size = parts.join("size.pcapng");
    let by_size = into_file(&standin, &size, &["-a", "filesize:50"]);
    let by_count = into_file(&standin, &parts.join("count.pcapng"), &["-c", "77"]);
    let packets = ["-a", "packets:33"];
    let by_packets = into_file(&standin, &parts.join("packets.pcapng"), &packets);
    standin.go().unwrap();
    for capture in [by_files, by_size, by_count, by_packets] {
        let (status, said) = capture.end().unwrap();
        assert!(status.success(), "{said}");
    }
    let counts: Vec<usize> = files(&parts)
        .iter()
        .filter(|path| **path != size)
        .map(|path| records(path).unwrap().len())
        .collect();
    assert_eq!(counts, [77, 100, 100, 33]);
    assert!((50_000..51_000).contains(&size.metadata().unwrap().len()));

    let started = Instant::now();
    let timed = Capture::start(&standin, &["-q", "-a", "duration:1"], Stdio::null()).unwrap();
    assert!(timed.end().unwrap().0.success());
    let took = started.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(15),
        "{took:?}"
    );
}

#[test]
fn limits_that_make_no_sense_are_usage_errors() {
    let file = scratch("senseless.pcapng");
    let sample = samples().unwrap();
    assert!(!sample.is_empty());
    for (arguments, reason) in [
        (&["-b", "files:3"][..], "filesize:KB"),
        (&["-a", "files:3"], "-b"),
        (&["-b", "minutes:3"], "duration:SECONDS"),
        (&["-b", "packets:0"], "above 0"),
        (&["--when", "end"], "--keep"),
        (
            &["--keep", "packets:9", "--when", "finding:odd"],
            "no severity",
        ),
        (&["--keep", "packets:9", "--when", "log:("], "log:("),
        (&["--run", "true", ";"], "--keep"),
        (&["--follow-forks"], "--pid"),
    ] {
        let arguments = [&["capture", "-w", text(&file)], arguments].concat();
        let output = program::run(&arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    assert!(!file.exists());
}
