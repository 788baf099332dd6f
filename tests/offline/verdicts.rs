//! What `check` says of a capture as a whole, and what it adds to a finding from
//! the rest of the capture.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;

use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_protocol::table::errno::{EAGAIN, ENODEV, negative};
use dxgtrace_session::check::{Code, Layer, Severity};
use dxgtrace_tests::conversation::Conversation;
use dxgtrace_tests::findings::calls::{end, within};
use dxgtrace_tests::program::{run, scratch, text};
use dxgtrace_tests::{findings, samples};

const NO_MEMORY: u64 = 0xC000_0017;
const SECOND: u64 = 1_000_000_000;

/// The driver is up, and a process has a device and an allocation.
fn started() -> Conversation {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.create_process(findings::PROCESS, 100).unwrap();
    talk.create_device(findings::DEVICE).unwrap();
    talk.create_allocations(findings::DEVICE, &[findings::ALLOCATION])
        .unwrap();
    talk
}

/// What a command prints of a conversation, on one line.
fn printed(name: &str, talk: &Conversation, arguments: &[&str]) -> String {
    let folder = scratch("verdicts");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.pcapng"));
    fs::write(&path, findings::file(talk).unwrap()).unwrap();
    let output = run(&[&["check"][..], arguments, &[text(&path)]].concat()).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn check(name: &str, talk: &Conversation) -> String {
    let shown = printed(name, talk, &[]);
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_says(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
    }
}

/// A paging queue is created in an ioctl, answered with no byte; the ioctl
/// returns `result`, or its record is not in the capture.
fn short(talk: &mut Conversation, result: Option<i32>) {
    let device = [("device", &[findings::DEVICE][..])];
    let asked = talk.add_request("create_paging_queue", &device).unwrap();
    within(&mut talk.last().unwrap().header);
    talk.add_raw_reply(&asked, Vec::new());
    within(&mut talk.last().unwrap().header);
    if let Some(result) = result {
        end(talk, result, 1);
    }
}

#[test]
fn a_short_reply_says_what_its_ioctl_returned() {
    let of = |name: &str, results: &[Option<i32>]| {
        let mut talk = started();
        for result in results {
            short(&mut talk, *result);
        }
        check(name, &talk)
    };
    let success = of("short-success", &[Some(0)]);
    assert_says(
        &success,
        &[
            "D3DKMTFlushHeapTransitions returned 0 (success)",
            "the application holds the handle 0",
        ],
    );
    assert!(!success.contains("-75"), "{success}");
    let einval = negative("EINVAL");
    let refused = of("short-refused", &[Some(einval)]);
    assert_says(
        &refused,
        &["D3DKMTFlushHeapTransitions returned -22 (EINVAL)"],
    );
    assert!(!refused.contains("-75"), "{refused}");
    let unknown = of("short-unknown", &[None]);
    assert_says(&unknown, &["what the ioctl returned is not in the capture"]);
    let both = of("short-both", &[Some(einval), Some(0), Some(einval)]);
    assert_says(
        &both,
        &[
            "returned -22 (EINVAL) 2 of 3 times",
            "returned 0 (success) 1 of 3 times",
        ],
    );
}

/// A request that the host fulfils, or answers with `status`.
fn flush(talk: &mut Conversation, status: u64) {
    talk.time += SECOND / 2;
    talk.add_exchange("flush_heap_transitions", &[], &[("status", &[status])])
        .unwrap();
}

fn flushes(statuses: &[(usize, u64)]) -> Conversation {
    let mut talk = started();
    for (count, status) in statuses {
        for _ in 0..*count {
            flush(&mut talk, *status);
        }
    }
    talk
}

#[test]
fn a_failure_that_passed_says_so_and_equal_findings_are_one_line() {
    let talk = flushes(&[(3, 0), (4, NO_MEMORY), (5, 0)]);
    let shown = check("passed", &talk);
    assert_says(
        &shown,
        &[
            "worked again 500 ms after the last failure: 4 flush_heap_transitions failed",
            "3 of the same size on the same channel were answered whole before and 5 after that",
            "commit limit",
            "4 times, the last in packet",
            "it passed by itself; likely",
        ],
    );
    let lines = printed("passed", &talk, &["-T", "jsonl"]);
    assert_eq!(lines.matches("\"status.failed\"").count(), 4, "{lines}");
    // It did not pass: the last one failed, or what worked was something else.
    let shown = check("stayed", &flushes(&[(3, 0), (4, NO_MEMORY)]));
    assert!(!shown.contains("failure.passed"), "{shown}");
    let mut talk = flushes(&[(1, NO_MEMORY)]);
    talk.pid = 101;
    talk.process += 0x40;
    flush(&mut talk, 0);
    let shown = check("others", &talk);
    assert!(!shown.contains("failure.passed"), "{shown}");
}

#[test]
fn a_full_ring_of_a_host_that_reads_is_not_called_deaf() {
    let mut talk = started();
    let devices = [0x4000_0040, 0x4000_0080_u32, 0x4000_00c0];
    for process in devices {
        talk.process = process;
        talk.add_exchange("flush_heap_transitions", &[], &[])
            .unwrap();
    }
    talk.process = devices[0];
    talk.add_request("flush_heap_transitions", &[]).unwrap();
    let header = &mut talk.last().unwrap().header;
    header.kind = RecordKind::Refused;
    (header.return_value, header.refused_attempts) = (EAGAIN, 50);
    within(header);
    // The probe counts the refused message, too.
    end(&mut talk, EAGAIN, 1);
    talk.process = devices[1];
    let mut silent = talk.clone();
    talk.add_exchange("flush_heap_transitions", &[], &[])
        .unwrap();
    let shown = check("reads", &talk);
    assert_says(
        &shown,
        &[
            "bytes was not sent: the send function returned -11 (EAGAIN)",
            "other requests on this channel within the same 100 ms, so it does read",
            "processes that sent there: 3",
        ],
    );
    for part in ["does not read", "does not take", "packets are missing"] {
        assert!(!shown.contains(part), "{shown}");
    }
    // Nothing came after: whether it reads is not known.
    silent.time += SECOND;
    silent
        .add_exchange("flush_heap_transitions", &[], &[])
        .unwrap();
    let shown = check("unknown", &silent);
    assert!(!shown.contains("it does read"), "{shown}");
}

#[test]
fn a_virtual_gpu_that_is_gone_says_what_was_open() {
    let mut talk = started();
    let context = [("context", &[0x4000_0100][..])];
    let device = [("device", &[findings::DEVICE][..])];
    talk.add_exchange("create_context_virtual", &device, &context)
        .unwrap();
    end(&mut talk, ENODEV, 0);
    end(&mut talk, ENODEV, 0);
    let shown = check("gone", &talk);
    assert_says(
        &shown,
        &[
            "devices 1, contexts 1, queues 0, allocations 1",
            "ioctl.adapter_gone 2 times",
            "verdict: what failed first concerns the host",
            "2 ioctls of the same process failed",
        ],
    );
}

/// The verdict that `check` begins with, by file.
fn verdicts(names: &[String]) -> BTreeMap<String, String> {
    let paths: Vec<_> = names.iter().map(|name| samples().join(name)).collect();
    let mut arguments = vec!["check", "-T", "jsonl"];
    arguments.extend(paths.iter().map(|path| text(path)));
    let output = run(&arguments).unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let verdicts = lines.lines().filter_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = (record["type"] == "verdict").then(|| record["text"].as_str().unwrap());
        text.map(str::to_owned)
    });
    names.iter().cloned().zip(verdicts).collect()
}

#[test]
fn every_kind_of_finding_gives_a_verdict_on_the_side_it_is_about() {
    let cases = findings::all().unwrap();
    let name = |code: Code| format!("findings/{}.pcapng", code.word());
    let names: Vec<String> = cases.iter().map(|case| name(case.code)).collect();
    let verdicts = verdicts(&names);
    assert_eq!(verdicts.len(), cases.len());
    for case in &cases {
        let verdict = &verdicts[&name(case.code)];
        let codes = || case.with.iter().chain([&case.code]);
        let bad = codes().any(|code| {
            let about = code.description();
            about.severity >= Severity::Warn && about.layer != Layer::Capture
        });
        assert_eq!(
            bad,
            verdict.contains("failed first"),
            "{}: {verdict}",
            case.code.word()
        );
        let about = case.code.description();
        if bad && case.with.is_empty() && about.layer == Layer::Transport {
            assert!(verdict.contains("the transport"), "{verdict}");
        }
    }
}

#[test]
fn a_healthy_capture_is_one_sentence_and_a_lossy_one_is_not_called_healthy() {
    let names = [
        "v40-basic.pcapng",
        "v40-enum.pcapng",
        "synthetic-loss.pcapng",
    ]
    .map(str::to_owned);
    let verdicts = verdicts(&names);
    assert!(
        verdicts["v40-basic.pcapng"].starts_with("nothing wrong: "),
        "{verdicts:?}"
    );
    assert!(
        verdicts["v40-enum.pcapng"].starts_with("nothing wrong: "),
        "{verdicts:?}"
    );
    let lossy = &verdicts["synthetic-loss.pcapng"];
    assert!(lossy.contains("packets are missing"), "{lossy}");
    let output = run(&["check", text(&samples().join("v40-basic.pcapng"))]).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("verdict: nothing wrong"), "{shown}");
}
