//! The last line of the screen: the prompt, messages, or hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_truncate::UnicodeTruncateStr;

use super::super::action::Action;
use super::super::app::{App, MessageTone, Pane, View};
use super::super::prompt::{Prompt, PromptPurpose, PromptVerdict};
use super::completions;
use super::line_writer::{LineWriter, columns};
use super::screen_layout::ScreenLayout;
use super::title_line::first_key;
use dxgtrace_session::check::Severity;

/// Draws the last line. Returns the position of the text cursor if the prompt is
/// open.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) -> Option<(u16, u16)> {
    let theme = &app.theme;
    if app.confirming_quit {
        let mut writer = LineWriter::new(buffer, area, 0, theme.current);
        let path = app.source.path_shown();
        let question = "The capture is not saved. s: save it, k: keep it in ";
        writer.put(question, theme.current);
        let rest = ", d: delete it, other: stay";
        let width = writer.room().saturating_sub(rest.len() as u16);
        writer.left(&path, width.min(columns(&path) as u16), theme.current);
        writer.put(rest, theme.current);
        return None;
    }
    if let Some(prompt) = &app.prompt {
        return Some(draw_prompt(app, prompt, buffer, area));
    }
    let mut writer = LineWriter::new(buffer, area, 0, theme.text);
    let typed = app.keymap.typed();
    if let Some(search) = app
        .searching
        .as_ref()
        .filter(|search| search.scan.is_some())
    {
        let total = search.scan.as_ref().map_or(1, |scan| scan.total().max(1));
        let percent = u64::from(search.done) * 100 / u64::from(total);
        let text = format!("searching for `{}`: {percent}%; Esc gives up", search.text);
        writer.put(text, theme.text);
    } else if let Some((tone, text)) = &app.message {
        let style = match tone {
            MessageTone::Fine => theme.good,
            MessageTone::Wrong => theme.bad,
        };
        writer.put(text, style);
    } else if let Some(text) = error_text(app) {
        writer.put(text, theme.severity(Severity::Error));
    } else if let Some(text) = cut_line(app) {
        writer.put(text, theme.text);
    } else {
        writer.put(hint(app), theme.faint);
    }
    if !typed.is_empty() {
        writer.align_right(columns(&typed) as u16 + 1);
        writer.put(typed, theme.heading);
    }
    None
}

/// The error of the capture or of reading the file.
fn error_text(app: &App) -> Option<String> {
    if let Some(error) = app
        .source
        .recording
        .as_ref()
        .and_then(|live| live.status().error)
    {
        return Some(format!("the capture failed: {error}"));
    }
    match app.store.end() {
        Some(Err(error)) => Some(error.to_string()),
        Some(Ok(())) if app.store.rows().is_empty() => {
            Some("no packets of dxgkrnl in this file".to_owned())
        }
        _ => None,
    }
}

/// The text of the selected line of the tree, if it does not fit there.
fn cut_line(app: &App) -> Option<String> {
    if app.view != View::Packets || app.focus != Pane::Tree {
        return None;
    }
    let line = app.detail.selected()?;
    let width = usize::from(ScreenLayout::of(app).tree.width);
    let indent = 2 * usize::from(line.depth) + 4;
    let is_cut = indent + columns(&line.label) + columns(&line.text) > width;
    is_cut.then(|| line.text.clone())
}

/// The keys that move the point in time of a view.
fn earlier_later(app: &App) -> String {
    let earlier = first_key(app, Action::PreviousInExchange);
    format!("{earlier} {}", first_key(app, Action::NextInExchange))
}

/// The keys that are most useful in the current view.
fn hint(app: &App) -> String {
    let key = |action| first_key(app, action);
    let mut hints = vec![(key(Action::Filter), "filter")];
    match app.view {
        View::Packets => hints.extend([
            (key(Action::NextPane), "pane"),
            (key(Action::FilterField), "filter field"),
            (key(Action::NextFinding), "next finding"),
            (key(Action::Search), "search"),
        ]),
        View::Findings => hints.extend([
            (key(Action::Open), "go to packet"),
            (key(Action::Grow), "only worse"),
            (key(Action::Shrink), "milder too"),
            (key(Action::Back), "back"),
        ]),
        View::Objects => hints.extend([
            (key(Action::Open), "go to its creation"),
            (key(Action::Ladder), "its ladder"),
            (earlier_later(app), "earlier, later"),
            (key(Action::Back), "back"),
        ]),
        View::Top => hints.extend([
            (key(Action::Open), "ladder"),
            (
                format!("{} {}", key(Action::Left), key(Action::Right)),
                "sort by",
            ),
            (key(Action::Back), "back"),
        ]),
        View::Pending => hints.extend([
            (key(Action::Open), "go to packet"),
            (earlier_later(app), "earlier, later"),
            (key(Action::Back), "back"),
        ]),
        View::Ladder => hints.extend([
            (key(Action::Open), "go to packet"),
            (key(Action::Back), "back"),
        ]),
    }
    hints.push((key(Action::Command), "command"));
    let hints: Vec<_> = hints
        .into_iter()
        .map(|(key, what)| format!("{key} {what}"))
        .collect();
    if app.store.rows().is_empty() && app.source.recording.is_some() {
        return "no packets yet: start a program that uses the GPU".to_owned();
    }
    hints.join("  ")
}

/// Draws the prompt, with completions above it. Returns the position of the text
/// cursor.
fn draw_prompt(app: &App, prompt: &Prompt, buffer: &mut Buffer, area: Rect) -> (u16, u16) {
    let theme = &app.theme;
    let name = match prompt.purpose {
        PromptPurpose::Filter => "/".to_owned(),
        PromptPurpose::Command => ":".to_owned(),
        PromptPurpose::Search(place) => format!("search {} (Tab: other): ", place.name()),
    };
    let (style, remark) = match &prompt.verdict {
        PromptVerdict::Good => (theme.good, String::new()),
        PromptVerdict::Incomplete(remark) => (theme.text, remark.clone()),
        PromptVerdict::Bad(remark) => (theme.bad, remark.clone()),
    };
    let (before, after) = prompt.halves();
    let room = usize::from(area.width).saturating_sub(columns(&name) + 2);
    // Of a line that is too long, the part around the cursor is shown.
    let (before, shown) = before.unicode_truncate_start(room);
    let mut writer = LineWriter::new(buffer, area, 0, theme.text);
    writer.put(&name, theme.heading);
    writer.put(before, style).put(after, style);
    let x = area.x + (columns(&name) + shown) as u16;
    completions::draw(app, prompt, &remark, buffer, area);
    (x.min(area.right().saturating_sub(1)), area.y)
}
