//! The status line: what is shown, where it is kept, how much there is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::counted;
use super::pen::{Pen, columns};
use crate::store::StatsGroup;
use dxgtrace_render::output::duration;

/// What is being read, how far, and what is filtered.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let mut pen = Pen::new(buffer, area, 0, theme.bar);
    let rows = app.store.rows().len();
    let right = position(app, rows);
    // The right end is kept free.
    pen.reserve(columns(&right) as u16 + 1);
    pen.put(" ", theme.bar);
    let status = app.source.recording.as_ref().map(|live| live.status());
    if let Some(status) = &status {
        let state = match (&status.error, status.ended) {
            (Some(_), _) => "broken",
            (None, true) => "ended",
            (None, false) => "live",
        };
        pen.put(format_args!("{state} {} ", status.backend), theme.bar);
        if !status.ended {
            let all = app.store.stats().of(StatsGroup::All);
            let rate = all.map_or(0, |counts| counts.rate(app.now()));
            pen.put(format_args!("{rate}/s "), theme.bar);
        }
        lost(app, &mut pen, status.lost.max(app.store.lost()));
        let (kept, path) = match &app.source.saved_as {
            Some(name) => ("saved in", name.clone()),
            None if app.source.unsaved => ("unsaved, in", app.source.path_shown()),
            None => ("saved in", app.source.path_shown()),
        };
        // Next to a filter, or if all of it has no room, only the name.
        let room = usize::from(pen.room()).saturating_sub(kept.len() + 2);
        let whole = app.filtering.text.is_empty() && columns(&path) <= room;
        let place = match path.rsplit('/').next() {
            Some(name) if !whole => name,
            _ => &path,
        };
        pen.put(format_args!(" {kept} {place}"), theme.bar);
        if status.dropped > 0 {
            let text = format!(", oldest {} dropped", app.store.rows().first());
            pen.put(text, theme.bar);
        }
    } else {
        pen.put(&app.source.name, theme.bar);
        if app.store.lost() > 0 {
            pen.put(" ", theme.bar);
            lost(app, &mut pen, app.store.lost());
        }
    }
    if !app.filtering.text.is_empty() {
        pen.put(" | ", theme.bar);
        let counted = format!(": {} of {rows}", app.list.len());
        let room = pen.room().saturating_sub(columns(&counted) as u16);
        let width = room.min(columns(&app.filtering.text) as u16);
        pen.left(&app.filtering.text, width, theme.bar);
        pen.put(counted, theme.bar);
    } else if status.is_none() {
        for text in whole(app) {
            // What has no room is left out rather than cut.
            let text = format!("  {text}");
            if columns(&text) <= usize::from(pen.room()) {
                pen.put(text, theme.bar);
            }
        }
    }
    pen.release(area);
    pen.align_right(columns(&right) as u16);
    pen.put(right, theme.bar);
}

/// How many packets are missing: nobody should overlook that.
fn lost(app: &App, pen: &mut Pen<'_>, count: u64) {
    let style = match count {
        0 => app.theme.bar,
        _ => app.theme.current,
    };
    pen.put(format_args!("lost {count}"), style);
}

/// What the whole file is like, in a few words.
fn whole(app: &App) -> Vec<String> {
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

/// Where one is, and what is going on.
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
