//! Tests that the temporary file of a live capture stays within its bound.
#![cfg(target_os = "linux")]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_tests::screen::Screen;
use dxgtrace_tests::synthetic::Owned;
use dxgtrace_tests::{program, samples, synthetic};
use dxgtrace_tui::{CaptureSource, LivePacket, PacketSource, Recorder, prune};

const BOUND: u64 = 4 << 20;

/// Delivers the packets of a sample again and again.
struct Endless {
    channels: Vec<Channel>,
    packets: Vec<Owned>,
    at: usize,
    count: usize,
    /// How many packets the screen has read. Nothing is dropped beyond them.
    read: Arc<AtomicUsize>,
}

impl PacketSource for Endless {
    fn next(&mut self, timeout: Duration) -> io::Result<Option<LivePacket<'_>>> {
        let ahead = self.at - self.read.load(Ordering::Relaxed).min(self.at);
        // A screen on a slow machine is waited for.
        if self.at == self.count || ahead > 2000 {
            std::thread::sleep(timeout.min(Duration::from_millis(5)));
            return Ok(None);
        }
        let packet = self.packets[self.at % self.packets.len()].packet(self.at as u64 + 1);
        self.at += 1;
        Ok(Some((packet, &self.channels)))
    }

    fn stop(&mut self) {}

    fn is_over(&mut self) -> bool {
        self.at == self.count
    }

    fn backend(&self) -> String {
        "endless".to_owned()
    }

    fn lost(&self) -> u64 {
        0
    }
}

#[test]
fn the_oldest_packets_are_dropped_and_the_rest_stays_readable() {
    let folder = program::scratch("tui-spill");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("spill.pcapng");
    let file = fs::File::create(&path).unwrap();
    let (channels, packets) = synthetic::load(&samples().join("v40.pcapng")).unwrap();
    let count = 20_000;
    let read = Arc::new(AtomicUsize::new(0));
    let read_by_source = Arc::clone(&read);
    let recorder = Recorder::start(Some(BOUND), move || {
        let source = Endless {
            channels,
            packets,
            at: 0,
            count,
            read: read_by_source,
        };
        Ok::<_, String>((source, file))
    });
    let recorder = recorder.unwrap();
    let source = CaptureSource::live(path.clone(), recorder.recording().clone(), true);
    let mut screen = Screen::show(source, 160, 40);
    let begun = Instant::now();
    // Every view is looked at while packets go.
    let mut views = ["P", "e", "s", "p", "t", "x", "P", "k", "v", "v"]
        .iter()
        .cycle();
    while screen.app.store().end().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        screen.app.tick();
        read.store(screen.app.store().rows().len() as usize, Ordering::Relaxed);
        let stroke = dxgtrace_tui::keys::Stroke::parse(views.next().unwrap()).unwrap();
        screen.draw();
        screen.app.key(&stroke.event());
        std::thread::sleep(Duration::from_millis(1));
    }
    screen.settle();
    screen.press("P g g");
    let text = screen.text();
    let first = screen.app.store().rows().first() as usize;
    assert!(first > count / 2, "{text}");
    assert!(text.contains(&format!("oldest {first} dropped")), "{text}");
    assert!(!text.contains("no longer there"), "{text}");
    screen.press("G");
    assert!(
        screen.text().contains(&format!("{count}")),
        "{}",
        screen.text()
    );
    screen.press("/ \"dxg.pid == 151\" enter");
    assert!(!screen.text().contains("no longer there"));
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.len() > 4 * BOUND);
    assert!(metadata.blocks() * 512 < 2 * BOUND, "{}", metadata.blocks());
    drop(recorder);

    // What is left is a whole capture, for everybody.
    let (_, left) = synthetic::load(&path).unwrap();
    assert!(
        left.len() >= count - first && left.len() < count,
        "{}",
        left.len()
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn captures_that_nobody_saved_are_removed_oldest_first() {
    let folder = program::scratch("tui-prune");
    fs::create_dir_all(&folder).unwrap();
    let alive = std::process::id();
    // No process has such a number.
    let names = ["live-1-99999999.pcapng", "live-2-99999999.pcapng"];
    let others = [format!("live-0-{alive}.pcapng"), "mine.pcapng".to_owned()];
    for name in names.iter().map(|name| (*name).to_owned()).chain(others) {
        fs::write(folder.join(name), vec![1; 1 << 16]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(prune(&folder, 1 << 20), 0);
    assert_eq!(prune(&folder, 100 << 10), 1);
    let mut left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let expected = [
        format!("live-0-{alive}.pcapng"),
        names[1].to_owned(),
        "mine.pcapng".to_owned(),
    ];
    assert_eq!(left, expected);
    fs::remove_dir_all(folder).unwrap();
}
