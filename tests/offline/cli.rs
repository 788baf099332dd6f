//! Arguments, exit codes, pipes, and bad input.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::process::{Output, Stdio};

use dxgtrace_tests::program::{command, run, samples, scratch, text};

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn shown(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn every_sample_is_read_with_its_requests_and_replies_paired() {
    for sample in samples().unwrap() {
        let output = run(&["read", "-T", "jsonl", text(&sample)]).unwrap();
        assert_eq!(
            code(&output),
            Some(0),
            "{}: {}",
            sample.display(),
            said(&output)
        );
        let records: Vec<serde_json::Value> = shown(&output)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |kind: &str| {
            records
                .iter()
                .filter(|record| record["type"] == kind)
                .count()
        };
        assert_eq!(records[0]["type"], "header");
        assert_eq!(records.last().unwrap()["type"], "summary");
        assert!(of("exchange") > 0, "{}", sample.display());
        // Every reply is somebody's, or a finding says why not.
        for reply in records.iter().filter(|record| record["packet_type"] == 11) {
            let paired = reply.get("request_in").is_some();
            let explained = records.iter().any(|finding| {
                finding["type"] == "finding" && finding["packet"] == reply["number"]
            });
            assert!(paired || explained, "{}: {reply}", sample.display());
        }
    }
}

#[test]
fn a_tree_and_a_hex_dump_are_written_for_every_sample() {
    for sample in samples().unwrap() {
        let output = run(&["read", "-V", "-x", text(&sample)]).unwrap();
        assert_eq!(code(&output), Some(0), "{}", sample.display());
        assert!(shown(&output).contains("command header"));
    }
}

#[test]
fn a_rewritten_capture_says_the_same() {
    for sample in samples().unwrap() {
        let copy = scratch("rewritten.pcapng");
        let output = run(&["read", text(&sample), "-w", text(&copy)]).unwrap();
        assert_eq!(code(&output), Some(0));
        let before = run(&["read", "-V", text(&sample)]).unwrap();
        let after = run(&["read", "-V", text(&copy)]).unwrap();
        assert_eq!(shown(&before), shown(&after), "{}", sample.display());
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let sample = dxgtrace_tests::samples().join("v40-enum.pcapng");
    let file = std::fs::File::open(&sample).unwrap();
    let piped = command()
        .unwrap()
        .args(["read", "-"])
        .stdin(file)
        .output()
        .unwrap();
    let named = run(&["read", "-r", text(&sample)]).unwrap();
    assert_eq!(code(&piped), Some(0));
    assert_eq!(shown(&piped), shown(&named));
}

#[test]
fn what_cannot_be_read_is_said_in_one_line_after_what_can() {
    let whole = std::fs::read(dxgtrace_tests::samples().join("v40-enum.pcapng")).unwrap();
    let cut = scratch("cut.pcapng");
    std::fs::write(&cut, &whole[..whole.len() - 301]).unwrap();
    let words = scratch("words.pcapng");
    std::fs::write(&words, "this is no capture\n").unwrap();
    let empty = scratch("empty.pcapng");
    std::fs::write(&empty, "").unwrap();
    let folder = scratch("");
    let missing = scratch("missing.pcapng");
    for (path, rows, reason) in [
        (&cut, 1, "cut"),
        (&words, 0, "looks like text"),
        (&empty, 0, "empty"),
        (&folder, 0, "directory"),
        (&missing, 0, "No such file"),
    ] {
        let output = run(&["read", text(path)]).unwrap();
        assert_eq!(code(&output), Some(2), "{reason}");
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
        assert!(said(&output).contains(reason), "{}", said(&output));
        assert!(shown(&output).lines().count() >= rows, "{reason}");
    }
}

#[test]
fn usage_errors_exit_with_1_and_help_with_0() {
    for arguments in [
        &["read"][..],
        &["no-such-command"],
        &["read", "--no-such-flag", "x"],
    ] {
        let output = run(arguments).unwrap();
        assert_eq!(code(&output), Some(1), "{arguments:?}");
        assert!(!said(&output).is_empty());
    }
    for arguments in [&["--help"][..], &["--version"], &["read", "--help"]] {
        assert_eq!(code(&run(arguments).unwrap()), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let mut child = command()
        .unwrap()
        .args(["read", "-V", text(&sample)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(0));
    assert_eq!(said(&output), "");
}

#[test]
fn names_from_the_traced_system_cannot_reach_the_terminal() {
    let mut bytes = std::fs::read(dxgtrace_tests::samples().join("v40-enum.pcapng")).unwrap();
    let name = b"dxgex\0\0\0";
    let hostile = b"\x1b[2J\xe2\x80\xae";
    let mut replaced = 0;
    for at in 0..bytes.len() - name.len() {
        if &bytes[at..at + name.len()] == name {
            bytes[at..at + hostile.len()].copy_from_slice(hostile);
            replaced += 1;
        }
    }
    assert!(replaced > 0);
    let file = scratch("hostile.pcapng");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(&bytes)
        .unwrap();
    for form in [&["-V"][..], &["-T", "jsonl"]] {
        let output = command()
            .unwrap()
            .args(["read", "--color", "never"])
            .args(form)
            .arg(&file)
            .output()
            .unwrap();
        let text = shown(&output);
        assert!(
            text.contains("\\u{1b}[2J") || text.contains("\\\\u{1b}[2J"),
            "{text}"
        );
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
    }
}

#[test]
fn colours_are_only_for_those_who_want_them() {
    let sample = dxgtrace_tests::samples().join("v40-errors.pcapng");
    let piped = run(&["read", text(&sample)]).unwrap();
    assert!(!shown(&piped).contains('\x1b'));
    let forced = run(&["read", "--color", "always", text(&sample)]).unwrap();
    assert!(shown(&forced).contains("\x1b[31m"));
    // The flag, NO_COLOR, CLICOLOR_FORCE: the first of them decides.
    for (flag, environment, coloured) in [
        ("auto", &[("CLICOLOR_FORCE", "1")][..], true),
        ("auto", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ("always", &[("NO_COLOR", "1")], true),
        ("never", &[("CLICOLOR_FORCE", "1")], false),
    ] {
        let mut command = command().unwrap();
        command.args(["read", "--color", flag, text(&sample)]);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        assert_eq!(shown(&output).contains('\x1b'), coloured, "{environment:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_capture_without_a_driver_or_rights_exits_with_3_and_the_fix() {
    let output = run(&["capture", "-c", "1", "-a", "duration:1"]).unwrap();
    // On a machine that has the driver, the capture runs and ends by itself.
    if code(&output) != Some(0) {
        assert_eq!(code(&output), Some(3));
        assert_eq!(said(&output).lines().count(), 1);
        assert!(said(&output).contains('`'), "the fix: {}", said(&output));
    }
}

#[test]
fn every_command_answers_a_wrong_flag_with_1_and_has_a_help_and_a_manual() {
    let manual = shown(&run(&["man"]).unwrap());
    let help = shown(&run(&["--help"]).unwrap());
    let listed = help.split_once("Commands:\n").unwrap().1;
    let names: Vec<&str> = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert_eq!(
            code(&run(&[name, "--no-such-flag"]).unwrap()),
            Some(1),
            "{name}"
        );
        assert_eq!(code(&run(&[name, "--help"]).unwrap()), Some(0), "{name}");
        assert!(
            manual.contains(&format!(".SH \"dxgtrace {name}\"")),
            "{name}"
        );
    }
    assert!(manual.contains("Exit codes"));
}

#[test]
fn flags_without_a_command_are_those_of_read_and_capture() {
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let bare = run(&["-r", text(&sample), "-c", "3"]).unwrap();
    let named = run(&["read", text(&sample), "-c", "3"]).unwrap();
    assert_eq!(code(&bare), Some(0), "{}", said(&bare));
    assert_eq!(shown(&bare), shown(&named));
    let file = run(&[text(&sample)]).unwrap();
    assert_eq!(code(&file), Some(1));
    assert!(said(&file).contains("dxgtrace read"), "{}", said(&file));
    #[cfg(target_os = "linux")]
    for filter in ["dxg.status == 1", "pid"] {
        let output = run(&["-f", filter]).unwrap();
        assert_eq!(code(&output), Some(2), "{}", said(&output));
    }
}

#[test]
fn a_channel_is_chosen_by_name_number_luid_and_guid() {
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let count = |arguments: &[&str]| {
        let output = run(&[&["read", text(&sample)], arguments].concat()).unwrap();
        assert_eq!(code(&output), Some(0), "{}", said(&output));
        let text = shown(&output);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with(' ') || line.contains("->"));
        (text.lines().count(), lines.count())
    };
    let (all, _) = count(&[]);
    let (global, _) = count(&["-i", "global"]);
    let (vgpu, _) = count(&["-i", "vgpu0"]);
    assert!(global > 0 && vgpu > 0);
    assert_eq!(global + vgpu, all);
    assert_eq!(count(&["-i", "global", "-i", "vgpu0"]).0, all);
    assert_eq!(count(&["-i", "all"]).0, all);
    assert_eq!(count(&["-i", "1"]).0, global);
    assert_eq!(count(&["-i", "2"]).0, vgpu);
    assert_eq!(
        code(&run(&["read", text(&sample), "-i", "eth0"]).unwrap()),
        Some(1)
    );
}

#[test]
fn times_are_written_as_tshark_writes_them() {
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let times = |zone: &str, form: &str| -> Vec<String> {
        let arguments = [
            "read",
            text(&sample),
            "-t",
            form,
            "-Y",
            "frame.number in {1, 3, 4}",
        ];
        let output = command()
            .unwrap()
            .args(arguments)
            .env("TZ", zone)
            .output()
            .unwrap();
        assert_eq!(code(&output), Some(0), "{}", said(&output));
        let text = shown(&output);
        let words = |line: &str| line.trim().split("  ").next().unwrap().to_owned();
        text.lines().map(words).collect()
    };
    assert_eq!(times("UTC", "a"), times("UTC", "u"));
    assert_eq!(times("UTC", "ad"), times("UTC", "ud"));
    // East of Greenwich by five and a half hours, in POSIX's words.
    assert_ne!(times("IST-5:30", "a"), times("UTC", "u"));
    assert!(
        times("UTC", "d")[1].starts_with("3 0.007595"),
        "{:?}",
        times("UTC", "d")
    );
    assert!(
        times("UTC", "dd")[1].starts_with("3 0.011304"),
        "{:?}",
        times("UTC", "dd")
    );
}

#[test]
fn a_capture_is_shown_while_it_is_written_if_asked() {
    let sample = dxgtrace_tests::samples().join("v40-enum.pcapng");
    let copy = scratch("printed.pcapng");
    let output = run(&["read", text(&sample), "-P", "-w", text(&copy)]).unwrap();
    assert_eq!(shown(&output), shown(&run(&["read", text(&copy)]).unwrap()));
    assert!(!shown(&output).is_empty());
}

#[test]
fn summaries_are_those_of_check_and_stat() {
    let sample = dxgtrace_tests::samples().join("v40-errors.pcapng");
    let expert = run(&["read", "-q", "-z", "expert", "-r", text(&sample)]).unwrap();
    let check = run(&["check", text(&sample)]).unwrap();
    assert_eq!(shown(&expert), shown(&check));
    let times = run(&["read", "-q", "-z", "srt", "-z", "io,stat", text(&sample)]).unwrap();
    let stat = run(&["stat", "-r", text(&sample)]).unwrap();
    assert_eq!(shown(&times), shown(&stat));
}

#[test]
fn top_counts_every_message_by_process_and_channel() {
    let sample = dxgtrace_tests::samples().join("v40.pcapng");
    let output = run(&["top", "-T", "jsonl", text(&sample)]).unwrap();
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    let rows: Vec<serde_json::Value> = shown(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sum: u64 = rows
        .iter()
        .map(|row| row["messages"].as_u64().unwrap())
        .sum();
    let lines = shown(&run(&["read", text(&sample)]).unwrap())
        .lines()
        .count();
    assert_eq!(sum, lines as u64);
    let table = shown(&run(&["top", text(&sample)]).unwrap());
    assert!(
        table.contains("dxgex[151]") && table.contains("vgpu0"),
        "{table}"
    );
}

#[test]
fn completion_scripts_are_understood_by_their_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]).unwrap();
        assert_eq!(code(&output), Some(0));
        assert!(shown(&output).contains("stand-in"), "{shell}");
        let script = scratch(&format!("completion.{shell}"));
        std::fs::write(&script, &output.stdout).unwrap();
        // Not every machine has every shell.
        if let Ok(parsed) = std::process::Command::new(shell)
            .arg("-n")
            .arg(&script)
            .output()
        {
            assert!(parsed.status.success(), "{shell}: {}", said(&parsed));
        }
    }
}
