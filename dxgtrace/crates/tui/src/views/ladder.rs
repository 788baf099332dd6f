//! The ladder view: the packets of a process or object as arrows between guest
//! and host.

use ratatui::buffer::Buffer;

use super::super::app::App;
use super::super::table::LineKey;
use super::super::theme::letter;
use super::line_writer::{LineWriter, columns};
use super::packets;
use super::screen_layout::ScreenLayout;
use crate::store::PacketRow;
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_render::output::duration;

/// Columns of the time.
const TIME: u16 = 13;
/// Columns of the other fields left and right of the arrows.
const AROUND: u16 = 29;
/// Most columns of an arrow. On a wider screen, the rest shows the content of
/// the messages.
const LANE: usize = 56;

/// Draws the lanes and the arrows.
pub fn draw(app: &App, buffer: &mut Buffer, layout: &ScreenLayout) {
    let theme = &app.theme;
    let about = app.reference_row.and_then(|row| app.store.row(row));
    let process = match &app.object {
        Some(object) => object.title.as_str(),
        None => about.map_or("-", |row| app.store.process_label(row)),
    };
    let room = layout.table.width.saturating_sub(TIME + AROUND);
    let lane = usize::from(room).clamp(20, LANE);
    let mut writer = LineWriter::new(buffer, layout.table_head, 0, theme.heading);
    writer
        .skip(TIME + 9)
        .left(process, lane as u16, theme.heading)
        .put("host", theme.heading);
    let keys = &app.table.keys;
    let area = layout.table;
    let shown = app.table.cursor.shown(keys.len(), usize::from(area.height));
    for (line, at) in shown.enumerate() {
        let Some(LineKey::Row(index)) = keys.get(at) else {
            break;
        };
        let Some(row) = app.store.row(*index) else {
            break;
        };
        let ground = (at == app.table.cursor.at).then_some(theme.selected);
        let style = |style| ground.unwrap_or(style);
        let mut writer = LineWriter::new(buffer, area, line, ground.unwrap_or(theme.text));
        let severity = row.severity();
        let look = severity.map_or(theme.text, |severity| theme.severity(severity));
        writer.put(severity.map_or(" ", letter), style(look));
        writer.right(row.number(), 7, style(theme.faint)).skip(1);
        writer.left(packets::time(app, *index, row), TIME, style(theme.text));
        writer.put(arrow(app, *index, row, lane), style(look));
        writer
            .skip(1)
            .left(aside(app, row), AROUND - 13, style(theme.faint));
        if room > LANE as u16 + 12 {
            let line = app.line(*index);
            // Without the words that the arrow shows.
            let said = |word: &&str| *word != "reply" && !word.starts_with("STATUS_");
            let carried: Vec<_> = line.split(' ').skip(1).filter(said).collect();
            let (carried, width) = (carried.join(" "), writer.room());
            packets::message(
                &mut writer,
                &carried,
                width,
                theme,
                style(theme.text),
                ground,
            );
        }
    }
}

/// The arrow of a packet, with the message's name and status.
fn arrow(app: &App, index: u32, row: &PacketRow, lane: usize) -> String {
    if row.kind() == RecordKind::Lost {
        return format!("|{:~^lane$}|", " packets are missing here ");
    }
    if row.kind() == RecordKind::Ioctl {
        let (name, status) = (row.name(), packets::status(app, row).0);
        return format!(
            "| {:<1$}|",
            format!("{name} = {status}"),
            lane.saturating_sub(1)
        );
    }
    if row.kind() == RecordKind::Channel {
        return format!("| {:<1$}|", app.line(index), lane.saturating_sub(1));
    }
    let name = match row.part() {
        Some(MessagePart::Reply) => format!(" {} {} ", row.name(), packets::status(app, row).0),
        _ => format!(" {} ", row.name()),
    };
    let inner = lane.saturating_sub(1);
    let name = if columns(&name) > inner {
        name.chars().take(inner).collect()
    } else {
        name
    };
    match (row.direction(), row.kind()) {
        (_, RecordKind::Refused) => format!("|{name:-<inner$}x "),
        (Direction::GuestToHost, _) => format!("|{name:-<inner$}>|"),
        (Direction::HostToGuest, _) => format!("|<{name:->inner$}|"),
    }
}

/// The text right of the arrow: channel, and latency or `waits`.
fn aside(app: &App, row: &PacketRow) -> String {
    let channel = app.store.channel_name(row);
    match row.part() {
        Some(MessagePart::Reply) => match app.store.latency(row) {
            Some(latency) => format!("{channel} {}", duration(latency)),
            None => channel.to_owned(),
        },
        Some(MessagePart::Request) if row.asks() && row.peer().is_none() => {
            format!("{channel} waits")
        }
        _ => channel.to_owned(),
    }
}
