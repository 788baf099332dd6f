//! Tests that each finding is reported where it applies, and nowhere else.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use dxgtrace_protocol::record::header::Direction;
use dxgtrace_protocol::table::framing::PACKET_INBAND;
use dxgtrace_session::check::{Code, Layer, Severity};
use dxgtrace_tests::conversation::{Conversation, VGPU0};
use dxgtrace_tests::program::{command, run, text};
use dxgtrace_tests::synthetic::{Found, load, numbered, see_all};
use dxgtrace_tests::{findings, samples};

fn of_conversation(talk: &Conversation) -> Found {
    see_all(talk.packets()).1
}

fn of_sample(name: &str) -> Found {
    let (_, packets) = load(&samples().join(format!("{name}.pcapng"))).unwrap();
    see_all(numbered(&packets)).1
}

fn codes(found: &Found) -> BTreeSet<&'static str> {
    found
        .iter()
        .map(|(_, finding)| finding.code().word())
        .collect()
}

#[test]
fn every_finding_has_a_sample_that_yields_it_and_a_near_miss_that_does_not() {
    let cases = findings::all().unwrap();
    let covered: Vec<Code> = cases.iter().map(|case| case.code).collect();
    for code in Code::ALL {
        assert!(covered.contains(code), "{} has no sample", code.word());
    }
    let mut wrong = Vec::new();
    for case in cases {
        let found = of_conversation(&case.found);
        let expected: BTreeSet<_> = [case.code]
            .iter()
            .chain(case.with)
            .map(|code| code.word())
            .collect();
        let word = case.code.word();
        if codes(&found) != expected {
            wrong.push(format!("{word}: {found:?}"));
        }
        let near = of_conversation(&case.near);
        if codes(&near).contains(word) {
            wrong.push(format!("near {word}: {near:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn samples_of_findings_are_what_their_generator_makes_and_are_listed() {
    let folder = samples().join("findings");
    let list = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(
        list == findings::list().unwrap(),
        "the list differs; run `cargo run -p dxgtrace-tests --bin maintain samples`"
    );
    let mut names = BTreeSet::new();
    for case in findings::all().unwrap() {
        let name = format!("{}.pcapng", case.code.word());
        let stored = std::fs::read(folder.join(&name)).unwrap_or_default();
        assert!(
            stored == findings::file(&case.found).unwrap(),
            "{name} differs; run `cargo run -p dxgtrace-tests --bin maintain samples`"
        );
        names.insert(name);
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || names.contains(&name),
            "{name} is nobody's"
        );
    }
}

#[test]
fn correct_behaviour_gives_no_error_and_no_warning() {
    for name in [
        "v40-enum",
        "v40-basic",
        "v40-leak",
        "v40-opens",
        "gpadl",
        "rescind",
    ] {
        for (packet, finding) in of_sample(name) {
            assert!(
                finding.severity() < Severity::Warn,
                "{name} {packet}: {finding}"
            );
        }
    }
    // The first 406 frames of v27 are its two runs of correct behaviour.
    for (packet, finding) in of_sample("v27") {
        assert!(
            packet > 406 || finding.severity() < Severity::Warn,
            "v27 {packet}: {finding}"
        );
    }
}

#[test]
fn a_refused_start_is_the_only_error_of_its_capture() {
    let found: Found = of_sample("openfail");
    assert_eq!(codes(&found), BTreeSet::from(["status.vital"]));
    assert_eq!(found[0].0, 4);
    assert_eq!(
        found[0].1.to_string(),
        "open_adapter failed with STATUS_NOT_SUPPORTED: without it the driver cannot go on \
         (-1 (EPERM))"
    );
}

#[test]
fn every_fault_of_the_host_is_found_at_its_packet_with_its_layer() {
    let found = of_sample("v40-errors");
    let wanted = [
        (15, Code::ObjectUnknown, Layer::Library),
        (18, Code::StatusByHandle, Layer::Host),
        (20, Code::SizeReplyShort, Layer::Host),
        (22, Code::SizeReplyShort, Layer::Host),
        (24, Code::SizeReplyShort, Layer::Host),
        (26, Code::SizeReplyLong, Layer::Host),
        (28, Code::StatusFailed, Layer::Host),
        (30, Code::StatusFailed, Layer::Host),
        (32, Code::StatusFailed, Layer::Host),
        (34, Code::StatusFailed, Layer::Host),
        (36, Code::StatusUnmapped, Layer::Host),
        (41, Code::ReplyDuplicate, Layer::Host),
        (43, Code::ReplyOrphan, Layer::Host),
        (46, Code::ReplySlow, Layer::Host),
        (50, Code::StatusFailed, Layer::Host),
        // The end tells that what failed for want of memory worked later.
        (30, Code::FailurePassed, Layer::Host),
    ];
    let seen: Vec<_> = found
        .iter()
        .map(|(packet, finding)| (*packet, finding.code(), finding.description().layer))
        .collect();
    assert_eq!(seen, wanted);
}

#[test]
fn check_explains_and_its_exit_code_tells() {
    let errors = samples().join("v40-errors.pcapng");
    let output = run(&["check", text(&errors)]).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in [
        "error size.reply_short  3 times, layer: host",
        "the driver expects 87",
        "next:",
        "interface version 40",
        "5 errors",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "colours in a pipe");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 120),
        "{shown}"
    );
    let exit = |args: &[&str]| run(args).unwrap().status.code();
    assert_eq!(
        exit(&["check", "--fail-on", "warn", text(&errors)]),
        Some(4)
    );
    let good = samples().join("v40-leak.pcapng");
    assert_eq!(exit(&["check", "--fail-on", "warn", text(&good)]), Some(0));
    assert_eq!(exit(&["check", "--fail-on-loss", text(&good)]), Some(0));
    let loss = samples().join("synthetic-loss.pcapng");
    assert_eq!(exit(&["check", "--fail-on-loss", text(&loss)]), Some(5));
    assert_eq!(exit(&["check"]), Some(1));
}

#[test]
fn a_damaged_file_is_checked_as_far_as_it_goes() {
    let cut = samples().join("synthetic-cut.pcapng");
    for what in ["check", "stat"] {
        let output = run(&[what, text(&cut), text(&samples().join("v40-enum.pcapng"))]).unwrap();
        assert_eq!(output.status.code(), Some(2), "{what}");
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("9 messages"), "{shown}");
        assert!(shown.contains("v40-enum.pcapng: 10 messages"), "{shown}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("is cut"));
    }
    assert_eq!(
        run(&["check", "/nonexistent"]).unwrap().status.code(),
        Some(2)
    );
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.create_process(0x40, 7).unwrap();
    for packet in &mut talk.packets {
        packet.header.comm = *b"\x1b[2J\xe2\x80\xae\xff\xfe\"\\\r\n\t\0\0";
    }
    let asked = talk.add_request("flush_heap_transitions", &[]).unwrap();
    talk.last().unwrap().header.comm = *b"\x1b]0;\x07\xe2\x80\xae\xff\0\0\0\0\0\0\0";
    talk.add_reply(&asked, &[("status", &[0xC000_000D])])
        .unwrap();
    // The name of the file, and that of a channel in it, are hostile too.
    let folder = dxgtrace_tests::program::scratch("hostile");
    let path = folder.join("\u{1b}[2J\u{202e}.pcapng");
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = findings::file(&talk).unwrap();
    let name = file.windows(6).position(|name| name == b"global").unwrap();
    file[name..name + 6].copy_from_slice(b"\x1b[2J\x07g");
    std::fs::write(&path, file).unwrap();
    for what in [
        &["check", "-s", "chat"][..],
        &["stat"],
        &["read"],
        &["read", "-V"],
        &["read", "-T", "jsonl"],
        &["check", "-T", "jsonl"],
        &["stat", "-T", "jsonl"],
        &["diff", "--as-version", "27"],
    ] {
        let mut args = what.to_vec();
        args.push(text(&path));
        for no_color in [None, Some("1")] {
            let mut command = command().unwrap();
            command.args(&args);
            if let Some(value) = no_color {
                command.env("NO_COLOR", value);
            }
            command.env("COLUMNS", "60");
            let shown = command.output().unwrap().stdout;
            let shown = String::from_utf8(shown).unwrap();
            assert!(!shown.is_empty());
            let clean = |letter: char| !letter.is_control() && letter != '\u{202e}';
            assert!(
                shown.lines().all(|line| line.chars().all(clean)),
                "{shown:?}"
            );
        }
    }
}

#[test]
fn stat_counts_what_is_there() {
    let output = run(&["stat", text(&samples().join("v40-errors.pcapng"))]).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in [
        "63 messages",
        "flush_heap_transitions: STATUS_NO_MEMORY",
        "create_device: no handle",
        "create_sync_object: answer too short",
        "dxgex[151] 0x400002c0",
        "vgpu0 00000000-00c0ffee",
        "80ms",
        "dxgex[151] 0x400002c0 vgpu0 (ended)",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn a_message_of_the_host_on_a_virtual_gpus_channel_makes_no_second_row() {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    let mut header = talk.header(Direction::HostToGuest, VGPU0, PACKET_INBAND);
    header.transaction = 0;
    let mut message = vec![0; 48];
    message[12] = 2;
    talk.push(header, message);
    let folder = dxgtrace_tests::program::scratch("stray");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("stray.pcapng");
    std::fs::write(&path, findings::file(&talk).unwrap()).unwrap();
    let output = run(&["stat", "-T", "jsonl", text(&path)]).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown.matches("\"name\":\"vgpu0").count(), 1, "{shown}");
}
