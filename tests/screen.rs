//! Drives the terminal UI without a terminal.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that presses no key fails"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use dxgtrace_tui::keys::Stroke;
use dxgtrace_tui::{App, CaptureSource, Config, views};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Timeout of every wait.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A screen that shows a capture file.
pub struct Screen {
    /// The terminal UI.
    pub app: App,
    area: Rect,
}

impl Screen {
    /// A screen of this size that shows a file, once the file has been read.
    ///
    /// # Panics
    /// Reading times out.
    pub fn open(path: &Path, width: u16, height: u16) -> Self {
        Self::show(CaptureSource::file(path.to_owned()), width, height).settled()
    }

    /// A screen that shows a source, without waiting.
    pub fn show(source: CaptureSource, width: u16, height: u16) -> Self {
        Self {
            app: App::new(source, Config::default()),
            area: Rect::new(0, 0, width, height),
        }
    }

    /// Returns the screen once all work is done.
    fn settled(mut self) -> Self {
        self.settle();
        self
    }

    /// Waits until all work is done.
    ///
    /// # Panics
    /// The wait times out.
    pub fn settle(&mut self) {
        let begun = Instant::now();
        loop {
            self.app.tick();
            self.app.prepare(self.area);
            if self.app.is_settled() {
                return;
            }
            assert!(begun.elapsed() < TIMEOUT, "something goes on for ever");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Resizes the screen.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.area = Rect::new(0, 0, width, height);
    }

    /// Presses keys, given by name and separated by spaces. Text in quotes is typed letter
    /// by letter.
    ///
    /// # Panics
    /// A key name is unknown.
    pub fn press(&mut self, script: &str) {
        let mut rest = script.trim();
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (text, after) = quoted.split_once('"').expect("a closing quote");
                for letter in text.chars() {
                    let name = if letter == ' ' {
                        "space".to_owned()
                    } else {
                        letter.to_string()
                    };
                    self.stroke(&name);
                }
                rest = after.trim_start();
            } else {
                let (name, after) = rest.split_once(' ').unwrap_or((rest, ""));
                self.stroke(name);
                rest = after.trim_start();
            }
        }
    }

    fn stroke(&mut self, name: &str) {
        let stroke = Stroke::parse(name).unwrap_or_else(|| panic!("there is no key {name}"));
        self.app.prepare(self.area);
        self.app.key(&stroke.event());
        self.settle();
    }

    /// The cells of the screen.
    pub fn draw(&mut self) -> Buffer {
        self.app.prepare(self.area);
        let mut buffer = Buffer::empty(self.area);
        views::draw(&self.app, &mut buffer);
        buffer
    }

    /// The screen as text, without spaces at the ends of lines.
    pub fn text(&mut self) -> String {
        let buffer = self.draw();
        let mut text = String::new();
        for y in 0..self.area.height {
            let mut line = String::new();
            let mut covered = 0;
            for x in 0..self.area.width {
                let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
                // A wide character covers the cell after it.
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                covered = ratatui::text::Span::raw(symbol).width().saturating_sub(1);
                line += symbol;
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}
