//! The views with one table: findings, pending requests, objects, counts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::app::{App, View};
use super::super::table::LineKey;
use super::super::theme::letter;
use super::line_writer::LineWriter;
use super::packets;
use super::screen_layout::ScreenLayout;
use super::{counted, top};
use crate::store::{ObjectLine, WaitLine};
use dxgtrace_render::output::{duration, wrap};

/// Draws heading and lines of the table, and the details of the selected line.
pub fn draw(app: &App, buffer: &mut Buffer, layout: &ScreenLayout) {
    let theme = &app.theme;
    if app.view == View::Top {
        top::heading(app, buffer, layout);
    } else {
        let mut writer = LineWriter::new(buffer, layout.table_head, 0, theme.heading);
        writer.put(heading(app), theme.heading);
    }
    let area = layout.table;
    let keys = &app.table.keys;
    if keys.is_empty() {
        let mut writer = LineWriter::new(buffer, area, 0, theme.text);
        writer.put(empty_text(app), theme.faint);
    }
    let shown = app.table.cursor.shown(keys.len(), usize::from(area.height));
    for (line, at) in shown.enumerate() {
        let Some(key) = keys.get(at) else {
            break;
        };
        let ground = (at == app.table.cursor.at).then_some(theme.selected);
        let mut writer = LineWriter::new(buffer, area, line, ground.unwrap_or(theme.text));
        draw_key(app, &mut writer, *key, ground);
    }
    match app.view {
        View::Findings => finding_details(app, buffer, layout.details),
        View::Objects => object_details(app, buffer, layout.details),
        _ => {}
    }
}

fn heading(app: &App) -> String {
    match app.view {
        View::Findings => {
            let count = counted(app.table.keys.len() as u64, "finding");
            format!(" {count}, {} and worse", app.mildest.name())
        }
        View::Pending => {
            let keys = app.table.keys.iter();
            let requests = keys.filter(|key| matches!(key, LineKey::Row(_))).count();
            let count = counted(requests as u64, "request");
            let number = app.reference_row.and_then(|row| app.store.row(row));
            let number = number.map_or(0, |row| row.number());
            let waits = app.scene.waits.iter().filter(|line| line.age.is_some());
            let waits = match (app.scene_row() == Some(app.scene.row), waits.count()) {
                (false, _) => ", looking for waits ...".to_owned(),
                (true, 0) => String::new(),
                (true, waits) => format!(", {} for fences", counted(waits as u64, "wait")),
            };
            format!(" {count} without a reply as of packet {number}{waits}")
        }
        View::Objects => {
            let number = app.scene_row().and_then(|row| app.store.row(row));
            let number = number.map_or(0, |row| row.number());
            if app.scene_row() != Some(app.scene.row) {
                return format!(" going back to packet {number} ...");
            }
            let objects = app.scene.objects.iter();
            let count = objects.filter(|object| object.entity.is_some()).count();
            let count = counted(count as u64, "object");
            let version = app
                .scene
                .version
                .map(|version| format!(", version {version}"));
            let version = version.unwrap_or_default();
            format!(" {count} after packet {number}{version}")
        }
        _ => String::new(),
    }
}

/// The text in place of an empty table.
fn empty_text(app: &App) -> &str {
    match app.view {
        View::Objects => match &app.scene.error {
            Some(error) => error,
            None => " no objects exist at this packet, as far as the capture shows",
        },
        View::Findings => " nothing is wrong here (- shows milder findings too)",
        View::Pending => " no request is pending at this packet, and no thread waits for a fence",
        _ => " nothing here",
    }
}

fn draw_key(app: &App, writer: &mut LineWriter<'_>, key: LineKey, ground: Option<Style>) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    match key {
        LineKey::Finding(row, nth) => {
            let rows = app.store.rows();
            let (Some(found), Some(note)) =
                (rows.get(row), rows.findings(row).get(usize::from(nth)))
            else {
                return;
            };
            let severity = note.code.severity();
            let look = style(theme.severity(severity));
            writer.put(format_args!("{} ", letter(severity)), look);
            writer.right(found.number(), 7, style(theme.faint)).skip(1);
            writer
                .left(app.store.process_label(found), 12, style(theme.text))
                .skip(1);
            writer.left(found.name(), 20, style(theme.text)).skip(1);
            let text = format!("{}: {}", note.code.word(), note.finding());
            let room = writer.room();
            writer.left(text, room, look);
        }
        LineKey::Row(row) => {
            let Some(found) = app.store.row(row) else {
                return;
            };
            writer.right(found.number(), 7, style(theme.faint)).skip(1);
            let until = match app.reference_row.and_then(|row| app.store.row(row)) {
                Some(about) if !app.list.follow => about.time(),
                _ => app.now(),
            };
            let age = duration(until.saturating_sub(found.time())).to_string();
            writer
                .right(
                    age,
                    9,
                    style(theme.severity(dxgtrace_session::check::Severity::Warn)),
                )
                .skip(1);
            writer
                .left(app.store.process_label(found), 16, style(theme.text))
                .skip(1);
            writer
                .left(app.store.channel_name(found), 7, style(theme.faint))
                .skip(1);
            let reply = match found.peer().and_then(|peer| app.store.row(peer)) {
                Some(reply) => format!(" (answered later, in {})", reply.number()),
                None => " (never answered in this capture)".to_owned(),
            };
            let room = writer.room();
            writer.left(
                format_args!("{}{reply}", app.line(row)),
                room,
                style(theme.text),
            );
        }
        LineKey::Heading(_) | LineKey::Group(_) => top::line(app, writer, key, ground),
        LineKey::Object(at) => {
            if let Some(object) = app.scene.objects.get(at as usize) {
                draw_object(app, writer, object, ground);
            }
        }
        LineKey::Wait(at) => {
            if let Some(line) = app.scene.waits.get(at as usize) {
                draw_wait(app, writer, line, ground);
            }
        }
    }
}

/// Draws a wait for fences like a request that is waited for, and below it who
/// owes the signal.
fn draw_wait(app: &App, writer: &mut LineWriter<'_>, line: &WaitLine, ground: Option<Style>) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    match line.age {
        Some(age) => {
            writer.right(line.packet, 7, style(theme.faint)).skip(1);
            let look = theme.severity(dxgtrace_session::check::Severity::Warn);
            writer
                .right(duration(age).to_string(), 9, style(look))
                .skip(1);
        }
        None => {
            writer.skip(10);
        }
    }
    let room = writer.room();
    writer.left(&line.text, room, style(theme.text));
}

fn draw_object(app: &App, writer: &mut LineWriter<'_>, object: &ObjectLine, ground: Option<Style>) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    writer.skip(1 + 2 * object.depth);
    let Some(entity) = &object.entity else {
        writer.put(&object.label, style(theme.faint));
        return;
    };
    let look = match object.depth {
        0 => theme.heading,
        _ => theme.text,
    };
    writer.put(&object.label, style(look));
    let mut more = match entity.created.packet {
        0 => "  from before".to_owned(),
        packet => format!("  since {packet}"),
    };
    if entity.bytes > 0 {
        more += &format!("  {}B", top::size(entity.bytes));
    }
    if entity.resident > 0 {
        more += "  resident";
    }
    if app.area.width >= 120 && entity.last_used > entity.created.packet {
        more += &format!("  last named in {}", entity.last_used);
    }
    writer.put(more, style(theme.faint));
}

/// Draws creation and use of the selected object.
fn object_details(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let Some(LineKey::Object(at)) = app.table.selected() else {
        return;
    };
    let Some(object) = app.scene.objects.get(at as usize) else {
        return;
    };
    let Some(entity) = object.entity.filter(|_| !super::has_no_cells(area)) else {
        return;
    };
    LineWriter::new(buffer, area, 0, theme.elsewhere)
        .put(format_args!(" {}", object.label), theme.elsewhere);
    let created = match entity.created.packet {
        0 => "existed before the capture, or its creation is missing".to_owned(),
        packet => {
            let by = entity.created.pid;
            let at = app
                .time
                .text(entity.created.time, app.store.start(), entity.created.time);
            format!("created by process {by} in packet {packet} at {at}")
        }
    };
    let used = format!("last named in packet {}", entity.last_used);
    let before = match entity.generation {
        0 => "the first with this handle".to_owned(),
        count => format!("{count} objects had this handle before"),
    };
    let keys = app.keymap.keys_of(super::super::action::Action::Ladder);
    let hint = format!("{keys} shows every packet that names it, until its end");
    for (line, text) in [created, used, before, hint].iter().enumerate() {
        LineWriter::new(buffer, area, line + 1, theme.text)
            .put(format_args!(" {text}"), theme.text);
    }
}

/// Draws the selected finding with its cause and next step.
fn finding_details(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let Some(LineKey::Finding(row, nth)) = app.table.selected() else {
        return;
    };
    let Some(note) = app.store.rows().findings(row).get(usize::from(nth)) else {
        return;
    };
    if super::has_no_cells(area) {
        return;
    }
    let description = note.code.description();
    let head = format!(
        " {} {}, {}",
        description.severity.name(),
        description.word,
        description.layer.name()
    );
    LineWriter::new(buffer, area, 0, theme.elsewhere).put(head, theme.elsewhere);
    let width = usize::from(area.width).saturating_sub(2);
    let finding = note.finding().to_string();
    let all = [finding.as_str(), description.cause, description.next];
    let lines = all.iter().flat_map(|text| wrap::lines(text, width, width));
    for (line, text) in lines.enumerate() {
        if line + 1 >= usize::from(area.height) {
            break;
        }
        LineWriter::new(buffer, area, line + 1, theme.text)
            .put(format_args!(" {text}"), theme.text);
    }
}

/// The selected line as text, for copying.
pub fn selected_text(app: &App) -> Option<String> {
    match app.table.selected()? {
        LineKey::Finding(row, nth) => {
            let note = app.store.rows().findings(row).get(usize::from(nth))?;
            let number = app.store.row(row)?.number();
            Some(format!("{number} {}: {}", note.code.word(), note.finding()))
        }
        LineKey::Row(row) => {
            let found = app.store.row(row)?;
            let process = app.store.process_label(found);
            let time = packets::time(app, row, found);
            Some(format!(
                "{} {time} {process} {}",
                found.number(),
                app.line(row)
            ))
        }
        LineKey::Group(group) => top::line_text(app, group),
        LineKey::Object(at) => app
            .scene
            .objects
            .get(at as usize)
            .map(|object| object.label.clone()),
        LineKey::Wait(at) => {
            let line = app.scene.waits.get(at as usize);
            line.map(|line| line.text.trim_start().to_owned())
        }
        LineKey::Heading(_) => None,
    }
}
