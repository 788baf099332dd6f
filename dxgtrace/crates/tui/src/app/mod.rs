//! The state of the screen.

mod intake;
mod parts;
mod prepare;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ratatui::layout::Rect;
use rustc_hash::FxHashMap;

use crate::store::{CaptureStore, ObjectScene, PacketFetch, PacketRow, ProcessMemory, SceneThread};
use dxgtrace_render::output::TimeFormat;
use dxgtrace_session::check::Severity;

use super::config::Config;
use super::detail::PacketDetail;
use super::keys::Keymap;
use super::list::PacketList;
use super::prompt::Prompt;
use super::source::CaptureSource;
use super::table::Table;
use super::theme::Theme;

pub use parts::{
    Arrangement, Filtering, MessageTone, ObjectLadder, Pane, SavingPackets, Searching,
    TerminalEffect, View,
};

/// All state. [`App::apply`] changes it, drawing only reads.
pub struct App {
    pub(crate) source: CaptureSource,
    pub(crate) store: CaptureStore,
    pub(crate) fetch: Option<PacketFetch>,
    extent: usize,
    pub(crate) list: PacketList,
    pub(crate) detail: PacketDetail,
    pub(crate) table: Table,
    pub(crate) view: View,
    pub(crate) before: Vec<View>,
    pub(crate) focus: Pane,
    pub(crate) zoomed: bool,
    pub(crate) arrangement: Arrangement,
    /// Share of the list, in percent.
    pub(crate) share: u16,
    pub(crate) mildest: Severity,
    /// The column that counts are sorted by.
    pub(crate) sorted_by: usize,
    /// Who has how much memory.
    pub(crate) memory: Vec<ProcessMemory>,
    pub(crate) filtering: Filtering,
    pub(crate) searching: Option<Searching>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) histories: [Vec<String>; 3],
    pub(crate) help: Option<usize>,
    pub(crate) asks_to_quit: bool,
    /// Whether saving was asked for on the way out.
    pub(crate) quits_when_saved: bool,
    pub(crate) message: Option<(MessageTone, String)>,
    pub(crate) marks: BTreeSet<u32>,
    pub(crate) letters: BTreeMap<char, u32>,
    pub(crate) theme: Theme,
    pub(crate) themes: Vec<Theme>,
    pub(crate) time: TimeFormat,
    pub(crate) mouse: bool,
    pub(crate) keymap: Keymap,
    pub(crate) effects: VecDeque<TerminalEffect>,
    pub(crate) area: Rect,
    /// The row that the current table is about.
    pub(crate) about: Option<u32>,
    lines: FxHashMap<u32, String>,
    past: Option<SceneThread>,
    /// The row whose objects have been asked for.
    asked: Option<u32>,
    /// The objects as of the row that the view is about.
    pub(crate) scene: ObjectScene,
    /// What the ladder shows, if not a process.
    pub(crate) object: Option<ObjectLadder>,
    pub(crate) saving: Option<SavingPackets>,
}

impl App {
    /// A screen that shows a source.
    pub fn new(source: CaptureSource, config: Config) -> Self {
        let live = source.recording.is_some();
        let mut list = PacketList::new();
        list.follow = live;
        Self {
            source,
            store: CaptureStore::default(),
            fetch: None,
            extent: 0,
            list,
            detail: PacketDetail::default(),
            table: Table::default(),
            view: View::default(),
            before: Vec::new(),
            focus: Pane::default(),
            zoomed: false,
            arrangement: Arrangement::default(),
            share: 50,
            mildest: Severity::Note,
            sorted_by: 0,
            memory: Vec::new(),
            filtering: Filtering::default(),
            searching: None,
            prompt: None,
            histories: Default::default(),
            help: None,
            asks_to_quit: false,
            quits_when_saved: false,
            message: None,
            marks: BTreeSet::new(),
            letters: BTreeMap::new(),
            theme: config.theme,
            themes: config.themes,
            time: config.time,
            mouse: config.mouse,
            keymap: config.keymap,
            effects: VecDeque::new(),
            area: Rect::new(0, 0, 80, 24),
            about: None,
            lines: FxHashMap::default(),
            past: None,
            asked: None,
            scene: ObjectScene::default(),
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
        let (_, error) = self
            .message
            .take()
            .unwrap_or((MessageTone::Wrong, String::new()));
        Err(format!("{text}: {error}"))
    }

    /// Says something at first.
    pub fn greet(&mut self, text: String) {
        self.say(MessageTone::Fine, text);
    }

    /// What is kept of the capture.
    pub fn store(&self) -> &CaptureStore {
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
            || self.filtering.scan.is_some()
            || self.list.taken() < self.store.rows().len() as u32 && !self.list.paused
            || self.view == View::Objects && Some(self.scene.row) != self.moment()
            || self
                .object
                .as_ref()
                .is_some_and(|object| object.scan.is_some())
            || self
                .searching
                .as_ref()
                .is_some_and(|search| search.scan.is_some())
    }

    /// Whether the file has been read to its end and nothing is going on.
    pub fn is_settled(&self) -> bool {
        !self.is_busy()
    }

    /// What the terminal has to do next.
    pub fn next_effect(&mut self) -> Option<TerminalEffect> {
        self.effects.pop_front()
    }

    /// Says something on the last line.
    pub(crate) fn say(&mut self, tone: MessageTone, text: impl Into<String>) {
        self.message = Some((tone, text.into()));
    }

    /// The text of a row's line, if it has been made.
    pub(crate) fn line(&self, row: u32) -> &str {
        self.lines.get(&row).map_or("", String::as_str)
    }

    /// Whether a capture goes on.
    pub(crate) fn is_live(&self) -> bool {
        let recording = self.source.recording.as_ref();
        recording.is_some_and(|recording| !recording.status().ended)
    }

    /// The packet as of which objects are shown: of an exchange on one line, the
    /// reply.
    pub(crate) fn moment(&self) -> Option<u32> {
        let row = self.about?;
        let peer = self.store.row(row).and_then(PacketRow::peer);
        Some(peer.filter(|_| self.list.joined).unwrap_or(row).max(row))
    }

    /// What ages are counted to: now, or the end of a capture that is over.
    pub(crate) fn now(&self) -> u64 {
        let last = self.store.rows().len().checked_sub(1);
        let last = last.and_then(|last| self.store.row(last as u32));
        match (self.is_live(), last) {
            (true, Some(last)) => {
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
