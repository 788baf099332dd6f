//! `dxgtrace explain`: every form in which users meet an error, and bad input.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::Write;
use std::process::{Output, Stdio};

use dxgtrace_protocol::schema::values::GuestResult;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::ioctls::IOCTLS;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_query::explain::{ADVICE, AnswerKind, ERRNOS, explain};
use dxgtrace_query::rules::Rules;
use dxgtrace_session::check::Code;
use dxgtrace_tests::program::{command, run};
use proptest::prelude::*;

fn kinds(thing: &str) -> Vec<AnswerKind> {
    explain(thing, &[])
        .iter()
        .map(|answer| answer.kind)
        .collect()
}

fn first(thing: &str) -> String {
    explain(thing, &[])
        .first()
        .unwrap_or_else(|| panic!("{thing} is not known"))
        .name
        .clone()
}

fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command()
        .unwrap()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_status_is_known_by_every_spelling() {
    for thing in [
        "0xc0000022",
        "0xC0000022",
        "c0000022",
        "-1073741790",
        "3221225506",
        "STATUS_ACCESS_DENIED",
        "access_denied",
    ] {
        assert_eq!(first(thing), "0xc0000022 STATUS_ACCESS_DENIED", "{thing}");
    }
}

#[test]
fn an_errno_is_known_by_every_spelling() {
    for thing in [
        "-75",
        "75",
        "EOVERFLOW",
        "eoverflow",
        "ffffffb5",
        "0xffffffb5",
    ] {
        assert!(first(thing).contains("EOVERFLOW"), "{thing}");
    }
    assert!(first("fffffe00").contains("ERESTARTSYS"));
}

#[test]
fn a_message_is_known_by_name_constant_and_number() {
    for thing in [
        "make_resident",
        "MAKERESIDENT",
        "dxg.make_resident",
        "vgpu 11",
        "vgpu:0x0b",
    ] {
        assert!(first(thing).starts_with("make_resident"), "{thing}");
    }
    assert!(first("global 1000").starts_with("create_process"));
}

#[test]
fn an_ioctl_is_known_by_name_number_and_request() {
    for thing in [
        "0x0b",
        "0xC030470B",
        "D3DKMTMakeResident",
        "dxgkio_make_resident",
    ] {
        assert!(first(thing).starts_with("D3DKMTMakeResident"), "{thing}");
    }
    let other_size = explain("0xC034470B", &[]);
    assert!(
        other_size[0].what.contains("52 bytes"),
        "{}",
        other_size[0].what
    );
}

#[test]
fn all_meanings_of_a_number_are_listed() {
    assert_eq!(
        kinds("11"),
        [AnswerKind::Errno, AnswerKind::Ioctl, AnswerKind::Message]
    );
    assert_eq!(kinds("40000080"), [AnswerKind::Handle]);
    assert_eq!(
        kinds("0xc0001234"),
        [AnswerKind::Status, AnswerKind::Handle]
    );
}

#[test]
fn handles_and_channels_are_taken_apart() {
    let handle = &explain("0x400002c0", &[])[0];
    assert!(
        handle
            .what
            .contains("entry 11 of a table, unique 1, instance 0")
    );
    assert!(first("dde9cbc0-5060-4436-9448-ea1254a5d177").contains("global"));
    assert!(first("{6e382d18-3336-4f4b-acc4-2b7703d4df4a}").contains("vGPU"));
}

#[test]
fn lines_of_the_driver_are_explained_with_cause_layer_and_next_step() {
    let rules = Rules::shipped().unwrap();
    for line in [
        "dxgkio_make_resident: Ioctl failed: -12",
        "[    1.519442] misc dxg: dxgk: dxgkio_query_adapter_info: Ioctl failed: -22",
        "create_process failed -75",
        "misc dxg: dxgk: dxgvmb_send_create_process: create_process failed -75",
        "send_create_allocation failed ffffffb5",
        "wait_for_completion failed: fffffe00",
        "dxgk:err: is_handle_valid Entry is freed 40000080 2",
        "dxgk:err: hmgrtable_get_object_by_type invalid handle 40000080",
        "dxgk:err: adapter_by_handle failed 40000080",
        "did not find packet to complete",
        "dxgglobal_getiospace: Unable to allocate mmio memory: -6",
        "dxgk:err: unexpected packet type",
        "memcpy: detected field-spanning write (size 4) of single field \"current_pos\" at \
         drivers/hv/dxgkrnl/dxgvmbus.c:3095 (size 0)",
        "misc dxg: dxgk: create_existing_sysmem: get_user_pages_fast failed: 103",
    ] {
        let answers = explain(line, rules.all());
        let [answer] = answers.as_slice() else {
            panic!("{line}: {} answers", answers.len());
        };
        assert_eq!(answer.kind, AnswerKind::Log, "{line}");
        assert!(
            answer.causes.iter().any(|cause| cause.layer.is_some()),
            "{line}"
        );
        assert!(!answer.next.is_empty(), "{line}");
    }
}

#[test]
fn a_line_names_call_message_statuses_and_known_issue() {
    let rules = Rules::shipped().unwrap();
    let answer = &explain("dxgkio_make_resident: Ioctl failed: -12", rules.all())[0];
    let more: Vec<(&str, &str)> = answer
        .more
        .iter()
        .map(|more| (more.label, more.text.as_str()))
        .collect();
    assert!(
        more.contains(&("call", "D3DKMTMakeResident (0x0b)")),
        "{more:?}"
    );
    assert!(more.contains(&("messages", "make_resident")));
    assert!(more.contains(&("statuses", "STATUS_NO_MEMORY")));
    assert_eq!(answer.known[0].rule, "make-resident-no-memory");
    assert_eq!(
        answer.known[0].issues,
        ["https://github.com/microsoft/WSL/issues/41176"]
    );
}

#[test]
fn everything_in_the_tables_is_explained() {
    for code in Code::ALL {
        let answer = &explain(code.word(), &[])[0];
        assert!(
            !answer.causes.is_empty() && !answer.next.is_empty(),
            "{}",
            code.word()
        );
    }
    for message in table::all() {
        assert!(!explain(message.name, &[]).is_empty(), "{}", message.name);
    }
    for ioctl in IOCTLS {
        assert!(first(ioctl.function).starts_with(ioctl.function));
    }
    for status in STATUSES {
        let advice = ADVICE.get(status.name);
        assert!(advice.is_some(), "{} is without advice", status.name);
        if let GuestResult::Errno(number) = status.result {
            let errno = number.unsigned_abs();
            assert!(ERRNOS.iter().any(|known| known.number == errno), "{errno}");
        }
    }
    assert_eq!(
        ADVICE.len(),
        STATUSES.len(),
        "advice on a status that has no name"
    );
    for errno in ERRNOS.iter() {
        assert_ne!(errno.name(), "?", "{}", errno.number);
    }
}

#[test]
fn the_unknown_is_said_to_be_with_near_misses() {
    let output = run(&["explain", "make_residnt"]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("nothing is known") && text.contains("make_resident"),
        "{text}"
    );
    let output = run(&["explain", "-T", "jsonl", "zzzzzz", "-75"]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["type"], "unknown");
    assert_eq!(lines[1]["type"], "answer");
    assert_eq!(lines[1]["causes"][0]["layer"], "host");
}

#[test]
fn a_kernel_log_is_grouped() {
    let log = b"[    0.1] hv_vmbus: registering driver dxgkrnl\n\
        [    1.5] misc dxg: dxgk: dxgkio_query_adapter_info: Ioctl failed: -22\n\
        [    1.6] usb 1-1: new device\n\
        [    1.7] misc dxg: dxgk: dxgkio_query_adapter_info: Ioctl failed: -22\n\
        [    1.8] misc dxg: dxgk: dxgkio_query_adapter_info: Ioctl failed: -2\n";
    let output = with_input(&["explain", "-"], log);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let query = "misc dxg: dxgk: dxgkio_query_adapter_info: Ioctl failed";
    assert!(
        text.contains(&format!("2 x {query}: -22, 1.5 to 1.7")),
        "{text}"
    );
    assert!(text.contains(&format!("1 x {query}: -2, at 1.8")), "{text}");
    assert!(!text.contains("usb"));
    let output = with_input(&["explain", "-"], b"nothing of ours\n");
    assert_eq!(output.status.code(), Some(2));
}

/// The text and the exit code of `explain` on a log among the fixtures.
fn explained(log: &str) -> (String, Option<i32>) {
    let path = dxgtrace_tests::fixtures().join("logs").join(log);
    let output = run(&["explain", path.to_str().unwrap()]).unwrap();
    // Wrapped for the terminal: sentences are compared on one line.
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    (words.join(" "), output.status.code())
}

fn assert_says(log: &str, wanted: &[&str], unwanted: &[&str]) {
    let (text, code) = explained(log);
    assert_eq!(code, Some(0), "{log}: {text}");
    for wanted in wanted {
        assert!(text.contains(wanted), "{log} lacks {wanted}: {text}");
    }
    for unwanted in unwanted {
        assert!(!text.contains(unwanted), "{log} has {unwanted}: {text}");
    }
}

#[test]
fn three_lines_of_a_refused_send_are_one_event() {
    assert_says(
        "send-refused.txt",
        &[
            "2 failures of 1 kind; 2 harmless lines, below",
            "2 x misc dxg: dxgk: dxgkio_create_allocation: Ioctl failed: -11, Sep 15 09:05:00 to",
            "-11 (EAGAIN)",
            "layer transport",
            "nothing reached the host",
            "set_existing_sysmem_pages",
            "D3DKMTCreateAllocation2",
            "ring-full",
        ],
        &["handle 0xfffffff5", "own table", "layer library"],
    );
}

#[test]
fn folded_lines_count_in_full() {
    assert_says(
        "repeated.txt",
        &[
            "3 failures of 1 kind; 7 harmless lines",
            "3 x misc dxg: dxgk: dxgkio_create_allocation",
            "7 x misc dxg: dxgk: dxgkio_query_adapter_info",
        ],
        &[],
    );
}

#[test]
fn a_refused_gpadl_is_the_cause_of_the_allocation_that_fails_after_it() {
    assert_says(
        "gpadl.txt",
        &[
            "2 x hv_vmbus",
            "STATUS_INFO_LENGTH_MISMATCH",
            "-122 EDQUOT",
            "the ioctl's -12 (ENOMEM) is a consequence: the cause is -122 (EDQUOT)",
            "not short of memory",
            // Another -12, a minute later, is another matter.
            "1 x misc dxg: dxgk: dxgkio_make_resident: Ioctl failed: -12",
        ],
        &[],
    );
}

#[test]
fn straces_calls_are_named_joined_and_explained() {
    assert_says(
        "strace.txt",
        &[
            "D3DKMTEnumAdapters2 succeeded",
            "D3DKMTQueryAdapterInfo failed with -22 (EINVAL)",
            "D3DKMTMapGpuVirtualAddress returned 259",
            "STATUS_PENDING",
            "D3DKMTWaitForSynchronizationObjectFromCpu failed with -512",
            "D3DKMTReserveGpuVirtualAddress failed with -75 (EOVERFLOW)",
            "D3DKMTMakeResident had not returned when the log ended",
        ],
        &["no line of dxgkrnl"],
    );
}

#[test]
fn a_stack_says_who_waits_for_what_since_when() {
    assert_says(
        "hung-task.txt",
        &[
            "1 x trainer (pid 777)",
            "has waited for more than 245 s for the host's answer to create_allocation",
            "D3DKMTCreateAllocation2",
            "layer host or transport",
            "host-silent",
            "wsl --shutdown",
        ],
        &["jbd2", "not known"],
    );
    assert_says(
        "stack.txt",
        &[
            "a thread waits for a fence",
            "D3DKMTWaitForSynchronizationObjectFromCpu",
        ],
        &["the host has not answered"],
    );
    assert_says(
        "crash.txt",
        &[
            "hmgrtable_free_handle",
            "game.exe (pid 4711)",
            "layer guest driver",
        ],
        &["waits"],
    );
}

#[test]
fn every_kind_of_line_that_the_driver_logs_is_known() {
    let path = dxgtrace_tests::fixtures().join("logs/kinds.txt");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() >= 41);
    let rules = Rules::shipped().unwrap();
    for line in text.lines() {
        let answers = explain(line, rules.all());
        let [answer] = answers.as_slice() else {
            panic!("{line}: {} answers", answers.len());
        };
        assert!(!answer.next.is_empty(), "{line}");
        // A negative errno in hexadecimal is never a handle.
        assert!(
            !answer.more.iter().any(|more| more.text.contains("0xfffff")),
            "{line}"
        );
    }
}

#[test]
fn a_log_from_powershell_is_read_as_any_other() {
    let path = dxgtrace_tests::fixtures().join("logs/send-refused.txt");
    let plain = std::fs::read(path).unwrap();
    let text = String::from_utf8(plain.clone())
        .unwrap()
        .replace('\n', "\r\n");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".to_vec(), wide].concat();
    let narrow = with_input(&["explain", "-"], &plain);
    assert_eq!(with_input(&["explain", "-"], &marked).stdout, narrow.stdout);
}

#[test]
fn codes_of_libraries_and_other_spellings_are_known() {
    for (thing, wanted) in [
        ("0x8007000e", "E_OUTOFMEMORY"),
        ("0x887a0005", "DXGI_ERROR_DEVICE_REMOVED"),
        ("0xd0000022", "STATUS_ACCESS_DENIED"),
        ("errno 75", "EOVERFLOW"),
        ("EOVERFLOW (75)", "EOVERFLOW"),
        ("-75 (EOVERFLOW)", "EOVERFLOW"),
        ("STATUS_NO_MEMORY (0xc0000017)", "STATUS_NO_MEMORY"),
        ("EDQUOT", "-122 EDQUOT"),
        ("EXDEV", "-18 EXDEV"),
        ("cuda error 100", "CUDA_ERROR_NO_DEVICE"),
        (
            "dxgkio_wait_sync_object_cpu",
            "D3DKMTWaitForSynchronizationObjectFromCpu",
        ),
        (
            "dxgkio_open_syncobj_from_syncfile",
            "D3DKMTOpenSyncObjectFromSyncFile",
        ),
        ("KMTQAITYPE_UMDRIVERNAME", "KMTQAITYPE_UMDRIVERNAME"),
    ] {
        assert!(first(thing).contains(wanted), "{thing}: {}", first(thing));
    }
    let layout = &explain("make_resident", &[])[0].more;
    assert!(
        layout
            .iter()
            .any(|more| more.label == "layout" && more.text.contains("24 ")),
        "{layout:?}"
    );
}

#[test]
fn hostile_text_reaches_the_terminal_escaped() {
    let hostile = b"misc dxg: dxgk: \x1b]0;owned\x07 \xe2\x80\xae something \xff\n";
    let output = with_input(&["explain", "-", "\u{1b}[31mred"], hostile);
    assert_eq!(output.status.code(), Some(2));
    for bytes in [output.stdout, output.stderr] {
        assert!(!bytes.contains(&0x1b) && !bytes.contains(&7));
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains('\u{202e}'));
    }
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "\\PC{0,80}") {
        explain(&text, &[]);
        dxgtrace_query::explain::similar_names(&text, &[]);
    }

    #[test]
    fn any_number_is_taken(number: u32) {
        let by_hex = explain(&format!("{number:#x}"), &[]);
        prop_assert!(by_hex.len() < 8);
        explain(&format!("{}", number as i32), &[]);
    }
}
