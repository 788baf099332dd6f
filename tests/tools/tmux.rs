//! The terminal UI in a real terminal: tmux.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dxgtrace_tests::{program, requirement, samples};

/// A terminal of our own.
struct Tmux {
    name: String,
}

impl Tmux {
    /// A shell in a terminal of that size.
    fn start(name: &str, width: u16, height: u16) -> Self {
        let tmux = Self {
            name: format!("dxgtrace-{name}-{}", std::process::id()),
        };
        tmux.run(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &width.to_string(),
            "-y",
            &height.to_string(),
            "env",
            "PS1=ready>",
            "TERM=screen",
            "sh",
        ]);
        tmux.await_text("ready>");
        tmux
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.name])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {arguments:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.run(&["send-keys", key]);
        }
    }

    fn line(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    fn text(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until a text is on the screen.
    fn await_text(&self, wanted: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if text.contains(wanted) {
                return text;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "no `{wanted}` in\n{text}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The state of the terminal, as programs leave it behind.
    fn settings(&self) -> String {
        let flags = "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag} #{mouse_any_flag}";
        let flags = self.run(&["display-message", "-p", flags]);
        self.line("clear; stty -a | tr ';' '\\n' | grep -v rows; echo done$((40+2))");
        let text = self.await_text("done42");
        self.line("clear");
        // The prompt behind it may or may not be there yet.
        let settings = text.split("done42").next().unwrap_or_default();
        flags + settings
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = Command::new("tmux")
            .args(["-L", &self.name, "kill-server"])
            .status();
    }
}

/// tmux has no `--version`.
fn has_tmux() -> bool {
    let there = Command::new("tmux")
        .arg("-V")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        requirement::skip("tmux is not installed");
    }
    there
}

#[test]
fn a_sample_is_looked_at_in_a_real_terminal_which_is_then_as_before() {
    if !has_tmux() {
        return;
    }
    let program = program::path().unwrap().display().to_string();
    let sample = samples().join("v40.pcapng").canonicalize().unwrap();
    let tmux = Tmux::start("walk", 80, 24);
    let before = tmux.settings();
    tmux.line(&format!("{program} tui {}", sample.display()));
    tmux.await_text("1/575");

    // Filter, with completion.
    tmux.keys(&["/"]);
    tmux.run(&["send-keys", "-l", "dxg.pi"]);
    tmux.await_text("Process id: thread group");
    tmux.keys(&["Tab"]);
    tmux.run(&["send-keys", "-l", " == 151"]);
    tmux.keys(&["Enter"]);
    tmux.await_text("dxg.pid == 151: 28 of 575");

    // Every view.
    for (key, wanted) in [
        ("e", "and worse"),
        ("s", "objects after packet"),
        ("p", "without a reply as of packet"),
        ("t", "half in"),
        ("x", "host"),
        ("P", "reply in"),
        ("?", "Keys and commands"),
    ] {
        tmux.keys(&[key]);
        tmux.await_text(wanted);
    }
    tmux.keys(&["Escape"]);

    // Another size.
    tmux.run(&["resize-window", "-x", "132", "-y", "43"]);
    tmux.await_text("dxgtrace  P:packets");
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.await_text("28 of 575");

    tmux.line(":q");
    tmux.await_text("ready>");
    assert_eq!(tmux.settings(), before);
}

#[test]
fn a_signal_restores_the_terminal() {
    if !has_tmux() {
        return;
    }
    let program = program::path().unwrap().display().to_string();
    let sample = samples().join("v40.pcapng").canonicalize().unwrap();
    for signal in ["TERM", "HUP", "INT"] {
        let tmux = Tmux::start(&format!("signal-{signal}"), 80, 24);
        let before = tmux.settings();
        tmux.line(&format!(
            "{program} tui {} & echo $! >/dev/null; fg",
            sample.display()
        ));
        tmux.await_text("1/575");
        let pane = tmux.run(&["display-message", "-p", "#{pane_pid}"]);
        let shell = pane.trim();
        let children = Command::new("pgrep")
            .args(["-P", shell, "dxgtrace"])
            .output()
            .unwrap();
        let child = String::from_utf8_lossy(&children.stdout).trim().to_owned();
        let killed = Command::new("kill")
            .args([&format!("-{signal}"), &child])
            .status()
            .unwrap();
        assert!(killed.success());
        tmux.await_text("ready>");
        assert_eq!(tmux.settings(), before, "after SIG{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_demo_is_shown_live_and_quitting_keeps_what_nobody_saved() {
    if !has_tmux() || !requirement::live() {
        return;
    }
    let program = program::path().unwrap().display().to_string();
    let cache = program::scratch("tmux-demo");
    let tmux = Tmux::start("demo", 120, 30);
    let before = tmux.settings();
    tmux.line(&format!(
        "XDG_CACHE_HOME={} {program} demo --tui --speed 4",
        cache.display()
    ));
    tmux.await_text("live uprobe");
    tmux.await_text("follows");
    tmux.keys(&["/"]);
    tmux.run(&["send-keys", "-l", "dxg.message == create_device"]);
    tmux.keys(&["Enter"]);
    tmux.await_text("2 of 63");
    tmux.await_text("ended uprobe");
    tmux.keys(&["q"]);
    tmux.await_text("The capture is not saved");
    tmux.keys(&["k"]);
    let text = tmux.await_text("63 packets saved in");
    assert!(text.contains(&cache.display().to_string()), "{text}");
    assert_eq!(tmux.settings(), before);
    std::fs::remove_dir_all(cache).unwrap();
}

#[test]
fn a_terminal_that_cannot_draw_is_refused_politely() {
    if !has_tmux() {
        return;
    }
    let program = program::path().unwrap().display().to_string();
    let sample = samples().join("v40-enum.pcapng").canonicalize().unwrap();
    let tmux = Tmux::start("dumb", 100, 24);
    tmux.line(&format!(
        "TERM=dumb {program} tui {}; echo code $?",
        sample.display()
    ));
    let text = tmux.await_text("code 1");
    assert!(text.contains("cannot draw on this terminal"), "{text}");
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    if !has_tmux() {
        return;
    }
    let tmux = Tmux::start("gone", 80, 24);
    let program = program::path().unwrap();
    let sample = samples().join("v40-enum.pcapng");
    // `exec`, so that the shell's process id is the program's.
    tmux.line(&format!(
        "exec {} tui {}",
        program.display(),
        sample.display()
    ));
    tmux.await_text("?:help");
    let pid = tmux.run(&["display-message", "-p", "#{pane_pid}"]);
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    assert!(process.exists());
    drop(tmux);
    let begun = Instant::now();
    while process.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it goes on without a terminal"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_mouse_selects_in_a_real_terminal_and_colours_can_be_refused() {
    if !has_tmux() {
        return;
    }
    let program = program::path().unwrap().display().to_string();
    let sample = samples().join("v40.pcapng").canonicalize().unwrap();
    let home = program::scratch("mouse");
    std::fs::create_dir_all(home.join("dxgtrace")).unwrap();
    std::fs::write(home.join("dxgtrace/config.toml"), "mouse = true\n").unwrap();
    let tmux = Tmux::start("mouse", 80, 24);
    let config = format!("XDG_CONFIG_HOME={}", home.display());
    for colour in ["always", "never"] {
        tmux.line(&format!(
            "{config} {program} --color {colour} tui {}",
            sample.display()
        ));
        tmux.await_text("1/575");
        let painted = tmux.run(&["capture-pane", "-p", "-e"]);
        assert_eq!(painted.contains("\u{1b}[36m"), colour == "always");
        // A click on the fifth line of the list, as terminals report it.
        tmux.run(&["send-keys", "-l", "\u{1b}[<0;20;7M\u{1b}[<0;20;7m"]);
        tmux.await_text("9/575");
        tmux.keys(&["q"]);
        tmux.await_text("ready>");
    }
}
