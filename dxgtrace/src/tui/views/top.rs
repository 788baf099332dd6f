//! Counts, rates and latencies of everybody, each channel and each process.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::super::app::App;
use super::super::table::{GROUPS, Key};
use super::pen::{Pen, shortened};
use super::places::Places;
use crate::output::duration;
use crate::store::{Counts, Group};

/// A column of numbers.
#[derive(Debug)]
pub struct Column {
    name: &'static str,
    width: u16,
    /// Width of the screen from which on there is room for it.
    from: u16,
    value: fn(&Counts, Option<u64>) -> Option<u64>,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Count,
    /// Tenths.
    Rate,
    Bytes,
    Time,
}

const fn column(
    name: &'static str,
    width: u16,
    from: u16,
    form: Form,
    value: fn(&Counts, Option<u64>) -> Option<u64>,
) -> Column {
    Column {
        name,
        width,
        from,
        value,
        form,
    }
}

/// Every column, most useful first.
pub static COLUMNS: &[Column] = &[
    column("packets", 8, 0, Form::Count, |counts, _| {
        Some(counts.packets)
    }),
    column("per s", 8, 0, Form::Rate, |counts, now| {
        Some(match now {
            Some(now) => counts.rate(now) * 10,
            None => (counts.mean_rate() * 10.0) as u64,
        })
    }),
    column("failed", 7, 0, Form::Count, |counts, _| {
        Some(counts.failures)
    }),
    column("bytes", 8, 0, Form::Bytes, |counts, _| Some(counts.bytes)),
    column("half in", 8, 0, Form::Time, |counts, _| {
        counts.latencies.quantile(500)
    }),
    column("99% in", 8, 0, Form::Time, |counts, _| {
        counts.latencies.quantile(990)
    }),
    column("longest", 8, 80, Form::Time, |counts, _| {
        counts.latencies.max()
    }),
    column("replies", 8, 100, Form::Count, |counts, _| {
        Some(counts.exchanges)
    }),
    column("findings", 9, 110, Form::Count, |counts, _| {
        Some(counts.findings)
    }),
];

/// Columns of the names.
fn who(width: u16) -> u16 {
    let numbers: u16 = shown(width).map(|(_, column)| column.width + 1).sum();
    width.saturating_sub(numbers + 2).clamp(12, 40)
}

/// The columns that a screen has room for, each with its number.
fn shown(width: u16) -> impl Iterator<Item = (usize, &'static Column)> {
    let all = COLUMNS.iter().enumerate();
    all.filter(move |(_, column)| width >= column.from)
}

/// Another column to sort by, so many to the right.
pub fn beside(app: &App, by: isize) -> usize {
    let last = shown(app.area.width).count().saturating_sub(1);
    app.sorted_by.saturating_add_signed(by).min(last)
}

/// What counts are sorted by, the largest first.
pub fn rank(app: &App, counts: &Counts) -> Option<u64> {
    let column = COLUMNS.get(app.sorted_by)?;
    (column.value)(counts, now(app))
}

/// The time of a capture that goes on.
fn now(app: &App) -> Option<u64> {
    let live = app.source.recording.as_ref();
    live.filter(|live| !live.status().ended).map(|_| app.now())
}

/// Draws the heading.
pub fn heading(app: &App, buffer: &mut Buffer, places: &Places) {
    let theme = &app.theme;
    let width = places.table_head.width;
    let mut pen = Pen::new(buffer, places.table_head, 0, theme.heading);
    pen.skip(1).left("who", who(width), theme.heading);
    for (number, column) in shown(width) {
        let style = match number == app.sorted_by {
            true => theme.current,
            false => theme.heading,
        };
        pen.skip(1).right(column.name, column.width, style);
    }
}

/// Draws a line.
pub fn line(app: &App, pen: &mut Pen<'_>, key: Key, ground: Option<Style>) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    let group = match key {
        Key::Group(group) => group,
        Key::Heading(number) => {
            let name = GROUPS.get(number as usize).copied().unwrap_or_default();
            pen.skip(1).put(name, style(theme.faint));
            return;
        }
        _ => return,
    };
    let Some(counts) = app.store.stats().of(group) else {
        return;
    };
    let width = app.area.width;
    let name = shortened(&name(app, group), usize::from(who(width)));
    pen.skip(1).left(name, who(width), style(theme.text));
    for (_, column) in shown(width) {
        let value = (column.value)(counts, now(app));
        let bad = column.name == "failed" && value > Some(0);
        let look = match (bad, value) {
            (true, _) => theme.bad,
            (false, Some(0)) => theme.faint,
            (false, _) => theme.text,
        };
        let text = value.map_or_else(String::new, |value| text(column.form, value));
        pen.skip(1).right(text, column.width, style(look));
    }
}

/// A line as text, to be copied.
pub fn copied(app: &App, group: Group) -> Option<String> {
    let counts = app.store.stats().of(group)?;
    let mut copied = name(app, group);
    for column in COLUMNS {
        if let Some(value) = (column.value)(counts, now(app)) {
            copied += &format!(", {} {}", column.name, text(column.form, value));
        }
    }
    Some(copied)
}

fn name(app: &App, group: Group) -> String {
    match group {
        Group::All => "all packets".to_owned(),
        Group::Channel(index) => {
            let channel = app.store.channels().get(usize::from(index));
            channel.map_or_else(|| "?".to_owned(), |channel| channel.name.clone())
        }
        Group::Process(index) => {
            let process = app.store.processes().get(index as usize);
            process.map_or_else(|| "?".to_owned(), crate::store::Process::label)
        }
        Group::Nobody => "(of no process)".to_owned(),
    }
}

fn text(form: Form, value: u64) -> String {
    match form {
        Form::Count => value.to_string(),
        Form::Rate => format!("{}.{}", value / 10, value % 10),
        Form::Bytes => size(value),
        Form::Time => duration(value).to_string(),
    }
}

/// Bytes with a unit that suits them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => bytes.to_string(),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}
