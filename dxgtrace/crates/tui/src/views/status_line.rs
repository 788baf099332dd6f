//! The status line: the file or live capture, the filter, and the position.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::counted;
use super::line_writer::{LineWriter, columns};
use crate::store::StatsGroup;
use dxgtrace_render::output::duration;

/// Draws the status line.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let mut writer = LineWriter::new(buffer, area, 0, theme.bar);
    let rows = app.store.rows().len();
    let right = position(app, rows);
    // Reserved for the position, which is written last.
    writer.reserve(columns(&right) as u16 + 1);
    writer.put(" ", theme.bar);
    let status = app.source.recording.as_ref().map(|live| live.status());
    if let Some(status) = &status {
        let state = match (&status.error, status.ended) {
            (Some(_), _) => "broken",
            (None, true) => "ended",
            (None, false) => "live",
        };
        writer.put(format_args!("{state} {} ", status.backend), theme.bar);
        if !status.ended {
            let all = app.store.stats().of(StatsGroup::All);
            let rate = all.map_or(0, |counts| counts.rate(app.now()));
            writer.put(format_args!("{rate}/s "), theme.bar);
        }
        lost(app, &mut writer, status.lost.max(app.store.lost()));
        let (kept, path) = match &app.source.saved_as {
            Some(name) => ("saved in", name.clone()),
            None if app.source.unsaved => ("unsaved, in", app.source.path_shown()),
            None => ("saved in", app.source.path_shown()),
        };
        // Only the file's name beside a filter, or if the path does not fit.
        let room = usize::from(writer.room()).saturating_sub(kept.len() + 2);
        let whole = app.filtering.text.is_empty() && columns(&path) <= room;
        let place = match path.rsplit('/').next() {
            Some(name) if !whole => name,
            _ => &path,
        };
        writer.put(format_args!(" {kept} {place}"), theme.bar);
        if status.dropped > 0 {
            let text = format!(", oldest {} dropped", app.store.rows().first());
            writer.put(text, theme.bar);
        }
    } else {
        writer.put(&app.source.name, theme.bar);
        if app.store.lost() > 0 {
            writer.put(" ", theme.bar);
            lost(app, &mut writer, app.store.lost());
        }
    }
    if !app.filtering.text.is_empty() {
        writer.put(" | ", theme.bar);
        let counted = format!(": {} of {rows}", app.list.len());
        let room = writer.room().saturating_sub(columns(&counted) as u16);
        let width = room.min(columns(&app.filtering.text) as u16);
        writer.left(&app.filtering.text, width, theme.bar);
        writer.put(counted, theme.bar);
    } else if status.is_none() {
        for text in file_totals(app) {
            // Skip what does not fit, rather than truncate it.
            let text = format!("  {text}");
            if columns(&text) <= usize::from(writer.room()) {
                writer.put(text, theme.bar);
            }
        }
    }
    writer.release(area);
    writer.align_right(columns(&right) as u16);
    writer.put(right, theme.bar);
}

/// Writes the number of lost packets, highlighted unless it is 0.
fn lost(app: &App, writer: &mut LineWriter<'_>, count: u64) {
    let style = match count {
        0 => app.theme.bar,
        _ => app.theme.current,
    };
    writer.put(format_args!("lost {count}"), style);
}

/// Totals of the file, each as a short text.
fn file_totals(app: &App) -> Vec<String> {
    let Some(counts) = app.store.stats().of(StatsGroup::All) else {
        return Vec::new();
    };
    let packets = counted(app.store.rows().len() as u64, "packet");
    let span = duration(counts.last.saturating_sub(counts.first));
    let [_, _, warns, errors] = app.store.finding_counts();
    let all = [
        (1, format!("{packets} in {span}")),
        (counts.failures, format!("{} failed", counts.failures)),
        (errors, counted(errors, "error")),
        (warns, counted(warns, "warning")),
    ];
    let there = all.into_iter().filter(|(count, _)| *count > 0);
    there.map(|(_, text)| text).collect()
}

/// Selected packet and number of packets, and the progress of reading and
/// filtering.
fn position(app: &App, rows: usize) -> String {
    let mut text = String::new();
    if app.store.end().is_none() && app.source.recording.is_none() {
        let percent = app.store.position() * 100 / app.source.size.max(1);
        let done = (percent / 10).min(10) as usize;
        text += &format!(" [{:=<done$}{:left$}] {percent}%", "", "", left = 10 - done);
    }
    if let Some(scan) = &app.filtering.scan {
        let done = app.list.taken().saturating_sub(app.filtering.from);
        let percent = u64::from(done) * 100 / u64::from(scan.total().max(1));
        text += &format!(" filtering {percent}%");
    }
    if app.list.paused {
        let waiting = rows.saturating_sub(app.list.taken() as usize);
        text += &format!(" paused +{waiting}");
    } else if app.list.follow {
        text += " follows";
    }
    let selected = app.list.selected().and_then(|row| app.store.row(row));
    match selected {
        Some(row) => text += &format!(" {}/{rows} ", row.number()),
        None => text += &format!(" {rows} "),
    }
    text
}
