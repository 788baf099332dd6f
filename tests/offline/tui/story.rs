//! The diagnosis that `docs/tui.md` walks through, key by key.

use std::fs;

use dxgtrace_tests::samples;
use dxgtrace_tests::screen::Screen;

/// Keys, and how many of the document's screens they lead to.
const STEPS: &[(&str, usize)] = &[
    ("e + +", 2),
    ("enter tab ]", 0),
    ("shift-tab =", 1),
    ("backspace x", 1),
    ("q s", 1),
];

#[test]
fn the_walk_in_the_documentation_shows_what_the_screen_shows() {
    let text = fs::read_to_string(samples().join("../docs/tui.md")).unwrap();
    let walk = text
        .split("\n## ")
        .find(|part| part.starts_with("From symptom"));
    let mut blocks = walk
        .expect("a walk")
        .split("```text\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block);
    let mut screen = Screen::open(&samples().join("v40-errors.pcapng"), 100, 30);
    for (keys, count) in STEPS {
        screen.press(keys);
        let shown = screen.text();
        for block in blocks.by_ref().take(*count) {
            let mut lines = shown.lines();
            for line in block.lines() {
                let is_line = |shown: &str| shown == line.trim_end();
                assert!(
                    lines.any(is_line),
                    "after `{keys}` there is no\n{line}\nin\n{shown}"
                );
            }
        }
    }
    assert_eq!(blocks.next(), None, "a screen that no keys lead to");
    // The process has its device, and nothing on it.
    let shown = screen.text();
    assert!(shown.contains("device 0x40000000"), "{shown}");
    assert!(!shown.contains("context"), "{shown}");
}
