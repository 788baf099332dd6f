//! The title line: the program's name, and the views with their keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::action::Action;
use super::super::app::{App, View};
use super::line_writer::{LineWriter, columns};

/// The views in the title line, each with its action and its text.
fn titles(app: &App) -> [(View, Action, String); 6] {
    let [_, notes, warns, errors] = app.store.finding_counts();
    let found = format!("findings {}", notes + warns + errors);
    [
        (View::Packets, Action::Packets, "packets".to_owned()),
        (View::Findings, Action::Findings, found),
        (View::Objects, Action::Objects, "sessions".to_owned()),
        (View::Pending, Action::Pending, "pending".to_owned()),
        (View::Top, Action::TopView, "top".to_owned()),
        (View::Ladder, Action::Ladder, "ladder".to_owned()),
    ]
    .map(|(view, action, name)| {
        let text = format!(" {}:{name} ", first_key(app, action));
        (view, action, text)
    })
}

/// The program's name; empty on a narrow screen.
fn program(app: &App) -> &'static str {
    if app.area.width >= 90 {
        " dxgtrace "
    } else {
        ""
    }
}

fn help(app: &App) -> String {
    format!(" {}:help ", first_key(app, Action::Help))
}

/// The first key of an action.
pub fn first_key(app: &App, action: Action) -> String {
    let keys = app.keymap.keys_of(action);
    keys.split(", ").next().unwrap_or_default().to_owned()
}

/// The action of the text at a column of the title line.
pub fn action_at(app: &App, column: u16) -> Option<Action> {
    let mut right = columns(program(app));
    let column = usize::from(column);
    if column < right {
        return None;
    }
    if column + columns(&help(app)) >= usize::from(app.area.width) {
        return Some(Action::Help);
    }
    titles(app).into_iter().find_map(|(_, action, text)| {
        right += columns(&text);
        (column < right).then_some(action)
    })
}

/// Draws the title line.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let mut writer = LineWriter::new(buffer, area, 0, theme.bar);
    writer.put(program(app), theme.bar);
    for (view, _, text) in titles(app) {
        let style = if view == app.view {
            theme.current
        } else {
            theme.bar
        };
        writer.put(text, style);
    }
    let help = help(app);
    writer.align_right(columns(&help) as u16);
    writer.put(help, theme.bar);
}
