//! The sample captures: readable, as long as their notes say, and the synthetic
//! ones still what their generator makes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;

use dxgtrace_file::ReadError;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_tests::{samples, synthetic};

fn names() -> BTreeSet<String> {
    fs::read_dir(samples())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".pcapng").map(str::to_owned)
        })
        .collect()
}

/// The rows `| first-last | run | sent | received |` of a sample's note.
fn rows(note: &str) -> Vec<(u64, u64, u64, u64)> {
    note.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, frames, _, sent, received, _] = cells[..] else {
                return None;
            };
            let (first, last) = frames.split_once('-')?;
            Some((
                first.parse().ok()?,
                last.parse().ok()?,
                sent.parse().ok()?,
                received.parse().ok()?,
            ))
        })
        .collect()
}

#[test]
fn every_sample_is_as_long_as_its_note_says() {
    let names = names();
    assert!(names.len() > 10, "samples are missing");
    for name in names {
        let note = fs::read_to_string(samples().join(format!("{name}.md")))
            .unwrap_or_else(|error| panic!("{name}.md: {error}"));
        let rows = rows(&note);
        assert!(!rows.is_empty(), "{name}.md has no table of frames");
        let mut reader = dxgtrace_file::open(&samples().join(format!("{name}.pcapng"))).unwrap();
        let mut counts = vec![(0, 0); rows.len()];
        let mut last = 0;
        let end = loop {
            match reader.next_record() {
                Ok(Some(record)) => {
                    let number = record.packet.number;
                    let row = rows
                        .iter()
                        .position(|row| (row.0..=row.1).contains(&number))
                        .unwrap_or_else(|| panic!("{name}: frame {number} is in no row"));
                    match (record.packet.header.kind, record.packet.header.direction) {
                        (RecordKind::Packet, Direction::GuestToHost) => counts[row].0 += 1,
                        (RecordKind::Packet, Direction::HostToGuest) => counts[row].1 += 1,
                        _ => {}
                    }
                    last = number;
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert_eq!(Some(last), rows.last().map(|row| row.1), "{name}");
        let noted: Vec<_> = rows.iter().map(|row| (row.2, row.3)).collect();
        assert_eq!(counts, noted, "{name}: sent, received");
        match (name.as_str(), end) {
            ("synthetic-cut", Some(ReadError::Cut { missing: 30, .. })) => {}
            (_, None) if name != "synthetic-cut" => {}
            (_, end) => panic!("{name} ends with {end:?}"),
        }
    }
}

#[test]
fn every_sample_is_listed() {
    let list = fs::read_to_string(samples().join("README.md")).unwrap();
    for name in names() {
        assert!(
            list.contains(&format!("({name}.md)")),
            "{name} is not listed"
        );
    }
}

#[test]
fn synthetic_samples_are_what_their_generator_makes() {
    for (name, made) in synthetic::all(&samples()).unwrap() {
        let stored = fs::read(samples().join(name)).unwrap();
        assert!(
            stored == made,
            "{name} differs; run `cargo run -p dxgtrace-tests --bin maintain samples`"
        );
    }
}
