//! The title line: the program, and the views with their keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::action::Action;
use super::super::app::{App, View};
use super::pen::{Pen, columns};

/// The views in the title line, each with its key and how it is called.
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

/// The program's name, where there is room for it.
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

/// The first of an action's keys.
pub fn first_key(app: &App, action: Action) -> String {
    let keys = app.keymap.keys_of(action);
    keys.split(", ").next().unwrap_or_default().to_owned()
}

/// What a column of the title line stands for.
pub fn at(app: &App, column: u16) -> Option<Action> {
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

/// The program, and the views with their keys.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let mut pen = Pen::new(buffer, area, 0, theme.bar);
    pen.put(program(app), theme.bar);
    for (view, _, text) in titles(app) {
        let style = if view == app.view {
            theme.current
        } else {
            theme.bar
        };
        pen.put(text, style);
    }
    let help = help(app);
    pen.align_right(columns(&help) as u16);
    pen.put(help, theme.bar);
}
