//! The packet list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::app::{App, Pane};
use super::super::theme::{Theme, letter};
use super::line_writer::{LineWriter, fitted, shortened_label};
use crate::store::PacketRow;
use dxgtrace_protocol::decode::{MessagePart, Value};
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::schema::values::NamedStatus;
use dxgtrace_protocol::table::errno;
use dxgtrace_render::output::{TimeFormat, duration};
use dxgtrace_session::check::Severity;

/// Widths of the columns.
struct ColumnWidths {
    number: u16,
    time: u16,
    process: u16,
    channel: u16,
    latency: u16,
    status: u16,
}

impl ColumnWidths {
    fn of(app: &App, width: u16) -> Self {
        let digits = app.store.rows().len().max(1).ilog10() as u16 + 1;
        let spare = width.saturating_sub(80);
        Self {
            number: digits.max(4),
            time: match app.time {
                TimeFormat::Relative | TimeFormat::Delta => time_width(app),
                TimeFormat::Epoch => 18,
                TimeFormat::Clock => 15,
                TimeFormat::Date => 26,
            },
            process: (11 + spare / 6).min(20),
            channel: 6,
            latency: 8,
            status: (9 + spare / 5).min(24),
        }
    }

    fn info(&self, room: u16) -> u16 {
        room.saturating_sub(self.latency + self.status + 2)
    }
}

/// Width of a relative time: that of the latest packet.
fn time_width(app: &App) -> u16 {
    let last = app.store.rows().len().saturating_sub(1) as u32;
    let last = app.store.row(last).map_or(0, |row| row.time());
    let seconds = last.saturating_sub(app.store.start()) / 1_000_000_000;
    seconds.max(1).ilog10() as u16 + 8
}

/// Draws heading and lines of the packet list.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    if super::has_no_cells(area) {
        return;
    }
    let theme = &app.theme;
    let columns = ColumnWidths::of(app, area.width);
    let mut writer = LineWriter::new(buffer, area, 0, theme.heading);
    let heading = theme.heading;
    writer
        .put("  ", heading)
        .right("no", columns.number, heading)
        .skip(1)
        .left("time", columns.time, heading)
        .skip(1)
        .left("process", columns.process, heading)
        .skip(1)
        .left("chan", columns.channel, heading)
        .skip(1);
    let info = columns.info(writer.room());
    writer
        .left("message", info, heading)
        .skip(1)
        .right("reply in", columns.latency, heading)
        .skip(1)
        .left("status", columns.status, heading);
    let height = usize::from(area.height) - 1;
    if app.list.len() == 0 {
        let mut writer = LineWriter::new(buffer, area, 1, theme.text);
        writer.put(empty_text(app), theme.faint);
    }
    for (at, line) in app.list.cursor.shown(app.list.len(), height).enumerate() {
        let Some(index) = app.list.row(line) else {
            break;
        };
        let Some(row) = app.store.row(index) else {
            break;
        };
        let selected = line == app.list.cursor.at;
        let ground = match (selected, app.focus) {
            (true, Pane::List) => Some(theme.selected),
            (true, _) => Some(theme.elsewhere),
            (false, _) => None,
        };
        let mut writer = LineWriter::new(buffer, area, at + 1, ground.unwrap_or(theme.text));
        draw_line(app, &mut writer, &columns, index, row, ground);
    }
}

/// The text in place of an empty list: why it is empty.
fn empty_text(app: &App) -> String {
    let clear = app
        .keymap
        .keys_of(super::super::action::Action::FilterClear);
    if app.filtering.scan.is_some() {
        " filtering ...".to_owned()
    } else if !app.filtering.text.is_empty() {
        format!(" no packet passes the filter; {clear} shows all again")
    } else if app.source.recording.is_some() {
        " no packets yet: start a program that uses the GPU".to_owned()
    } else if app.store.end().is_none() {
        " reading ...".to_owned()
    } else {
        " no packets of dxgkrnl in this file".to_owned()
    }
}

fn draw_line(
    app: &App,
    writer: &mut LineWriter<'_>,
    columns: &ColumnWidths,
    index: u32,
    row: &PacketRow,
    ground: Option<Style>,
) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    let severity = severity(app, row);
    let flag = severity.map_or(" ", letter);
    writer.put(
        flag,
        style(severity.map_or(theme.text, |severity| theme.severity(severity))),
    );
    let mark = if app.marks.contains(&index) { "*" } else { " " };
    writer.put(mark, style(theme.marked));
    writer
        .right(row.number(), columns.number, style(theme.faint))
        .skip(1);
    let time = time(app, index, row);
    writer.left(time, columns.time, style(theme.text)).skip(1);
    if row.kind() == RecordKind::Lost {
        let found = style(theme.severity(Severity::Warn));
        let dashes = "-".repeat(usize::from(columns.process));
        writer.put(format_args!("{dashes} {}", app.line(index)), found);
        return;
    }
    let process = shortened_label(app.store.process_label(row), usize::from(columns.process));
    writer
        .left(process, columns.process, style(theme.text))
        .skip(1);
    writer
        .left(
            app.store.channel_name(row),
            columns.channel,
            style(theme.faint),
        )
        .skip(1);
    let info = columns.info(writer.room());
    let text = match severity {
        Some(severity) if severity >= Severity::Warn => theme.severity(severity),
        _ => part_style(theme, row),
    };
    let arrow = match (app.list.joined, row.direction()) {
        _ if matches!(row.kind(), RecordKind::Ioctl | RecordKind::Channel) => "= ",
        (true, Direction::GuestToHost) => "",
        (false, Direction::GuestToHost) => "> ",
        (_, Direction::HostToGuest) => "< ",
    };
    let line = app.line(index);
    let line = line.replacen(" reply STATUS_SUCCESS", " reply", 1);
    message(
        writer,
        &format!("{arrow}{line}"),
        info,
        theme,
        style(text),
        ground,
    );
    writer.skip(1);
    let waits = row.asks() && row.peer().is_none() && app.is_live();
    let (latency, look) = match app.store.latency(row) {
        Some(latency) => (duration(latency).to_string(), theme.text),
        // A request without a reply: how long it has waited.
        None if waits => {
            let since = app.now().saturating_sub(row.time());
            (duration(since).to_string(), theme.severity(Severity::Warn))
        }
        None => (String::new(), theme.text),
    };
    writer.right(latency, columns.latency, style(look)).skip(1);
    let (text, wrong) = status(app, row);
    let look = if wrong { theme.bad } else { theme.faint };
    writer.left(text, columns.status, style(look));
}

/// Writes the line of a message in `width` columns: the message's name in style
/// `name`, names of fields faint, values plain.
pub fn message(
    writer: &mut LineWriter<'_>,
    line: &str,
    width: u16,
    theme: &Theme,
    name: Style,
    ground: Option<Style>,
) {
    let style = |style: Style| ground.unwrap_or(style);
    let line = fitted(line, usize::from(width));
    let taken = super::line_writer::columns(&line) as u16;
    // A leading `< ` is part of the name.
    let begins = line.find(|letter: char| letter.is_alphanumeric());
    let begins = begins.unwrap_or(0);
    let end = line.get(begins..).and_then(|rest| rest.find(' '));
    let end = end.map_or(line.len(), |end| begins + end);
    let (first, rest) = match line.split_at(end) {
        (first, _) if first.contains('=') => ("", line.as_ref()),
        parts => parts,
    };
    writer.put(first, name);
    for word in rest.split_inclusive(' ') {
        match word.split_once('=') {
            Some((field, value)) if !field.starts_with('"') => {
                writer
                    .put(format_args!("{field}="), style(theme.faint))
                    .put(value, style(theme.text));
            }
            _ => {
                writer.put(word, style(theme.text));
            }
        }
    }
    writer.skip(width.saturating_sub(taken));
}

/// The worst severity on the line: of both packets if it shows an exchange.
fn severity(app: &App, row: &PacketRow) -> Option<Severity> {
    let reply = row
        .peer()
        .filter(|_| app.list.joined)
        .and_then(|peer| app.store.row(peer));
    row.severity().max(reply.and_then(PacketRow::severity))
}

/// The outcome of a request or ioctl as one word, and whether it is a failure.
pub fn status(app: &App, row: &PacketRow) -> (String, bool) {
    let shown = match row.part() {
        Some(MessagePart::Reply) => Some(row),
        _ if app.list.joined => app.store.reply_of(row),
        _ => None,
    };
    match (row.kind(), shown) {
        (RecordKind::Refused, _) => ("not sent".to_owned(), true),
        (RecordKind::Ioctl, _) => match row.ioctl_result() {
            None => ("unseen".to_owned(), false),
            Some(result @ 0..) => (if result == 0 { "ok" } else { "done" }.to_owned(), false),
            Some(result) => match errno::name(result.unsigned_abs()) {
                Some(name) => (name.to_owned(), true),
                None => (result.to_string(), true),
            },
        },
        (_, Some(reply)) if reply.is_short() => match reply.status() {
            Some(status) if !NamedStatus::is_success(status) => (status_name(status), true),
            _ => ("too short".to_owned(), true),
        },
        (_, Some(reply)) if reply.is_without_handle() => ("no handle".to_owned(), true),
        (_, Some(reply)) => match reply.status() {
            Some(0) => ("ok".to_owned(), false),
            Some(status) => (status_name(status), reply.failed()),
            None => ("done".to_owned(), false),
        },
        (_, None) if row.asks() && row.peer().is_none() => ("waits".to_owned(), true),
        _ => (String::new(), false),
    }
}

/// The name of a status without what all names begin with.
fn status_name(status: u32) -> String {
    let name = Value::Status(status).to_string();
    name.strip_prefix("STATUS_").unwrap_or(&name).to_owned()
}

fn part_style(theme: &Theme, row: &PacketRow) -> Style {
    match row.part() {
        Some(MessagePart::Request) => theme.request,
        Some(MessagePart::Reply) => theme.reply,
        Some(MessagePart::Event) => theme.event,
        None => theme.faint,
    }
}

/// The time column of a row.
pub fn time(app: &App, index: u32, row: &PacketRow) -> String {
    let previous = index.checked_sub(1).and_then(|index| app.store.row(index));
    let previous = previous.map_or(row.time(), |row| row.time());
    let mut text = app
        .time
        .text(row.time(), app.store.start(), previous)
        .to_string();
    // Microseconds, to save columns; the tree shows nanoseconds.
    text.truncate(text.len().saturating_sub(3));
    text
}

/// The selected line as text, for copying.
pub fn line_text(app: &App) -> Option<String> {
    let index = app.list.selected()?;
    let row = app.store.row(index)?;
    let (status, _) = status(app, row);
    let latency = app
        .store
        .latency(row)
        .map(|latency| format!(" in {}", duration(latency)));
    Some(format!(
        "{} {} {} {} {} {status}{}",
        row.number(),
        time(app, index, row),
        app.store.process_label(row),
        app.store.channel_name(row),
        app.line(index),
        latency.unwrap_or_default()
    ))
}
