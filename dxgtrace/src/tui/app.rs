//! The state of the screen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use rustc_hash::FxHashMap;

use crate::check::Severity;
use crate::filter::Filter;
use crate::output::TimeFormat;
use crate::store::{Domain, Fetch, Job, Past, Question, Request, Scene, Sifting, Store};

use super::config::Config;
use super::detail::Detail;
use super::keys::Keymap;
use super::list::List;
use super::prompt::Prompt;
use super::save::{self, Saving};
use super::source::Source;
use super::table::{self, Basis, Table};
use super::theme::Theme;
use super::views::places::Places;

/// What the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The packets.
    #[default]
    Packets,
    /// The findings.
    Findings,
    /// The processes and their objects.
    Objects,
    /// The requests that wait.
    Pending,
    /// Counts.
    Top,
    /// The ladder of a process.
    Ladder,
}

/// A part of the packets' view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// The list.
    #[default]
    List,
    /// The tree.
    Tree,
    /// The bytes.
    Bytes,
}

/// How tree and bytes stand below the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// Next to each other.
    #[default]
    Beside,
    /// One below the other.
    Stacked,
    /// Not at all.
    Hidden,
}

/// Something that the terminal has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Put a text on the clipboard.
    Copy(String),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues the program.
    Suspend,
    /// End, and say this on the way out.
    Quit(Option<String>),
}

/// A filter that is in force, or being applied.
#[derive(Debug, Default)]
pub struct Filtering {
    /// As it was typed.
    pub text: String,
    /// `None` if everything passes.
    pub filter: Option<Filter>,
    pub(super) sifting: Option<Sifting>,
    /// Rows that have been asked or are being asked.
    pub(super) asked: u32,
    /// First row of what is being asked.
    pub(super) from: u32,
}

/// A search.
#[derive(Debug)]
pub struct Searching {
    pub(super) text: String,
    pub(super) question: Question,
    pub(super) sifting: Option<Sifting>,
    pub(super) done: u32,
}

/// The packets that name an object.
#[derive(Debug)]
pub struct ObjectLadder {
    /// The object.
    pub title: String,
    /// The process that has it; `None` if all have.
    pub(super) pid: Option<u32>,
    pub(super) rows: Vec<u32>,
    pub(super) sifting: Option<Sifting>,
}

/// How a message to the person at the screen is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// For information.
    Fine,
    /// Something did not work.
    Wrong,
}

/// Rows taken over at once last this long at most, so that keys are answered.
const TAKE: Duration = Duration::from_millis(5);
/// Rows that are looked at for a list at once.
const STEP: usize = 1 << 17;
/// Lines of packets that are kept once made.
const LINES: usize = 4096;

/// All state. [`App::apply`] changes it, drawing only reads.
pub struct App {
    pub(super) source: Source,
    pub(super) store: Store,
    pub(super) fetch: Option<Fetch>,
    extent: usize,
    pub(super) list: List,
    pub(super) detail: Detail,
    pub(super) table: Table,
    pub(super) view: View,
    pub(super) before: Vec<View>,
    pub(super) focus: Pane,
    pub(super) zoomed: bool,
    pub(super) arrangement: Arrangement,
    /// Share of the list, in percent.
    pub(super) share: u16,
    pub(super) mildest: Severity,
    pub(super) filtering: Filtering,
    pub(super) searching: Option<Searching>,
    pub(super) prompt: Option<Prompt>,
    pub(super) histories: [Vec<String>; 3],
    pub(super) help: Option<usize>,
    pub(super) asks_to_quit: bool,
    pub(super) message: Option<(Tone, String)>,
    pub(super) marks: BTreeSet<u32>,
    pub(super) letters: BTreeMap<char, u32>,
    pub(super) theme: Theme,
    pub(super) time: TimeFormat,
    pub(super) keymap: Keymap,
    pub(super) effects: VecDeque<Effect>,
    pub(super) area: Rect,
    /// The row that the current table is about.
    pub(super) about: Option<u32>,
    lines: FxHashMap<u32, String>,
    past: Option<Past>,
    /// The row whose objects have been asked for.
    asked: Option<u32>,
    /// The objects as of the row that the view is about.
    pub(super) scene: Scene,
    /// What the ladder shows, if not a process.
    pub(super) object: Option<ObjectLadder>,
    pub(super) saving: Option<Saving>,
}

impl App {
    /// A screen that shows a source.
    pub fn new(source: Source, config: Config) -> Self {
        let live = source.recording.is_some();
        let mut list = List::new();
        list.follow = live;
        Self {
            source,
            store: Store::default(),
            fetch: None,
            extent: 0,
            list,
            detail: Detail::default(),
            table: Table::default(),
            view: View::default(),
            before: Vec::new(),
            focus: Pane::default(),
            zoomed: false,
            arrangement: Arrangement::default(),
            share: 50,
            mildest: Severity::Note,
            filtering: Filtering::default(),
            searching: None,
            prompt: None,
            histories: Default::default(),
            help: None,
            asks_to_quit: false,
            message: None,
            marks: BTreeSet::new(),
            letters: BTreeMap::new(),
            theme: config.theme,
            time: config.time,
            keymap: config.keymap,
            effects: VecDeque::new(),
            area: Rect::new(0, 0, 80, 24),
            about: None,
            lines: FxHashMap::default(),
            past: None,
            asked: None,
            scene: Scene::default(),
            object: None,
            saving: None,
        }
    }

    /// Shows only packets that pass a filter.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn filter(&mut self, text: &str) -> Result<(), String> {
        if self.set_filter(text) {
            return Ok(());
        }
        let (_, error) = self.message.take().unwrap_or((Tone::Wrong, String::new()));
        Err(format!("{text}: {error}"))
    }

    /// What is kept of the capture.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How many packets the list shows.
    pub fn shown(&self) -> usize {
        self.list.len()
    }

    /// Bytes of memory that are kept beside the packets.
    pub fn memory(&self) -> usize {
        self.store.rows().memory() + self.list.memory()
    }

    /// Whether anything is going on by itself.
    pub fn is_busy(&self) -> bool {
        self.store.end().is_none()
            || self.saving.is_some()
            || self.list.is_behind()
            || self.view != View::Packets
                && self
                    .table
                    .basis
                    .is_some_and(|basis| basis.rows < self.store.rows().len())
            || self.filtering.sifting.is_some()
            || self.list.taken() < self.store.rows().len() as u32 && !self.list.paused
            || self.view == View::Objects && Some(self.scene.row) != self.about
            || self
                .object
                .as_ref()
                .is_some_and(|object| object.sifting.is_some())
            || self
                .searching
                .as_ref()
                .is_some_and(|search| search.sifting.is_some())
    }

    /// Whether the file has been read to its end and nothing is going on.
    pub fn is_settled(&self) -> bool {
        !self.is_busy()
    }

    /// What the terminal has to do next.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Takes over what the threads have found. True if anything changed.
    pub fn tick(&mut self) -> bool {
        let begun = Instant::now();
        let mut changed = false;
        while let Some(chunk) = self.source.next() {
            changed = true;
            self.store.take(chunk);
            if begun.elapsed() > TAKE {
                break;
            }
        }
        if changed {
            self.renew_fetch();
        }
        changed |= self.take_in();
        changed |= self.take_found();
        changed |= save::finish(self);
        changed |= self.take_scene();
        changed |= self.take_ladder();
        changed |= self.view != View::Packets
            && self
                .table
                .basis
                .is_some_and(|basis| basis.rows < self.store.rows().len());
        // Ages and rates go on although nothing comes.
        changed || self.source.recording.is_some() && self.view != View::Packets
    }

    /// Opens the file for reading, or tells the reader what it has grown by.
    fn renew_fetch(&mut self) {
        let Some(layout) = self.store.layout().cloned() else {
            return;
        };
        if let Some(fetch) = &mut self.fetch {
            if layout.extent() != self.extent {
                fetch.set_layout(&layout);
            }
        } else {
            match Fetch::open(&self.source.path, &layout) {
                Ok(fetch) => self.fetch = Some(fetch),
                Err(error) => self.say(Tone::Wrong, format!("cannot read the packets: {error}")),
            }
        }
        self.extent = layout.extent();
    }

    /// Lets new rows into the list, through the filter.
    fn take_in(&mut self) -> bool {
        let end = self.store.rows().len() as u32;
        let rows = self.store.rows();
        let behind = self.list.is_behind();
        if behind {
            self.list.advance(rows);
        }
        let Some(filter) = &self.filtering.filter else {
            if self.list.paused || self.list.taken() >= end {
                return behind;
            }
            self.list.extend(rows, end);
            return true;
        };
        let mut changed = behind;
        let mut error = None;
        if let Some(sifting) = &self.filtering.sifting {
            let mut finished = false;
            while let Some(batch) = sifting.next() {
                changed = true;
                finished = batch.finished;
                error = batch.error;
                let done = self.filtering.from.saturating_add(batch.done);
                self.list.extend_passed(rows, &batch.rows, done);
            }
            if finished {
                self.filtering.sifting = None;
            }
        }
        if let Some(error) = error {
            self.say(Tone::Wrong, error.to_string());
            return true;
        }
        if self.filtering.sifting.is_none() && self.filtering.asked < end && !self.list.paused {
            let question = Question::Filter(filter.clone());
            let range = self.filtering.asked..end;
            self.filtering.from = range.start;
            self.filtering.asked = end;
            self.filtering.sifting = self.sift(question, Domain::All(range), false);
        }
        changed
    }

    /// Begins to go through packets.
    pub(super) fn sift(
        &self,
        question: Question,
        domain: Domain,
        first_only: bool,
    ) -> Option<Sifting> {
        Some(Sifting::start(Job {
            question,
            domain,
            first_only,
            path: self.source.path.clone(),
            layout: self.store.layout()?.clone(),
            rows: self.store.rows().clone(),
        }))
    }

    fn take_found(&mut self) -> bool {
        let Some(search) = &mut self.searching else {
            return false;
        };
        let Some(sifting) = &search.sifting else {
            return false;
        };
        let mut last = None;
        while let Some(batch) = sifting.next() {
            search.done = batch.done;
            last = Some(batch);
        }
        let Some(batch) = last else {
            return false;
        };
        if batch.finished {
            search.sifting = None;
            match (batch.rows.first(), batch.error) {
                (Some(row), _) => self.found(*row),
                (None, Some(error)) => self.say(Tone::Wrong, error.to_string()),
                (None, None) => {
                    let text = format!("no further match of `{}`", search.text);
                    self.say(Tone::Wrong, text);
                }
            }
        }
        true
    }

    /// Asks for the objects as of the row that the view is about, and takes
    /// them over once they are there.
    fn take_scene(&mut self) -> bool {
        if self.view != View::Objects {
            return false;
        }
        let Some(row) = self.about else {
            return false;
        };
        if self.asked != Some(row)
            && let Some(layout) = self.store.layout()
        {
            let path = &self.source.path;
            let past = self.past.get_or_insert_with(|| Past::new(path.clone()));
            past.ask(Request {
                row,
                rows: self.store.rows().clone(),
                layout: layout.clone(),
            });
            self.asked = Some(row);
        }
        match self.past.as_ref().and_then(Past::next) {
            Some(scene) => {
                self.scene = scene;
                self.table.basis = None;
                true
            }
            None => false,
        }
    }

    fn take_ladder(&mut self) -> bool {
        let Some(object) = &mut self.object else {
            return false;
        };
        let Some(sifting) = &object.sifting else {
            return false;
        };
        let (mut changed, mut finished) = (false, false);
        while let Some(batch) = sifting.next() {
            let (store, pid) = (&self.store, object.pid);
            object.rows.extend(batch.rows.into_iter().filter(|row| {
                let process = store.row(*row).map(|row| row.process as usize);
                let process = process.and_then(|process| store.processes().get(process));
                pid.is_none() || process.map(|process| process.pid) == pid
            }));
            changed = true;
            finished = batch.finished;
        }
        if finished {
            object.sifting = None;
        }
        if changed {
            self.table.basis = None;
        }
        changed
    }

    /// Says something on the last line.
    pub(super) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.message = Some((tone, text.into()));
    }

    /// Makes everything that the screen will show, so that drawing only reads.
    pub fn prepare(&mut self, area: Rect) {
        self.area = area;
        let places = Places::of(self);
        self.list.cursor.fit(self.list.len(), places.list_lines());
        if self.view == View::Packets {
            self.prepare_lines(places.list_lines());
        }
        let joined = self.list.joined;
        self.detail.load(
            &self.store,
            self.fetch.as_mut(),
            self.list.selected(),
            joined,
            self.time,
        );
        let lines = usize::from(places.tree.height);
        self.detail.cursor.fit(self.detail.len(), lines);
        self.fit_bytes(&places);
        if self.view != View::Packets {
            self.prepare_table(usize::from(places.table.height));
        }
    }

    /// The text of a row's line, if it has been made.
    pub(super) fn line(&self, row: u32) -> &str {
        self.lines.get(&row).map_or("", String::as_str)
    }

    fn prepare_lines(&mut self, height: usize) {
        for line in self.list.cursor.shown(self.list.len(), height) {
            if let Some(row) = self.list.row(line) {
                self.make_line(row);
            }
        }
    }

    fn make_line(&mut self, index: u32) {
        if self.lines.contains_key(&index) {
            return;
        }
        let (Some(row), Some(fetch)) = (self.store.row(index), &mut self.fetch) else {
            return;
        };
        if self.lines.len() >= LINES {
            self.lines.clear();
        }
        let text = match fetch.row(self.store.rows(), row, None) {
            Ok(fetched) => fetched.line(),
            Err(error) => error.to_string(),
        };
        self.lines.insert(index, text);
    }

    fn fit_bytes(&mut self, places: &Places) {
        let width = places.bytes_per_line().max(1);
        let height = usize::from(places.bytes.height).max(1);
        let marked = self.detail.marked();
        let at = self.detail.byte.unwrap_or(marked.start);
        let line = at / width;
        let length = self.detail.shown_half().map_or(0, |half| half.bytes.len());
        let mut cursor = super::cursor::Cursor {
            at: line,
            top: self.detail.bytes_top,
        };
        cursor.fit(length.div_ceil(width), height);
        self.detail.bytes_top = cursor.top;
    }

    /// Makes the lines of the view, or those that are new.
    fn renew_table(&mut self) {
        let all = self.store.rows().len();
        let mut basis = Basis {
            view: self.view,
            rows: all,
            row: self.about,
            severity: self.mildest,
            ended: self.store.end().is_some(),
        };
        if self.table.basis == Some(basis) {
            return;
        }
        let old = self.table.basis.filter(|old| basis.goes_on_from(old));
        let first = old.map_or(0, |old| old.rows);
        // A long capture is gone through in steps, so that keys are answered.
        let end = all.min(first + STEP);
        let range = first as u32..end as u32;
        let about = self.about.unwrap_or(0);
        let keys = match self.view {
            View::Packets => Vec::new(),
            View::Findings => table::findings(&self.store, self.mildest, range),
            View::Pending => table::pending(&self.store, about),
            View::Top => table::groups(&self.store),
            View::Ladder => match &self.object {
                Some(object) => object.rows.iter().copied().map(table::Key::Row).collect(),
                None => table::ladder(&self.store, about, range),
            },
            View::Objects => {
                let count = self.scene.things.len() as u32;
                (0..count).map(table::Key::Object).collect()
            }
        };
        let in_steps = match self.view {
            View::Findings => true,
            View::Ladder => self.object.is_none(),
            _ => false,
        };
        if in_steps {
            basis.rows = end;
        }
        match old {
            Some(_) if in_steps => self.table.extend(keys, basis),
            _ => self.table.set(keys, basis),
        }
    }

    fn prepare_table(&mut self, height: usize) {
        if self.list.follow && matches!(self.view, View::Pending | View::Objects) {
            self.about = self.list.selected();
        }
        self.renew_table();
        self.table.cursor.fit(self.table.keys.len(), height);
        let shown = self.table.cursor.shown(self.table.keys.len(), height);
        let keys: Vec<_> = self.table.keys.get(shown).unwrap_or(&[]).to_vec();
        for key in keys {
            if let table::Key::Row(row) | table::Key::Finding(row, _) = key {
                self.make_line(row);
            }
        }
    }

    /// What ages are counted to: now, or the end of a capture that is over.
    pub(super) fn now(&self) -> u64 {
        let last = self.store.rows().len().checked_sub(1);
        let last = last.and_then(|last| self.store.row(last as u32));
        match (&self.source.recording, last) {
            (Some(recording), Some(last)) if !recording.status().ended => {
                let now = std::time::SystemTime::now();
                let since = now.duration_since(std::time::UNIX_EPOCH);
                since.map_or(last.time(), |since| {
                    u64::try_from(since.as_nanos()).unwrap_or(last.time())
                })
            }
            (_, last) => last.map_or(0, |last| last.time()),
        }
    }
}
