//! The help screen, made from the tables of keys and commands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::command::COMMANDS;
use super::super::keys::FAMILIES;
use super::line_writer::LineWriter;

enum HelpLine {
    Heading(&'static str),
    Item(String, &'static str),
    Nothing,
}

fn lines(app: &App) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for family in FAMILIES {
        lines.push(HelpLine::Heading(family.name));
        for binding in family.bindings {
            let keys = app.keymap.keys_of(binding.action);
            lines.push(HelpLine::Item(keys, binding.help));
        }
        lines.push(HelpLine::Nothing);
    }
    lines.push(HelpLine::Heading(
        "Commands (:), and every name in the configuration file",
    ));
    for command in COMMANDS {
        let text = format!(":{} {}", command.name, command.arguments);
        lines.push(HelpLine::Item(text, command.help));
    }
    lines.push(HelpLine::Nothing);
    lines.push(HelpLine::Heading("Signs in the list"));
    for (sign, help) in [
        ("E W n c", "worst finding: error, warn, note, chat"),
        ("*", "marked"),
        ("> <", "from the guest, from the host"),
        ("waits", "no reply has come"),
    ] {
        lines.push(HelpLine::Item(sign.to_owned(), help));
    }
    lines
}

/// Screen width from which on the help has two columns.
const WIDE: u16 = 140;

/// Number of columns of help lines.
fn across(area: Rect) -> usize {
    if area.width >= WIDE { 2 } else { 1 }
}

/// Largest scroll position.
pub fn max_scroll(app: &App) -> usize {
    let room = across(app.area) * usize::from(height(app.area));
    lines(app).len().saturating_sub(room)
}

fn height(area: Rect) -> u16 {
    area.height.saturating_sub(3)
}

/// Draws the help over everything but the last line.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let lines = lines(app);
    let scroll = app.help.unwrap_or(0).min(max_scroll(app));
    let mut writer = LineWriter::new(buffer, area, 0, theme.bar);
    writer.put(
        " Keys and commands (j k scroll, any other key closes)",
        theme.bar,
    );
    let area = Rect {
        y: area.y + 1,
        height: height(area) + 1,
        ..area
    };
    let across = across(area);
    let rows = usize::from(area.height);
    for place in 0..rows * across {
        let width = area.width / across as u16;
        let part = Rect {
            x: area.x + width * (place / rows) as u16,
            width,
            ..area
        };
        let mut writer = LineWriter::new(buffer, part, place % rows, theme.text);
        match lines.get(scroll + place) {
            Some(HelpLine::Heading(name)) => {
                writer.put(name, theme.heading);
            }
            Some(HelpLine::Item(keys, help)) => {
                writer
                    .skip(2)
                    .left(keys, 26, theme.good)
                    .skip(1)
                    .put(help, theme.text);
            }
            Some(HelpLine::Nothing) | None => {}
        }
    }
}
