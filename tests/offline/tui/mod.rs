//! Whole screens of the terminal UI, on real samples: every view, and what keys
//! do. `DXGTRACE_BLESS=1` writes the expected screens again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod hostile;
mod live;
mod pointer;
mod spill;
mod story;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use dxgtrace_tests::samples;
use dxgtrace_tests::screen::Screen;

/// Sizes at which every view is looked at.
const SIZES: [(u16, u16); 2] = [(80, 24), (160, 40)];

/// Name, sample, and keys.
const SCREENS: &[(&str, &str, &str)] = &[
    ("packets", "v40", ""),
    ("packets-apart", "v40", "v 4 4 2 g g"),
    ("packets-old-version", "v27", "G"),
    ("tree", "v40", "1 2 0 g g tab j j j j j"),
    ("bytes", "v40", "7 g g tab tab 4 0 l"),
    ("zoomed-tree", "v40", "7 g g tab \\ k k k k l"),
    ("stacked", "v40", "7 g g |"),
    ("hidden", "v40", "| |"),
    ("findings", "v40", "e j"),
    ("findings-errors", "v40", "e + +"),
    ("finding-opened", "v40", "e j enter tab"),
    ("sessions", "v40", "3 0 0 g g s j j j"),
    ("sessions-none", "openfail", "s"),
    ("object-ladder", "v40", "3 0 0 g g s j j j j x"),
    ("pending", "v40-hostmsg", "G p"),
    ("pending-none", "v40", "p"),
    ("sessions-later", "v40", "s 9 ]"),
    ("handle-ladder", "v40", "1 1 9 g g tab j j j j x"),
    ("top", "v40", "t"),
    ("top-sorted", "v40", "t l l"),
    ("ladder", "v40", "4 4 2 g g x"),
    ("lost", "synthetic-loss", "5 1 g g"),
    ("refused", "synthetic-loss", "3 1 g g tab j j"),
    ("ioctls", "synthetic-ioctls", "2 6 g g"),
    ("ioctls-ladder", "synthetic-ioctls", "2 6 g g x"),
    ("cut-file", "synthetic-cut", "G"),
    ("help", "v40", "?"),
    ("help-end", "v40", "? G"),
    ("filter-typed", "v40", "/ \"dxg.sta\""),
    ("filter-completed", "v40", "/ \"dxg.sta\" tab tab"),
    ("filter-wrong", "v40", "/ \"dxg.statu == 1\""),
    ("filter-wrong-entered", "v40", "/ \"dxg.nothing\" enter"),
    ("filter-applied", "v40", "/ \"dxg.pid == 151\" enter"),
    ("filter-nothing", "v40", "/ \"dxg.pid == 1\" enter"),
    ("filter-of-field", "v40", "4 4 2 g g tab j j j j j = "),
    ("filter-also", "v40", "4 4 2 g g = tab j j j j & tab tab"),
    (
        "filter-cleared",
        "v40",
        "/ \"dxg.pid == 151\" enter j j backspace",
    ),
    ("search-list", "v40", "ctrl-f \"escape\" enter"),
    ("search-tree", "v40", "ctrl-f tab \"rig\" enter"),
    (
        "search-bytes",
        "v40",
        "ctrl-f tab tab \"64 00 78 00\" enter",
    ),
    (
        "search-filter",
        "v40",
        "ctrl-f tab tab tab \"dxg.status == STATUS_NO_MEMORY\" enter",
    ),
    ("search-none", "v40", "ctrl-f \"nowhere\" enter"),
    ("search-typed", "v40", "ctrl-f tab tab \"6\""),
    ("marked", "v40", "M j j M"),
    ("places", "v40", "m a G ' a"),
    ("places-back", "v40", "1 0 0 g g ' '"),
    ("command", "v40", ": \"s\""),
    ("command-arguments", "v40", ": \"theme m\""),
    ("command-unknown", "v40", ": \"dance\" enter"),
    ("times", "v40", "w w w w"),
    ("exchange-ends", "v40", "v 1 2 0 g g ] "),
    ("next-finding", "v40", "} }"),
    ("no-such-packet", "v40", "9 9 9 9 g g"),
];

fn expected(name: &str, width: u16) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/offline/tui/screens"))
        .join(format!("{name}-{width}.txt"))
}

#[test]
fn screens_are_as_expected() {
    let bless = std::env::var_os("DXGTRACE_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for (name, sample, keys) in SCREENS {
        for (width, height) in SIZES {
            let path = samples().join(format!("{sample}.pcapng"));
            let mut screen = Screen::open(&path, width, height);
            screen.press(keys);
            let text = screen.text();
            let file = expected(name, width);
            if bless {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &text).unwrap();
            } else if fs::read_to_string(&file).unwrap_or_default() != text {
                wrong.push(format!("{name} at {width} columns is now\n{text}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nDXGTRACE_BLESS=1 takes the new screens for right",
        wrong.join("\n")
    );
}

#[test]
fn no_expected_screen_is_left_over() {
    let folder = expected("", 0);
    let known: Vec<_> = SCREENS
        .iter()
        .flat_map(|(name, ..)| SIZES.map(|(width, _)| expected(name, width)))
        .collect();
    let Ok(entries) = fs::read_dir(folder.parent().unwrap()) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        assert!(
            known.contains(&path),
            "{} belongs to no test",
            path.display()
        );
    }
}

/// Going through everything at any size neither panics nor writes outside.
#[test]
fn every_key_works_in_every_view_at_any_size() {
    let views = ["P", "e", "s", "p", "t", "x", "?"];
    let keys = "j k l h pgdn pgup ctrl-d ctrl-u G g g tab enter esc \\ | + - ] [ } { v n N M y w T space F";
    for (width, height) in [(1, 1), (20, 5), (40, 8), (41, 9), (80, 24), (300, 100)] {
        for view in views {
            let path = samples().join("v40-errors.pcapng");
            let mut screen = Screen::open(&path, width, height);
            for key in keys.split(' ') {
                screen.press("P");
                screen.press(view);
                screen.press(key);
                screen.draw();
            }
        }
    }
}

#[test]
fn selecting_bytes_selects_the_field_and_the_other_way_round() {
    let mut screen = Screen::open(&samples().join("v40.pcapng"), 160, 40);
    // `process_id` of `create_process` stands at 0x30.
    screen.press("7 g g tab tab g g 4 8 l");
    assert!(screen.text().contains(", 8 at 0x30"), "{}", screen.text());
    screen.press("shift-tab j");
    assert!(screen.text().contains("at 0x38"), "{}", screen.text());
}

#[test]
fn marked_packets_are_saved_with_the_other_ends_of_their_exchanges() {
    let folder = dxgtrace_tests::program::scratch("tui-save");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("marked.pcapng");
    let mut screen = Screen::open(&samples().join("v40.pcapng"), 80, 24);
    screen.press("7 g g M");
    screen.press(&format!(": \"save marked {}\" enter", file.display()));
    assert!(
        screen.text().contains("2 packets saved"),
        "{}",
        screen.text()
    );
    let mut saved = Screen::open(&file, 80, 24);
    let text = saved.text();
    assert!(
        text.contains("create_process") && text.contains("5.02 ms"),
        "{text}"
    );
    screen.press("/ \"dxg.pid == 151\" enter");
    screen.press(&format!(": \"save filtered {}\" enter", file.display()));
    assert!(
        screen.text().contains("55 packets saved"),
        "{}",
        screen.text()
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_is_never_saved_over_itself() {
    let path = samples().join("v40-enum.pcapng");
    let before = fs::read(&path).unwrap();
    let mut screen = Screen::open(&path, 80, 24);
    screen.press(&format!(": \"save all {}\" enter", path.display()));
    assert!(
        screen.text().contains("choose another name"),
        "{}",
        screen.text()
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// The part of `docs/tui.md` that comes from the tables.
fn reference() -> String {
    let mut text = String::new();
    for family in dxgtrace_tui::keys::FAMILIES {
        let _ = writeln!(text, "| {} | key | |\n|---|---|---|", family.name);
        for binding in family.bindings {
            let keys: Vec<_> = binding
                .keys
                .iter()
                .map(|keys| format!("`{keys}`"))
                .collect();
            // A bar would end the cell.
            let keys = keys.join(", ").replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {keys} | {} |", binding.name, binding.help);
        }
        text.push('\n');
    }
    text += "| command | |\n|---|---|\n";
    for command in dxgtrace_tui::command::COMMANDS {
        let line = format!("`:{} {}", command.name, command.arguments);
        let line = line.trim_end().replace('|', "\\|");
        let _ = writeln!(text, "| {line}` | {} |", command.help);
    }
    text
}

#[test]
fn the_documentation_lists_every_key_and_command() {
    const BEGIN: &str = "<!-- from the tables -->\n";
    const END: &str = "<!-- until here -->";
    let path = samples().join("../docs/tui.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("a place for the tables");
    let (now, after) = rest.split_once(END).expect("an end of that place");
    if std::env::var_os("DXGTRACE_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
    } else {
        assert_eq!(now, reference(), "DXGTRACE_BLESS=1 writes it again");
    }
}
