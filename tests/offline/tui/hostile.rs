//! Hostile strings and damaged files never break the screen.

use std::fs;

use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_tests::screen::Screen;
use dxgtrace_tests::{program, samples, synthetic};

const VIEWS: &str = "P e s p t x";

/// Looks at everything, and finds nothing but printable characters.
fn walk(screen: &mut Screen) {
    for view in VIEWS.split(' ') {
        screen.press("P");
        screen.press(view);
        for key in ["G", "k", "tab", "l", "pgup"] {
            screen.press(key);
            let text = screen.text();
            let bad = text.chars().find(|letter| {
                *letter != '\n'
                    && (letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}'))
            });
            assert_eq!(bad, None, "{text:?}");
            assert_eq!(text.lines().count(), 24);
        }
    }
}

#[test]
fn escape_sequences_in_names_are_shown_and_not_obeyed() {
    let folder = program::scratch("tui-hostile");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("names.pcapng");
    let (mut channels, mut packets) = synthetic::load(&samples().join("v40-basic.pcapng")).unwrap();
    for channel in &mut channels {
        channel.name = format!("\x1b[2J{}\u{202e}", channel.name);
    }
    let names: [&[u8]; 4] = [
        b"\x1b]0;gotcha\x07\x1b[H",
        b"\xff\xfe\x80\r\n\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08",
        "世界世界世".as_bytes(),
        "\u{202e}\u{202b}txt.exe".as_bytes(),
    ];
    for (number, packet) in packets.iter_mut().enumerate() {
        let name = names[number % names.len()];
        packet.header.comm = [0; 16];
        packet.header.comm[..name.len()].copy_from_slice(name);
        // Text in messages: a process name in UTF-16.
        if packet.payload.len() > 200 {
            for place in packet.payload.chunks_exact_mut(2).skip(28).take(40) {
                place.copy_from_slice(&[0x1b, 0]);
            }
        }
    }
    let file = fs::File::create(&path).unwrap();
    let mut writer =
        Writer::new(file, &CaptureOrigin::default(), FlushPolicy::EveryRecord).unwrap();
    for (number, packet) in (1..).zip(&packets) {
        let packet: Packet<'_> = packet.packet(number);
        writer.write(&packet, &channels, &[]).unwrap();
    }
    writer.finish().unwrap();
    walk(&mut Screen::open(&path, 80, 24));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn damaged_files_are_shown_as_far_as_they_can_be_read() {
    let folder = program::scratch("tui-damaged");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("damaged.pcapng");
    let whole = fs::read(samples().join("v40-errors.pcapng")).unwrap();
    // Cut anywhere; and every 97th byte changed.
    for step in 0..12 {
        let length = whole.len() * step / 12;
        fs::write(&path, &whole[..length]).unwrap();
        walk(&mut Screen::open(&path, 80, 24));
        let mut changed = whole.clone();
        for place in (60 + step..changed.len()).step_by(97 + step) {
            changed[place] ^= 0x55;
        }
        fs::write(&path, &changed).unwrap();
        walk(&mut Screen::open(&path, 80, 24));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_shrinks_while_it_is_shown_breaks_nothing() {
    let folder = program::scratch("tui-shrinks");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("shrinks.pcapng");
    fs::copy(samples().join("v40.pcapng"), &path).unwrap();
    let mut screen = Screen::open(&path, 80, 24);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1000)
        .unwrap();
    walk(&mut screen);
    screen.press("P / \"dxg.pid == 151\" enter");
    assert!(
        screen.text().contains("no longer there"),
        "{}",
        screen.text()
    );
    fs::remove_dir_all(folder).unwrap();
}
