//! The terminal UI on a long file: how soon the first screen is there, how long
//! a filter over all packets takes, how much memory is used beside the packets,
//! and how long the slowest key takes while the file is being indexed.
//!
//! `DXGTRACE_BENCH_PACKETS` sets the length of the file.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::time::{Duration, Instant};

use dxgtrace_tests::screen::Screen;
use dxgtrace_tests::{many, program, samples};
use dxgtrace_tui::CaptureSource;

/// Keys pressed while the file is being indexed.
const KEYS: &[&str] = &[
    "j",
    "pgdn",
    "G",
    "e",
    "P",
    "t",
    "P",
    "p",
    "P",
    "tab",
    "j",
    "tab",
    "l",
    "shift-tab",
    "shift-tab",
    "v",
    "}",
    "g",
    "g",
    "x",
    "P",
    "w",
];

fn main() {
    let packets: u64 = std::env::var("DXGTRACE_BENCH_PACKETS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let folder = program::scratch("bench-tui");
    std::fs::create_dir_all(&folder).unwrap();
    for sample in ["v40-opens", "v40-leak", "v40"] {
        let path = folder.join(format!("{sample}.pcapng"));
        many::write(&samples().join(format!("{sample}.pcapng")), packets, &path).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        println!("{packets} packets of {sample}, {} MB", size / 1_000_000);
        measure(&path, packets);
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn measure(path: &std::path::Path, packets: u64) {
    let begun = Instant::now();
    let mut screen = Screen::show(CaptureSource::file(path.to_owned()), 80, 24);
    while screen.app.shown() < 20 {
        screen.app.tick();
    }
    screen.draw();
    println!("  first screen         {:>9.1} ms", ms(begun.elapsed()));

    let mut slowest = (Duration::ZERO, "");
    let mut tick = Duration::ZERO;
    let mut keys = KEYS.iter().cycle();
    let mut pressed = 0;
    while screen.app.store().end().is_none() {
        let begun = Instant::now();
        screen.app.tick();
        screen.draw();
        tick = tick.max(begun.elapsed());
        let Some(key) = keys.next() else { break };
        let stroke = dxgtrace_tui::keys::Stroke::parse(key).unwrap();
        let begun = Instant::now();
        screen.app.key(&stroke.event());
        screen.draw();
        slowest = slowest.max((begun.elapsed(), key));
        pressed += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    println!("  indexed              {:>9.1} ms", ms(begun.elapsed()));
    println!(
        "  slowest of {pressed:>4} keys {:>9.1} ms ({})",
        ms(slowest.0),
        slowest.1
    );
    println!("  slowest update       {:>9.1} ms", ms(tick));
    screen.press("P");

    for filter in [
        "dxg.pid == 143",
        "dxg.status != 0",
        "dxg.severity >= warn",
        "dxg.time > 1ms",
    ] {
        let begun = Instant::now();
        screen.press(&format!("/ \"{filter}\" enter"));
        println!(
            "  {filter:<20} {:>9.1} ms, {} shown",
            ms(begun.elapsed()),
            screen.app.shown()
        );
        screen.press("/ ctrl-u enter");
    }
    screen.press("/ \"dxg\" enter");
    let bytes = screen.app.memory() as f64 / packets as f64;
    println!("  beside each packet   {bytes:>9.1} bytes, all of them passing a filter");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
