//! The state of the terminal UI.

mod prepare;
mod thread_results;
mod types;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ratatui::layout::Rect;
use rustc_hash::FxHashMap;

use crate::store::{CaptureStore, ObjectScene, PacketFetch, PacketRow, ProcessMemory, SceneThread};
use dxgtrace_render::output::TimeFormat;
use dxgtrace_session::check::Severity;

use super::capture_source::CaptureSource;
use super::config::Config;
use super::detail::PacketDetail;
use super::keys::Keymap;
use super::packet_list::PacketList;
use super::prompt::Prompt;
use super::table::Table;
use super::theme::Theme;

pub use types::{
    Arrangement, Filtering, MessageTone, ObjectLadder, Pane, SavingPackets, Searching,
    TerminalEffect, View,
};

/// The whole state. Keys and [`App::apply`] change it, [`App::tick`] adds what
/// threads have found, [`App::prepare`] loads what drawing will read.
pub struct App {
    pub(crate) source: CaptureSource,
    pub(crate) store: CaptureStore,
    pub(crate) fetch: Option<PacketFetch>,
    /// Extent of the layout that `fetch` has.
    layout_extent: usize,
    pub(crate) list: PacketList,
    pub(crate) detail: PacketDetail,
    pub(crate) table: Table,
    pub(crate) view: View,
    /// Views that [`Action::Back`](super::Action::Back) returns to, the latest last.
    pub(crate) back_stack: Vec<View>,
    pub(crate) focus: Pane,
    pub(crate) zoomed: bool,
    pub(crate) arrangement: Arrangement,
    /// Height of the list, in percent of the packets view.
    pub(crate) list_share: u16,
    /// Mildest severity in the findings view.
    pub(crate) mildest: Severity,
    /// Index of the column that the top view is sorted by.
    pub(crate) sorted_by: usize,
    /// GPU memory per process, for the top view.
    pub(crate) memory: Vec<ProcessMemory>,
    pub(crate) filtering: Filtering,
    pub(crate) searching: Option<Searching>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) histories: [Vec<String>; 3],
    pub(crate) help: Option<usize>,
    pub(crate) confirming_quit: bool,
    /// Whether to quit once `:save` has succeeded.
    pub(crate) quit_when_saved: bool,
    pub(crate) message: Option<(MessageTone, String)>,
    pub(crate) marks: BTreeSet<u32>,
    pub(crate) bookmarks: BTreeMap<char, u32>,
    pub(crate) theme: Theme,
    pub(crate) themes: Vec<Theme>,
    pub(crate) time: TimeFormat,
    pub(crate) mouse: bool,
    pub(crate) keymap: Keymap,
    pub(crate) effects: VecDeque<TerminalEffect>,
    pub(crate) area: Rect,
    /// The row that the current table refers to, such as the point in time of
    /// the pending requests.
    pub(crate) reference_row: Option<u32>,
    /// Texts of list lines, by row.
    line_texts: FxHashMap<u32, String>,
    scene_thread: Option<SceneThread>,
    /// The row whose objects have been requested.
    requested_scene: Option<u32>,
    /// The objects that exist at the row that the view refers to.
    pub(crate) scene: ObjectScene,
    /// The object whose ladder is shown; `None` for that of a process.
    pub(crate) object: Option<ObjectLadder>,
    pub(crate) saving: Option<SavingPackets>,
}

impl App {
    /// The state with the packets of `source`, none of them read yet.
    pub fn new(source: CaptureSource, config: Config) -> Self {
        let live = source.recording.is_some();
        let mut list = PacketList::new();
        list.follow = live;
        Self {
            source,
            store: CaptureStore::default(),
            fetch: None,
            layout_extent: 0,
            list,
            detail: PacketDetail::default(),
            table: Table::default(),
            view: View::default(),
            back_stack: Vec::new(),
            focus: Pane::default(),
            zoomed: false,
            arrangement: Arrangement::default(),
            list_share: 50,
            mildest: Severity::Note,
            sorted_by: 0,
            memory: Vec::new(),
            filtering: Filtering::default(),
            searching: None,
            prompt: None,
            histories: Default::default(),
            help: None,
            confirming_quit: false,
            quit_when_saved: false,
            message: None,
            marks: BTreeSet::new(),
            bookmarks: BTreeMap::new(),
            theme: config.theme,
            themes: config.themes,
            time: config.time,
            mouse: config.mouse,
            keymap: config.keymap,
            effects: VecDeque::new(),
            area: Rect::new(0, 0, 80, 24),
            reference_row: None,
            line_texts: FxHashMap::default(),
            scene_thread: None,
            requested_scene: None,
            scene: ObjectScene::default(),
            object: None,
            saving: None,
        }
    }

    /// Shows only packets that match the filter `text`.
    ///
    /// # Errors
    /// The filter cannot be parsed; the error is a sentence for the user.
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

    /// Shows a message until the first key.
    pub fn greet(&mut self, text: String) {
        self.show_message(MessageTone::Fine, text);
    }

    /// The capture as read so far.
    pub fn store(&self) -> &CaptureStore {
        &self.store
    }

    /// Number of lines in the packet list.
    pub fn shown(&self) -> usize {
        self.list.len()
    }

    /// Memory of the rows and the list, in bytes.
    pub fn memory(&self) -> usize {
        self.store.rows().memory() + self.list.memory()
    }

    /// Whether a thread is working or rows are still to be added.
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
            || self.view.shows_scene() && Some(self.scene.row) != self.scene_row()
            || self
                .object
                .as_ref()
                .is_some_and(|object| object.scan.is_some())
            || self
                .searching
                .as_ref()
                .is_some_and(|search| search.scan.is_some())
    }

    /// Whether the file has been read to its end and no thread is working.
    pub fn is_settled(&self) -> bool {
        !self.is_busy()
    }

    /// The next effect that the terminal has to carry out.
    pub fn next_effect(&mut self) -> Option<TerminalEffect> {
        self.effects.pop_front()
    }

    /// Shows a message on the last line until the next key.
    pub(crate) fn show_message(&mut self, tone: MessageTone, text: impl Into<String>) {
        self.message = Some((tone, text.into()));
    }

    /// The text of a row's line; empty if [`App::prepare`] has not made it.
    pub(crate) fn line(&self, row: u32) -> &str {
        self.line_texts.get(&row).map_or("", String::as_str)
    }

    /// Whether a live capture is running.
    pub(crate) fn is_live(&self) -> bool {
        let recording = self.source.recording.as_ref();
        recording.is_some_and(|recording| !recording.status().ended)
    }

    /// The row after which objects are shown: the selected one, or the reply of
    /// an exchange that is shown on one line.
    pub(crate) fn scene_row(&self) -> Option<u32> {
        let row = self.reference_row?;
        let peer = self.store.row(row).and_then(PacketRow::peer);
        Some(peer.filter(|_| self.list.joined).unwrap_or(row).max(row))
    }

    /// Reference time for ages, in nanoseconds since 1970: now if live, else the
    /// last packet.
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
