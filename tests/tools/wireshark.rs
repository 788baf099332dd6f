//! `dxgtrace export wireshark`, and capturing from within Wireshark.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dxgtrace_tests::program::{command, path, run, scratch, text};
use dxgtrace_tests::{requirement, samples};

/// A home folder of its own, set up for Wireshark.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let home = scratch(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir(&home).unwrap();
        let output = run(&["export", "wireshark", text(&home)]).unwrap();
        assert!(output.status.success(), "{output:?}");
        Self(home)
    }

    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        found.insert(entry.path().strip_prefix(&self.0).unwrap().to_owned());
                    }
                }
            }
        }
        found
    }

    /// What tshark prints in this home, without complaining.
    fn tshark(&self, arguments: &[&str]) -> String {
        let output = Command::new("tshark")
            .env("HOME", &self.0)
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        let told = [
            "Running as user",
            "Capturing on",
            "packets captured",
            " ** (",
        ];
        let complaint = errors
            .lines()
            .find(|line| !line.trim().is_empty() && !told.iter().any(|part| line.contains(part)));
        assert_eq!(complaint, None, "tshark {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sample(name: &str) -> String {
    samples().join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_second_run_changes_nothing_and_keeps_what_was_changed() {
    let home = Home::new("home-again");
    let files = home.files();
    assert!(files.contains(Path::new(".local/lib/wireshark/plugins/dxg.lua")));
    let preferences = home
        .0
        .join(".config/wireshark/profiles/dxgtrace/preferences");
    fs::write(&preferences, "gui.column.format:\n\t\"No.\", \"%m\"\n").unwrap();
    let again = |more: &[&str]| {
        let output = run(&[&["export", "wireshark", text(&home.0)], more].concat()).unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = again(&[]);
    assert!(!said.contains("wrote"), "{said}");
    assert!(said.contains("kept") && said.contains("--force"), "{said}");
    assert!(fs::read_to_string(&preferences).unwrap().len() < 100);
    assert!(again(&["--force"]).contains("updated"));
    assert!(
        again(&[])
            .lines()
            .filter(|line| line.contains('/'))
            .all(|line| {
                line.starts_with("current") || line.starts_with("Next") || line.contains("setcap")
            })
    );
    assert_eq!(home.files(), files);
}

#[test]
fn tshark_shows_the_columns_and_colours_of_the_profile() {
    if !requirement::program("tshark") {
        return;
    }
    let home = Home::new("home-profile");
    let lines = home.tshark(&["-C", "dxgtrace", "-r", &sample("v40.pcapng"), "-c", "4"]);
    let last = lines.lines().last().unwrap();
    for part in [
        "kworker/u4:1",
        "25",
        "vgpu0",
        "0.001539550",
        "open_adapter reply",
    ] {
        assert!(last.contains(part), "{part}: {last}");
    }
    let rules = |name: &str| {
        let columns = ["-T", "fields", "-e", "frame.coloring_rule.name"];
        let read = ["-C", "dxgtrace", "--color", "-r", &sample(name)];
        let text = home.tshark(&[&read[..], &columns].concat());
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let found = rules("v40-errors.pcapng");
    assert!(
        found.contains("error") && found.contains("note"),
        "{found:?}"
    );
    let found = rules("synthetic-loss.pcapng");
    assert!(found.contains("packets are missing"), "{found:?}");
}

#[test]
fn the_buttons_filters_are_those_of_the_dissector() {
    if !requirement::program("tshark") {
        return;
    }
    let home = Home::new("home-buttons");
    let buttons = home
        .0
        .join(".config/wireshark/profiles/dxgtrace/dfilter_buttons");
    for line in fs::read_to_string(buttons).unwrap().lines() {
        let filter = line.trim_matches('"').split("\",\"").nth(2).unwrap();
        home.tshark(&["-r", &sample("v40.pcapng"), "-Y", filter]);
    }
}

#[test]
fn wireshark_learns_the_interfaces_and_their_options() {
    let ask = |arguments: &[&str]| {
        let output = run(arguments).unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = ask(&["--extcap-interfaces", "--extcap-version=4.0"]);
    assert!(
        text.contains("interface {value=dxgtrace}{display="),
        "{text}"
    );
    for interface in ["dxgtrace", "dxgtrace-stand-in"] {
        let text = ask(&["--extcap-dlts", "--extcap-interface", interface]);
        assert!(text.starts_with("dlt {number=252}"), "{text}");
        let text = ask(&["--extcap-config", "--extcap-interface", interface]);
        for option in ["--pid", "--comm", "--snaplen", "--buffer"] {
            assert!(text.contains(&format!("{{call={option}}}")), "{text}");
        }
        assert!(text.contains("{type=unsigned}"), "{text}");
        let verify = |filter: &str| {
            let asked = ["--extcap-interface", interface, "--extcap-capture-filter"];
            ask(&[&asked[..], &[filter]].concat())
        };
        assert_eq!(verify("pid 1 or 2 and comm x"), "");
        assert!(verify("dxg.status == 1").contains("not by `dxg.status`"));
    }
    let output = run(&["--extcap-dlts", "--extcap-interface", "eth0"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn tshark_captures_from_the_stand_in_by_itself() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    if !requirement::program("tshark") || !requirement::live() {
        return;
    }
    let home = Home::new("home-live");
    let listed = home.tshark(&["-D"]);
    assert!(listed.contains(" dxgtrace ("), "{listed}");
    let mut standin = command()
        .unwrap()
        .args(["replay", "--wait"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut told = BufReader::new(standin.stdout.take().unwrap());
    told.read_line(&mut ready).unwrap();
    let pid = ready.trim().strip_prefix("ready ").unwrap();
    let file = home.0.join("out.pcapng");
    let option = format!("extcap.dxgtrace_stand_in.standin:{pid}");
    let capture = Command::new("tshark")
        .env("HOME", &home.0)
        .args([
            "-i",
            "dxgtrace-stand-in",
            "-o",
            &option,
            "-a",
            "duration:60",
        ])
        .args(["-c", "63", "-w", text(&file)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe is opened once the probe is there.
    let until = Instant::now() + Duration::from_secs(50);
    while !capturing(pid).is_some_and(|open| open) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    standin.stdin.take().unwrap().write_all(b"\n").unwrap();
    let output = capture.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    assert!(standin.wait().unwrap().success());
    let lines = |arguments: &[&str]| {
        let output = run(arguments).unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    assert_eq!(lines(&["read", text(&file)]), 63, "{errors}");
    assert_eq!(capturing(pid), None, "the capture goes on without a reader");
}

/// Whether the capture of this stand-in has opened its pipe, if there is one.
fn capturing(pid: &str) -> Option<bool> {
    let program = path().unwrap().canonicalize().unwrap();
    let mut processes = fs::read_dir("/proc").unwrap().flatten();
    processes.find_map(|entry| {
        let of = entry.path();
        let line = String::from_utf8(fs::read(of.join("cmdline")).ok()?).ok()?;
        let words: Vec<&str> = line.split('\0').collect();
        let fifo = words.iter().position(|word| *word == "--fifo")?;
        let fifo = Path::new(words.get(fifo + 1)?);
        let ours = fs::read_link(of.join("exe")).ok()? == program && words.contains(&pid);
        let mut files = fs::read_dir(of.join("fd")).ok()?.flatten();
        let open = files.any(|file| fs::read_link(file.path()).is_ok_and(|path| path == fifo));
        ours.then_some(open)
    })
}
