//! The mouse, for those who want it.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use dxgtrace_tests::samples;
use dxgtrace_tests::screen::Screen;

fn mouse(screen: &mut Screen, kind: MouseEventKind, column: u16, row: u16) {
    screen.draw();
    screen.app.mouse(&MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    });
    screen.settle();
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

/// Where a text stands on the screen.
fn place(screen: &mut Screen, text: &str) -> (u16, u16) {
    let shown = screen.text();
    let found = shown.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(text)?;
        Some((line[..at].chars().count() as u16, row as u16))
    });
    found.unwrap_or_else(|| panic!("no `{text}` in\n{shown}"))
}

fn click(screen: &mut Screen, text: &str) {
    let (column, row) = place(screen, text);
    mouse(screen, CLICK, column, row);
}

#[test]
fn a_click_selects_lines_fields_and_bytes_and_opens_what_is_selected() {
    let mut screen = Screen::open(&samples().join("v40.pcapng"), 160, 40);
    click(&mut screen, "dxgex[126]           global create_process");
    assert!(screen.text().contains(" 7/575\n"), "{}", screen.text());
    click(&mut screen, "process_id: 126");
    assert!(screen.text().contains("8 at 0x30"), "{}", screen.text());
    // The first byte of the second eight of the line, and its letter.
    click(&mut screen, "64 00 78 00");
    let text = screen.text();
    assert!(text.contains("at 0x38"), "{text}");
    click(&mut screen, "+ packet: 7");
    click(&mut screen, "+ packet: 7");
    assert!(screen.text().contains("- packet: 7"), "{}", screen.text());
    click(&mut screen, "e:findings");
    assert!(
        screen.text().contains("note and worse"),
        "{}",
        screen.text()
    );
    click(&mut screen, "W     437");
    click(&mut screen, "W     437");
    assert!(screen.text().contains(" 437/575\n"), "{}", screen.text());
    click(&mut screen, "?:help");
    assert!(screen.text().contains("Keys and commands"));
    mouse(&mut screen, CLICK, 3, 3);
    assert!(!screen.text().contains("Keys and commands"));
}

#[test]
fn the_wheel_moves_what_is_under_it() {
    let mut screen = Screen::open(&samples().join("v40.pcapng"), 80, 24);
    mouse(&mut screen, MouseEventKind::ScrollDown, 5, 5);
    assert!(screen.text().contains(" 7/575\n"), "{}", screen.text());
    let before = screen.text();
    mouse(&mut screen, MouseEventKind::ScrollDown, 5, 16);
    assert!(screen.text().contains(" 7/575\n"), "{}", screen.text());
    assert_ne!(screen.text(), before);
    mouse(&mut screen, MouseEventKind::ScrollUp, 5, 5);
    assert!(screen.text().contains(" 1/575\n"), "{}", screen.text());
}
