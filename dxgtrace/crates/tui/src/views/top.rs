//! The top view: counts, rates, latencies and GPU memory of all packets, of each
//! channel and of each process.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::super::app::App;
use super::super::table::{GROUPS, LineKey};
use super::line_writer::{LineWriter, shortened_label};
use super::screen_layout::ScreenLayout;
use crate::store::{GroupCounts, ProcessMemory, StatsGroup};
use dxgtrace_render::output::duration;

/// A column of numbers.
struct Column {
    name: &'static str,
    width: u16,
    /// Screen width from which on the column is shown: in a live capture, and
    /// otherwise.
    from: [u16; 2],
    value: CellValue,
    form: CellForm,
}

/// Computes the value of a column for a group.
type CellValue = fn(&GroupFacts<'_>) -> Option<u64>;

/// The data that columns are computed from.
struct GroupFacts<'a> {
    group: StatsGroup,
    counts: &'a GroupCounts,
    /// Time in nanoseconds since 1970; `None` unless the capture is live.
    now: Option<u64>,
    /// GPU memory of the processes in the group.
    memory: Vec<ProcessMemory>,
}

impl GroupFacts<'_> {
    fn sum(&self, part: fn(&ProcessMemory) -> u64) -> Option<u64> {
        let sum = self.memory.iter().map(part).reduce(u64::saturating_add);
        sum.filter(|sum| *sum > 0)
    }
}

#[derive(Debug, Clone, Copy)]
enum CellForm {
    Count,
    /// In tenths.
    Rate,
    Bytes,
    Time,
}

const fn column(
    name: &'static str,
    width: u16,
    from: [u16; 2],
    form: CellForm,
    value: CellValue,
) -> Column {
    Column {
        name,
        width,
        from,
        value,
        form,
    }
}

/// The columns, from left to right.
static COLUMNS: &[Column] = &[
    column("packets", 8, [0; 2], CellForm::Count, |of| {
        Some(of.counts.packets)
    }),
    column("per s", 8, [0; 2], CellForm::Rate, |of| {
        Some(match of.now {
            Some(now) => of.counts.rate(now) * 10,
            None => (of.counts.mean_rate() * 10.0) as u64,
        })
    }),
    column("failed", 7, [0; 2], CellForm::Count, |of| {
        Some(of.counts.failures)
    }),
    column("bytes", 8, [0; 2], CellForm::Bytes, |of| {
        Some(of.counts.bytes)
    }),
    column("half in", 8, [0; 2], CellForm::Time, |of| {
        of.counts.latencies.percentile(50)
    }),
    column("99% in", 8, [0; 2], CellForm::Time, |of| {
        of.counts.latencies.percentile(99)
    }),
    column("longest", 8, [90; 2], CellForm::Time, |of| {
        of.counts.latencies.max()
    }),
    column("resident", 8, [0, 100], CellForm::Bytes, |of| {
        of.sum(|memory| memory.resident)
    }),
    column("peak res", 8, [100, 0], CellForm::Bytes, |of| {
        // The peaks of several processes cannot be added: they were reached at
        // different times.
        let process = matches!(of.group, StatsGroup::Process(_));
        of.sum(|memory| memory.peak).filter(|_| process)
    }),
    column("allocated", 9, [100; 2], CellForm::Bytes, |of| {
        of.sum(|memory| memory.allocated)
    }),
    column("replies", 8, [110; 2], CellForm::Count, |of| {
        Some(of.counts.exchanges)
    }),
    column("findings", 9, [120; 2], CellForm::Count, |of| {
        Some(of.counts.findings)
    }),
];

/// Width of the column with the names of groups.
fn name_width(app: &App) -> u16 {
    let width = app.area.width;
    let numbers: u16 = shown(app).map(|(_, column)| column.width + 1).sum();
    width.saturating_sub(numbers + 2).clamp(12, 40)
}

/// The columns that the screen has room for, each with its index.
fn shown(app: &App) -> impl Iterator<Item = (usize, &'static Column)> {
    let (width, over) = (app.area.width, usize::from(!app.is_live()));
    let all = COLUMNS.iter().enumerate();
    all.filter(move |(_, column)| column.from.get(over).is_some_and(|from| width >= *from))
}

/// The index of the column `by` columns to the right of the one sorted by.
pub fn column_beside(app: &App, by: isize) -> usize {
    let all: Vec<usize> = shown(app).map(|(number, _)| number).collect();
    let at = all.iter().position(|number| *number == app.sorted_by);
    let last = all.len().saturating_sub(1);
    let next = at.unwrap_or(0).saturating_add_signed(by).min(last);
    all.get(next).copied().unwrap_or(0)
}

/// The value of a group in the column sorted by.
pub fn sort_value(app: &App, group: StatsGroup) -> Option<u64> {
    let column = COLUMNS.get(app.sorted_by)?;
    (column.value)(&facts(app, group)?)
}

fn facts(app: &App, group: StatsGroup) -> Option<GroupFacts<'_>> {
    let memory = app.memory.iter();
    Some(GroupFacts {
        group,
        counts: app.store.stats().of(group)?,
        now: app.is_live().then(|| app.now()),
        memory: memory
            .filter(|memory| memory.is_of(group, &app.store))
            .copied()
            .collect(),
    })
}

/// Draws the heading of the table.
pub fn heading(app: &App, buffer: &mut Buffer, layout: &ScreenLayout) {
    let theme = &app.theme;
    let mut writer = LineWriter::new(buffer, layout.table_head, 0, theme.heading);
    writer.skip(1).left("who", name_width(app), theme.heading);
    for (number, column) in shown(app) {
        let style = match number == app.sorted_by {
            true => theme.current,
            false => theme.heading,
        };
        writer.skip(1).right(column.name, column.width, style);
    }
}

/// Draws a line of the table.
pub fn line(app: &App, writer: &mut LineWriter<'_>, key: LineKey, ground: Option<Style>) {
    let theme = &app.theme;
    let style = |style: Style| ground.unwrap_or(style);
    let group = match key {
        LineKey::Group(group) => group,
        LineKey::Heading(number) => {
            let name = GROUPS.get(number as usize).copied().unwrap_or_default();
            writer.skip(1).put(name, style(theme.faint));
            return;
        }
        _ => return,
    };
    let Some(facts) = facts(app, group) else {
        return;
    };
    let name = shortened_label(&name(app, group), usize::from(name_width(app)));
    writer
        .skip(1)
        .left(name, name_width(app), style(theme.text));
    for (_, column) in shown(app) {
        let value = (column.value)(&facts);
        let bad = column.name == "failed" && value > Some(0);
        let look = match (bad, value) {
            (true, _) => theme.bad,
            (false, Some(0)) => theme.faint,
            (false, _) => theme.text,
        };
        let text = value.map_or_else(String::new, |value| text(column.form, value));
        writer.skip(1).right(text, column.width, style(look));
    }
}

/// The line of a group as text, for copying.
pub fn line_text(app: &App, group: StatsGroup) -> Option<String> {
    let facts = facts(app, group)?;
    let mut copied = name(app, group);
    for column in COLUMNS {
        if let Some(value) = (column.value)(&facts) {
            copied += &format!(", {} {}", column.name, text(column.form, value));
        }
    }
    Some(copied)
}

fn name(app: &App, group: StatsGroup) -> String {
    match group {
        StatsGroup::All => "all packets".to_owned(),
        StatsGroup::Channel(index) => {
            let channel = app.store.channels().get(usize::from(index));
            channel.map_or_else(|| "?".to_owned(), |channel| channel.name.clone())
        }
        StatsGroup::Process(index) => {
            let process = app.store.processes().get(index as usize);
            process.map_or_else(|| "?".to_owned(), crate::store::NamedProcess::label)
        }
        StatsGroup::Nobody => "(of no process)".to_owned(),
    }
}

fn text(form: CellForm, value: u64) -> String {
    match form {
        CellForm::Count => value.to_string(),
        CellForm::Rate => format!("{}.{}", value / 10, value % 10),
        CellForm::Bytes => size(value),
        CellForm::Time => duration(value).to_string(),
    }
}

/// Formats a number of bytes as `N`, `N kB`, `N MB` or `N GB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => bytes.to_string(),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}
