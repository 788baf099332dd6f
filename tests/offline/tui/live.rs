//! A capture that grows while the terminal UI shows it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_tests::screen::Screen;
use dxgtrace_tests::synthetic::Owned;
use dxgtrace_tests::{program, samples, synthetic};
use dxgtrace_tui::{CaptureSource, LivePacket, PacketSource, Recorder};

/// Delivers packets of a sample, as many as the test asks for.
struct Paced {
    channels: Vec<Channel>,
    packets: Vec<Owned>,
    at: usize,
    allowed: usize,
    tickets: Receiver<usize>,
}

impl PacketSource for Paced {
    fn next(&mut self, timeout: Duration) -> io::Result<Option<LivePacket<'_>>> {
        if self.at == self.allowed {
            if let Ok(more) = self.tickets.recv_timeout(timeout) {
                self.allowed += more;
            }
            if self.at == self.allowed {
                return Ok(None);
            }
        }
        let packet = self.packets[self.at].packet(self.at as u64 + 1);
        self.at += 1;
        Ok(Some((packet, &self.channels)))
    }

    fn stop(&mut self) {
        self.allowed = self.at;
    }

    fn is_over(&mut self) -> bool {
        false
    }

    fn backend(&self) -> String {
        "paced".to_owned()
    }

    fn lost(&self) -> u64 {
        0
    }
}

fn start(path: &Path) -> (Recorder, Sender<usize>) {
    let (tickets, given) = channel();
    let file = fs::File::create(path).unwrap();
    let recorder = Recorder::start(None, move || {
        let (channels, packets) = synthetic::load(&samples().join("v40.pcapng")).unwrap();
        let source = Paced {
            channels,
            packets,
            at: 0,
            allowed: 0,
            tickets: given,
        };
        Ok::<_, String>((source, file))
    });
    (recorder.unwrap(), tickets)
}

/// Ticks until the screen shows a text.
fn await_text(screen: &mut Screen, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        screen.app.tick();
        let text = screen.text();
        if text.contains(wanted) {
            return text;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no `{wanted}` in\n{text}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A key while the capture goes on: nothing settles.
fn key(screen: &mut Screen, name: &str) {
    let stroke = dxgtrace_tui::keys::Stroke::parse(name).unwrap();
    screen.text();
    screen.app.key(&stroke.event());
}

#[test]
fn follow_pause_and_filter_work_while_packets_arrive() {
    let folder = program::scratch("tui-live");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("live.pcapng");
    let (recorder, tickets) = start(&path);
    let source = CaptureSource::live(path.clone(), recorder.recording().clone(), true);
    let mut screen = Screen::show(source, 120, 24);
    let text = await_text(&mut screen, "no packets yet");
    assert!(
        text.contains("live paced") && text.contains("unsaved, in"),
        "{text}"
    );

    // The newest packet is followed; a request stands there before its reply.
    tickets.send(7).unwrap();
    let text = await_text(&mut screen, " 7/7\n");
    assert!(text.contains("follows") && text.contains("waits"), "{text}");
    tickets.send(1).unwrap();
    let text = await_text(&mut screen, " 7/8\n");
    assert!(
        !text.contains("waits") && text.contains("5.02 ms"),
        "{text}"
    );

    // Going up ends following; new packets come all the same.
    key(&mut screen, "k");
    tickets.send(100).unwrap();
    let text = await_text(&mut screen, " 5/108\n");
    assert!(!text.contains("follows"), "{text}");
    key(&mut screen, "F");
    await_text(&mut screen, " 107/108\n");

    // Paused, the list stands still, and nothing is forgotten.
    key(&mut screen, "space");
    tickets.send(92).unwrap();
    let text = await_text(&mut screen, "paused +92");
    assert!(text.contains(" 107/200\n"), "{text}");
    key(&mut screen, "space");
    await_text(&mut screen, " 199/200\n");

    // A filter goes on with what comes.
    key(&mut screen, "/");
    for letter in "pid==151".chars() {
        key(&mut screen, &letter.to_string());
    }
    key(&mut screen, "enter");
    await_text(&mut screen, "pid==151: 0 of 200");
    tickets.send(375).unwrap();
    let text = await_text(&mut screen, "of 575");
    let text = if text.contains(": 28 of 575") {
        text
    } else {
        await_text(&mut screen, ": 28 of 575")
    };
    assert!(text.contains("dxgex[151]"), "{text}");

    // Quitting asks what to do with it; keeping it is one answer.
    key(&mut screen, "q");
    let text = screen.text();
    assert!(text.contains("not saved. s: save it, k: keep it"), "{text}");
    assert!(screen.app.next_effect().is_none());
    key(&mut screen, "k");
    assert!(
        matches!(screen.app.next_effect(), Some(dxgtrace_tui::TerminalEffect::Quit(Some(text)))
        if text.contains("live.pcapng"))
    );
    drop(recorder);

    // What it wrote is a whole capture, the same as the one that was played.
    let written = synthetic::load(&path).unwrap();
    assert_eq!(
        written,
        synthetic::load(&samples().join("v40.pcapng")).unwrap()
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_capture_that_breaks_says_so_and_keeps_what_it_has() {
    struct Broken;
    impl PacketSource for Broken {
        fn next(&mut self, _: Duration) -> io::Result<Option<LivePacket<'_>>> {
            Err(io::Error::other("the ring is gone"))
        }
        fn stop(&mut self) {}
        fn is_over(&mut self) -> bool {
            false
        }
        fn backend(&self) -> String {
            "broken".to_owned()
        }
        fn lost(&self) -> u64 {
            3
        }
    }
    let folder = program::scratch("tui-broken");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("broken.pcapng");
    let file = fs::File::create(&path).unwrap();
    let recorder = Recorder::start(None, || Ok::<_, String>((Broken, file))).unwrap();
    let source = CaptureSource::live(path, recorder.recording().clone(), true);
    let mut screen = Screen::show(source, 120, 24);
    let text = await_text(&mut screen, "the ring is gone");
    assert!(text.contains("lost 3"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn saving_on_the_way_out_quits_once_it_is_saved_and_leaves_one_file() {
    let folder = program::scratch("tui-save-and-quit");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("live.pcapng");
    let (recorder, tickets) = start(&path);
    let source = CaptureSource::live(path.clone(), recorder.recording().clone(), true);
    let mut screen = Screen::show(source, 80, 24);
    tickets.send(575).unwrap();
    await_text(&mut screen, "/575\n");
    drop(recorder);
    await_text(&mut screen, "ended paced");
    let text = screen.text();
    assert!(text.contains("unsaved, in"), "{text}");
    let saved = folder.join("saved.pcapng");
    screen.press(&format!("q s \"{}\" enter", saved.display()));
    let quit = screen.app.next_effect();
    assert!(
        matches!(&quit, Some(dxgtrace_tui::TerminalEffect::Quit(Some(text)))
        if text.contains("575 packets saved in") && text.contains("saved.pcapng")),
        "{quit:?}"
    );
    assert!(!path.exists());
    assert_eq!(synthetic::load(&saved).unwrap().1.len(), 575);
    fs::remove_dir_all(folder).unwrap();
}
