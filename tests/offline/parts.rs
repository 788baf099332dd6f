//! `cut`, `report` and `diff`: parts of captures, captures without what is
//! private, and captures beside each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_render::redact::Redactor;
use dxgtrace_session::check::{Code, Finding, Severity};
use dxgtrace_session::{ReplyOutcome, Session};
use dxgtrace_tests::program::{self, run, scratch, text};
use dxgtrace_tests::samples;
use dxgtrace_tests::synthetic::{Owned, load};
use proptest::prelude::*;

/// What a packet shows: message, part, length, outcome and findings.
type Shown = (
    &'static str,
    Option<MessagePart>,
    u32,
    Option<ReplyOutcome>,
    Vec<(Code, &'static str, u32)>,
);

fn shown(packets: &[Owned]) -> Vec<Shown> {
    let mut session = Session::new();
    packets
        .iter()
        .enumerate()
        .map(|(index, packet)| {
            let mut findings = Vec::new();
            let mut found =
                |finding: Finding| findings.push((finding.code(), finding.part(), finding.at));
            let seen = session.analyze(&packet.packet(index as u64 + 1), &mut found);
            let decoded = seen.decoded.as_ref();
            (
                decoded.map_or("-", |decoded| decoded.name()),
                decoded.map(|decoded| decoded.part),
                packet.header.payload_length,
                seen.outcome,
                findings,
            )
        })
        .collect()
}

fn redacted(packets: &[Owned]) -> Vec<Owned> {
    let mut session = Session::new();
    let mut redactor = Redactor::new();
    packets
        .iter()
        .enumerate()
        .map(|(index, packet)| {
            let borrowed = packet.packet(index as u64 + 1);
            let seen = session.analyze(&borrowed, &mut |_| ());
            let (header, payload) = redactor.packet(&borrowed, &seen);
            Owned {
                header,
                payload,
                ..packet.clone()
            }
        })
        .collect()
}

fn recordings() -> Vec<PathBuf> {
    let mut paths = program::samples().unwrap();
    for folder in ["rules", "findings"] {
        let entries = fs::read_dir(samples().join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|end| end == "pcapng")));
    }
    paths
}

#[test]
fn a_redacted_capture_shows_the_same_messages_lengths_outcomes_and_findings() {
    for path in recordings() {
        let (_, packets) = load(&path).unwrap();
        let after = redacted(&packets);
        for (number, (before, after)) in shown(&packets).iter().zip(shown(&after)).enumerate() {
            assert_eq!(*before, after, "{} packet {}", path.display(), number + 1);
        }
    }
}

/// Runs of at least `length` letters, as UTF-8 or UTF-16LE, in payloads.
fn words(packets: &[Owned], length: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for packet in packets {
        for (step, skip) in [(1, 0), (2, 0), (2, 1)] {
            let letters = packet.payload.iter().skip(skip).step_by(step);
            let mut word = String::new();
            for byte in letters.chain([&0]) {
                if byte.is_ascii_alphabetic() && *byte != b'x' {
                    word.push(char::from(*byte));
                } else {
                    if word.len() >= length {
                        found.insert(word.clone());
                    }
                    word.clear();
                }
            }
        }
    }
    found
}

#[test]
fn nothing_private_is_left_in_a_redacted_capture() {
    let (_, packets) = load(&samples().join("v40.pcapng")).unwrap();
    assert!(
        !words(&packets, 6).is_empty(),
        "the recording has no text to look for"
    );
    let after = redacted(&packets);
    assert_eq!(words(&after, 6), BTreeSet::new());
    for packet in &after {
        let comm = &packet.header.comm;
        assert!(
            comm.starts_with(b"process-") || *comm == [0; 16],
            "{comm:?}"
        );
    }
    // Bytes of applications count up in this recording.
    let blob: Vec<u8> = (0..24).collect();
    let holds = |packets: &[Owned]| {
        let mut windows = packets.iter().flat_map(|packet| packet.payload.windows(24));
        windows.any(|window| window == blob)
    };
    assert!(holds(&packets) && !holds(&after));
}

/// The files of an archive.
fn unpacked(path: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut plain)
            .unwrap();
    } else {
        plain = bytes;
    }
    let mut archive = tar::Archive::new(plain.as_slice());
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .collect()
}

#[test]
fn a_report_holds_summary_environment_and_a_capture_that_still_decodes() {
    let sample = samples().join("v40-errors.pcapng");
    for name in ["report.tar", "report.tar.gz"] {
        let out = scratch(name);
        let output = run(&["report", text(&sample), "-o", text(&out)]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let files = unpacked(&out);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "dxgtrace-report/summary.md",
                "dxgtrace-report/environment.txt",
                "dxgtrace-report/capture.pcapng"
            ]
        );
        let summary = String::from_utf8(files[0].1.clone()).unwrap();
        assert!(summary.contains("size.reply_short") && summary.contains("## Known issues"));
        assert!(
            !summary.contains("dxgex"),
            "a process name is in the summary"
        );
        let capture = scratch("report.pcapng");
        fs::write(&capture, &files[2].1).unwrap();
        let (_, before) = load(&sample).unwrap();
        let (_, after) = load(&capture).unwrap();
        assert_eq!(shown(&before), shown(&after));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&out).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_file(out).unwrap();
        fs::remove_file(capture).unwrap();
    }
}

#[test]
fn a_report_may_be_left_as_it_is() {
    let sample = samples().join("v40-enum.pcapng");
    let out = scratch("plain.tar");
    let output = run(&["report", "--no-redact", text(&sample), "-o", text(&out)]).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let capture = scratch("plain.pcapng");
    fs::write(&capture, &unpacked(&out)[2].1).unwrap();
    assert_eq!(load(&sample).unwrap().1, load(&capture).unwrap().1);
    fs::remove_file(out).unwrap();
    fs::remove_file(capture).unwrap();
}

#[test]
fn a_report_of_a_damaged_file_says_so_and_keeps_what_could_be_read() {
    let out = scratch("cut.tar");
    let sample = samples().join("synthetic-cut.pcapng");
    let output = run(&["report", text(&sample), "-o", text(&out)]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let files = unpacked(&out);
    assert!(String::from_utf8_lossy(&files[0].1).contains("Not read to its end"));
    fs::remove_file(out).unwrap();
    let out = scratch("absent.tar");
    let output = run(&["report", "/nonexistent.pcapng", "-o", text(&out)]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!out.exists());
}

/// Cuts a sample; gives the packets of the part, and their comments.
fn cut(sample: &str, arguments: &[&str]) -> (Vec<Owned>, Vec<Vec<String>>) {
    let out = scratch(&format!(
        "part-{}.pcapng",
        arguments.join("_").replace('/', "_")
    ));
    let input = samples().join(sample);
    let mut all = vec!["cut", text(&input), "-w", text(&out)];
    all.extend(arguments);
    let output = run(&all).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut reader = dxgtrace_file::open(&out).unwrap();
    let (mut packets, mut comments) = (Vec::new(), Vec::new());
    while let Some(record) = reader.next_record().unwrap() {
        packets.push(Owned::new(&record.packet));
        comments.push(record.comments().map(|text| text.into_owned()).collect());
    }
    fs::remove_file(out).unwrap();
    (packets, comments)
}

/// The message names of the requests.
fn requests(packets: &[Owned]) -> Vec<&'static str> {
    shown(packets)
        .into_iter()
        .filter(|shown| shown.1 == Some(MessagePart::Request))
        .map(|shown| shown.0)
        .collect()
}

#[test]
fn a_part_brings_along_what_its_packets_need() {
    // A submission to a context of a device of a process.
    let (packets, comments) = cut("v40.pcapng", &["--frames", "471-472"]);
    let names = requests(&packets);
    for needed in [
        "set_io_space_region",
        "open_adapter",
        "get_internal_adapter_info",
        "create_process",
        "create_device",
        "create_context_virtual",
        "submit_command",
    ] {
        assert!(names.contains(&needed), "{needed} is missing in {names:?}");
    }
    assert_eq!(names.len(), 7, "{names:?}");
    let added = comments
        .iter()
        .filter(|comments| comments.iter().any(|text| text.starts_with("cut: packet")));
    assert_eq!(added.count(), 12);
}

#[test]
fn a_part_has_no_unknown_objects_nor_lone_replies() {
    for arguments in [
        &["--frames", "100-140"][..],
        &["--frames", "300-"],
        &["--time", "5.8-6.0"],
        &["--pid", "131"],
        &["--handle", "0x40000040"],
        &["--handle", "0x40000040", "--frames", "-200"],
    ] {
        let (packets, _) = cut("v40-basic.pcapng", arguments);
        assert!(packets.len() > 6);
        for (_, _, _, _, findings) in shown(&packets) {
            for (code, part, _) in findings {
                let mild = code.severity() < Severity::Warn;
                let lone = matches!(code, Code::ObjectUnknown | Code::ReplyOrphan);
                assert!(mild || !lone, "{arguments:?}: {code:?} {part}");
            }
        }
        let half = shown(&packets);
        let count = |part| half.iter().filter(|shown| shown.1 == Some(part)).count();
        assert_eq!(
            count(MessagePart::Request),
            count(MessagePart::Reply),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_cut_that_means_nothing_is_refused() {
    let sample = samples().join("v40-enum.pcapng");
    let out = scratch("nothing.pcapng");
    for (arguments, code) in [
        (&[][..], 1),
        (&["--frames", "x"], 1),
        (&["--frames", "9-3"], 1),
        (&["--frames", "-"], 1),
        (&["--handle", "xyz"], 1),
        (&["--time", "nan"], 1),
        (&["--frames", "900-"], 2),
        (&["--pid", "4"], 2),
    ] {
        let mut all = vec!["cut", text(&sample), "-w", text(&out)];
        all.extend(arguments);
        let output = run(&all).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(!out.exists(), "{arguments:?}");
    }
    let same = run(&["cut", text(&sample), "-w", text(&sample), "--frames", "1"]).unwrap();
    assert_eq!(same.status.code(), Some(1));
    assert_eq!(
        run(&["cut", "-", "-w", text(&out), "--frames", "1"])
            .unwrap()
            .status
            .code(),
        Some(1)
    );
}

fn diff(arguments: &[&str]) -> String {
    let mut all = vec!["diff"];
    all.extend(arguments);
    let output = run(&all).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_capture_does_not_differ_from_itself() {
    for path in recordings() {
        let path = text(&path);
        assert!(diff(&[path, path]).contains("no difference"), "{path}");
    }
}

#[test]
fn two_captures_differ_in_versions_outcomes_and_findings() {
    let basic = samples().join("v40-basic.pcapng");
    let old = samples().join("v27.pcapng");
    let shown = diff(&[text(&basic), text(&old)]);
    assert!(shown.contains("A 40 | B 27"), "{shown}");
    let rules = samples().join("rules");
    let bad = rules.join("make-resident-no-memory.pcapng");
    let good = rules.join("make-resident-no-memory.near.pcapng");
    let shown = diff(&["-T", "jsonl", text(&bad), text(&good)]);
    let lines: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let about = |name: &str, what: &str| {
        let found = lines
            .iter()
            .find(|line| line["about"] == name && line["what"] == what);
        found
            .unwrap_or_else(|| panic!("{name} {what}: {shown}"))
            .clone()
    };
    assert_eq!(about("make_resident", "outcomes")["a"], "STATUS_NO_MEMORY");
    assert_eq!(about("make_resident", "outcomes")["b"], "success");
}

#[test]
fn a_capture_is_read_as_another_version() {
    let sample = samples().join("v40-basic.pcapng");
    let shown = diff(&[text(&sample), "--as-version", "27"]);
    assert!(shown.contains("16 bytes shorter"), "{shown}");
    assert!(shown.contains("704 bytes expected instead of 712"));
    assert!(shown.contains("query_adapter_info") && shown.contains("status would not be there"));
    assert!(diff(&[text(&sample), "--as-version", "40"]).contains("nothing would be different"));
    let old = samples().join("v27.pcapng");
    let shown = diff(&[text(&old), "--as-version", "40"]);
    assert!(
        shown.contains("16 bytes longer") && shown.contains("too short"),
        "{shown}"
    );
    assert_eq!(
        run(&["diff", text(&sample)]).unwrap().status.code(),
        Some(1)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_packets_are_redacted_without_loss_of_length(
        hits in proptest::collection::vec((0usize..63, any::<u16>(), any::<u8>()), 1..20),
        cuts in proptest::collection::vec((0usize..63, any::<u16>()), 0..5),
    ) {
        let (_, mut packets) = load(&samples().join("v40-errors.pcapng")).unwrap();
        for (packet, at, value) in hits {
            let payload = &mut packets[packet].payload;
            if !payload.is_empty() {
                let at = usize::from(at) % payload.len();
                payload[at] = value;
            }
        }
        for (packet, length) in cuts {
            packets[packet].payload.truncate(usize::from(length));
        }
        for (before, after) in packets.iter().zip(redacted(&packets)) {
            prop_assert_eq!(before.payload.len(), after.payload.len());
        }
    }
}
