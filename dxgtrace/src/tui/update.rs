//! What actions do to the state.

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::check::Severity;
use crate::filter::Filter;
use crate::store::{Domain, Question, Row, Text};

use super::action::{Action, Request};
use super::app::{App, Arrangement, Effect, Filtering, ObjectLadder, Pane, Searching, Tone, View};
use super::keys::Stroke;
use super::prompt::{Outcome, Place, Prompt, Purpose, Verdict};
use super::table::Key;
use super::views::places::Places;
use super::{command, config, literal, theme};

/// Lines of history that are kept.
const HISTORY: usize = 100;

impl App {
    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.message = None;
        if self.asks_to_quit {
            self.answer(Stroke::of(key));
        } else if self.prompt.is_some() {
            self.type_key(key);
        } else if let Some(request) = self.keymap.press(Stroke::of(key)) {
            self.apply(request);
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.judge();
        }
    }

    /// Does what was asked for.
    pub fn apply(&mut self, request: Request) {
        let count = request.count.unwrap_or(1).max(1);
        let by = isize::try_from(count).unwrap_or(isize::MAX);
        if let Some(scroll) = self.help {
            return self.apply_in_help(request.action, scroll);
        }
        let page = Places::of(self).page(self) as isize;
        match request.action {
            Action::Down => self.step(by),
            Action::Up => self.step(-by),
            Action::PageDown => self.step(by.saturating_mul(page)),
            Action::PageUp => self.step(by.saturating_mul(-page)),
            Action::HalfDown => self.step(by.saturating_mul((page / 2).max(1))),
            Action::HalfUp => self.step(by.saturating_mul(-(page / 2).max(1))),
            Action::Top => self.top(request.count),
            Action::Bottom => self.step(isize::MAX),
            Action::Left => self.sideways(-by),
            Action::Right => self.sideways(by),
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(2),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Arrange => self.arrange(),
            Action::Grow => self.resize(5),
            Action::Shrink => self.resize(-5),
            Action::Open => self.open(),
            Action::Back => self.back(),
            Action::NextInExchange => self.in_exchange(true),
            Action::PreviousInExchange => self.in_exchange(false),
            Action::NextFinding => self.next_finding(true),
            Action::PreviousFinding => self.next_finding(false),
            Action::Filter => self.ask(Purpose::Filter, &self.filtering.text.clone()),
            Action::FilterField => self.filter_field(false),
            Action::FilterAlso => self.filter_field(true),
            Action::FilterClear => {
                self.set_filter("");
            }
            Action::Search => self.ask(Purpose::Search(self.search_place()), ""),
            Action::NextMatch => self.next_match(true),
            Action::PreviousMatch => self.next_match(false),
            Action::Mark => self.mark(),
            Action::SetPlace => self.set_place(request.letter),
            Action::GoToPlace => self.go_to_place(request.letter),
            Action::Pause => self.pause(),
            Action::Follow => self.follow(),
            Action::Exchanges => self.exchanges(),
            Action::Packets => self.show(View::Packets),
            Action::Findings => self.show(View::Findings),
            Action::Objects => self.show(View::Objects),
            Action::Pending => self.show(View::Pending),
            Action::TopView => self.show(View::Top),
            Action::Ladder => self.ladder(),
            Action::Copy => self.copy(),
            Action::Time => self.next_time(),
            Action::Theme => self.next_theme(),
            Action::Help => self.help = Some(0),
            Action::Command => self.ask(Purpose::Command, ""),
            Action::Quit => self.quit(),
            Action::QuitNow => self.quit_now(),
            Action::Redraw => self.effects.push_back(Effect::Redraw),
            Action::Suspend => self.effects.push_back(Effect::Suspend),
        }
    }

    fn apply_in_help(&mut self, action: Action, scroll: usize) {
        let page = usize::from(self.area.height.saturating_sub(4)).max(1);
        self.help = match action {
            Action::Down => Some(scroll + 1),
            Action::Up => Some(scroll.saturating_sub(1)),
            Action::PageDown | Action::HalfDown => Some(scroll + page),
            Action::PageUp | Action::HalfUp => Some(scroll.saturating_sub(page)),
            Action::Top => Some(0),
            Action::Bottom => Some(usize::MAX),
            _ => None,
        };
        let last = super::views::help::last(self);
        self.help = self.help.map(|scroll| scroll.min(last));
        if action == Action::Quit {
            self.quit();
        }
    }

    // Moving

    fn step(&mut self, by: isize) {
        match (self.view, self.focus) {
            (View::Packets, Pane::List) => self.list.step(by),
            (View::Packets, Pane::Tree) => self.detail.step(by),
            (View::Packets, Pane::Bytes) => {
                let width = Places::of(self).bytes_per_line().max(1) as isize;
                self.detail.step_byte(by.saturating_mul(width));
            }
            _ => self.table.cursor.step(by, self.table.keys.len()),
        }
    }

    fn top(&mut self, number: Option<u32>) {
        match (number, self.view) {
            (Some(number), _) => match self.store.rows().at_number(u64::from(number)) {
                Some(row) => self.jump(row),
                None => self.say(Tone::Wrong, format!("there is no packet {number}")),
            },
            (None, _) => self.step(isize::MIN),
        }
    }

    fn sideways(&mut self, by: isize) {
        match (self.view, self.focus) {
            (View::Packets, Pane::Bytes) => self.detail.step_byte(by),
            (View::Packets, Pane::Tree) if by > 0 => self.detail.unfold(),
            (View::Packets, Pane::Tree) => self.detail.fold(),
            _ => {}
        }
    }

    fn turn(&mut self, by: usize) {
        if self.view != View::Packets {
            return;
        }
        const PANES: [Pane; 3] = [Pane::List, Pane::Tree, Pane::Bytes];
        let at = PANES.iter().position(|pane| *pane == self.focus);
        let next = (at.unwrap_or(0) + by) % PANES.len();
        self.focus = PANES.get(next).copied().unwrap_or_default();
        if self.arrangement == Arrangement::Hidden {
            self.arrangement = Arrangement::Beside;
        }
    }

    fn arrange(&mut self) {
        self.arrangement = match self.arrangement {
            Arrangement::Beside => Arrangement::Stacked,
            Arrangement::Stacked => Arrangement::Hidden,
            Arrangement::Hidden => Arrangement::Beside,
        };
        if self.arrangement == Arrangement::Hidden {
            self.focus = Pane::List;
        }
    }

    fn resize(&mut self, by: i16) {
        if self.view == View::Findings {
            let at = self.mildest as usize;
            let at = if by > 0 { at + 1 } else { at.saturating_sub(1) };
            self.mildest = Severity::ALL.get(at).copied().unwrap_or(self.mildest);
        } else {
            self.share = self.share.saturating_add_signed(by).clamp(15, 85);
        }
    }

    // Going somewhere

    pub(super) fn show(&mut self, view: View) {
        if view == self.view {
            return;
        }
        if view == View::Packets {
            self.before.clear();
        } else {
            self.before.push(self.view);
        }
        if self.view == View::Packets || self.about.is_none() {
            self.about = self.list.selected();
        }
        if view == View::Objects && self.about.is_none() {
            self.about = Some(0);
        }
        self.view = view;
    }

    fn open(&mut self) {
        match (self.view, self.focus, self.table.selected()) {
            (View::Packets, Pane::List, _) => {
                self.focus = Pane::Tree;
                if self.arrangement == Arrangement::Hidden {
                    self.arrangement = Arrangement::Beside;
                }
            }
            (View::Packets, Pane::Tree, _) => self.detail.toggle(),
            (View::Packets, Pane::Bytes, _) => self.focus = Pane::Tree,
            (_, _, Some(Key::Row(row) | Key::Finding(row, _))) => {
                self.before.push(self.view);
                self.view = View::Packets;
                self.jump(row);
            }
            (View::Top, _, Some(Key::Group(group))) => self.open_group(group),
            (View::Objects, _, Some(Key::Object(_))) => self.open_object(),
            _ => {}
        }
    }

    /// The ladder of the object under the cursor, or of the packet's process.
    fn ladder(&mut self) {
        let object = match (self.view, self.table.selected()) {
            (View::Objects, Some(Key::Object(at))) => self
                .scene
                .things
                .get(at as usize)
                .and_then(|thing| Some((thing.label.clone(), thing.entity?))),
            _ => None,
        };
        self.object = object.and_then(|(title, entity)| {
            let filter = Filter::parse(&literal::of_object(&entity)?).ok()?;
            let all = Domain::All(0..self.store.rows().len() as u32);
            Some(ObjectLadder {
                title,
                // A handle means something only in its process.
                pid: (entity.process_handle != 0 && entity.created.pid != 0)
                    .then_some(entity.created.pid),
                rows: Vec::new(),
                sifting: self.sift(Question::Filter(filter), all, false),
            })
        });
        self.table.basis = None;
        self.show(View::Ladder);
    }

    /// The packet that created the object under the cursor.
    fn open_object(&mut self) {
        let Some(Key::Object(at)) = self.table.selected() else {
            return;
        };
        let entity = self
            .scene
            .things
            .get(at as usize)
            .and_then(|thing| thing.entity);
        match entity {
            Some(entity) if entity.is_from_before() => {
                self.say(
                    Tone::Wrong,
                    "it was there before the capture, or its creation is missing",
                );
            }
            Some(entity) => {
                if let Some(row) = self.store.rows().at_number(entity.created.packet) {
                    self.jump(row);
                }
            }
            None => {}
        }
    }

    /// A process in the list of counts: its ladder.
    fn open_group(&mut self, group: crate::store::Group) {
        use crate::store::Group;
        let is_of = |row: &Row| match group {
            Group::Process(process) => row.process == process,
            Group::Channel(channel) => row.channel() == channel,
            Group::Nobody => row.process == crate::store::NONE,
            Group::All => true,
        };
        let first = {
            let mut rows = self.store.rows().iter_from(0);
            rows.find(|(_, row)| is_of(row)).map(|(index, _)| index)
        };
        match (group, first) {
            (Group::Channel(channel), _) => {
                let channel = self.store.channels().get(usize::from(channel));
                let text =
                    channel.map(|channel| format!("frame.interface_name == \"{}\"", channel.name));
                if let Some(text) = text {
                    self.show(View::Packets);
                    self.set_filter(&text);
                }
            }
            (Group::Process(_), Some(first)) => {
                self.object = None;
                self.show(View::Ladder);
                self.about = Some(first);
            }
            _ => self.show(View::Packets),
        }
    }

    fn back(&mut self) {
        if let Some(search) = &mut self.searching
            && search.sifting.take().is_some()
        {
            self.say(Tone::Fine, "search given up");
            return;
        }
        if let Some(view) = self.before.pop() {
            self.view = view;
        } else if self.view != View::Packets {
            self.view = View::Packets;
        } else if self.zoomed {
            self.zoomed = false;
        } else if self.focus != Pane::List {
            self.focus = Pane::List;
        } else {
            self.quit();
        }
    }

    /// Goes to a row of the packet list; '' comes back.
    pub(super) fn jump(&mut self, row: u32) {
        if let Some(here) = self.list.selected() {
            self.letters.insert('\'', here);
        }
        if self.view != View::Packets {
            self.before.push(self.view);
            self.view = View::Packets;
        }
        if !self.list.select(self.store.rows(), row) {
            let number = self.store.row(row).map_or(0, |row| row.number());
            let text = format!("packet {number} does not pass the filter; here is the next one");
            self.say(Tone::Wrong, text);
        }
    }

    fn in_exchange(&mut self, forward: bool) {
        if self.view != View::Packets {
            return;
        }
        let half = self.detail.selected().map_or(0, |line| line.half);
        if self.list.joined && self.detail.halves.len() > 1 {
            // Both are shown: go to the other one's tree.
            let wanted = usize::from(forward);
            if half != wanted {
                let first = self.detail.lines().position(|line| line.half == wanted);
                self.detail.cursor.at = first.unwrap_or(0);
            }
            return;
        }
        let selected = self.list.selected().and_then(|row| self.store.row(row));
        match selected.and_then(|row| Some((row.is_joined_reply(), row.peer()?))) {
            Some((is_reply, peer)) if is_reply != forward => self.jump(peer),
            Some(_) => {}
            None => self.say(Tone::Wrong, "this packet is not part of an exchange"),
        }
    }

    fn next_finding(&mut self, forward: bool) {
        match self.finding_beside(forward) {
            Some(row) => self.jump(row),
            None => self.say(Tone::Wrong, "no further findings in this direction"),
        }
    }

    /// The nearest line with a finding in one direction.
    fn finding_beside(&self, forward: bool) -> Option<u32> {
        let rows = self.store.rows();
        let is_found = |row: &u32| {
            let Some(found) = rows.get(*row) else {
                return false;
            };
            let peer = found.peer().filter(|_| self.list.joined);
            let peer = peer.and_then(|peer| rows.get(peer)).and_then(Row::severity);
            found.severity().max(peer) >= Some(Severity::Note)
        };
        let (at, length) = (self.list.cursor.at, self.list.len());
        if forward {
            let lines = at.saturating_add(1)..length;
            lines.filter_map(|line| self.list.row(line)).find(is_found)
        } else {
            let lines = (0..at.min(length)).rev();
            lines.filter_map(|line| self.list.row(line)).find(is_found)
        }
    }

    fn set_place(&mut self, letter: Option<char>) {
        if let (Some(letter), Some(row)) = (letter, self.list.selected()) {
            self.letters.insert(letter, row);
            let number = self.store.row(row).map_or(0, |row| row.number());
            self.say(Tone::Fine, format!("'{letter} is packet {number}"));
        }
    }

    fn go_to_place(&mut self, letter: Option<char>) {
        let Some(letter) = letter else {
            return;
        };
        match self.letters.get(&letter) {
            Some(row) => self.jump(*row),
            None => self.say(
                Tone::Wrong,
                format!("no packet is called {letter}; m{letter} does"),
            ),
        }
    }

    // The list

    fn pause(&mut self) {
        self.list.paused = !self.list.paused;
        let text = match self.list.paused {
            true => "paused: new packets are kept, and shown when you press Space again",
            false => "new packets are shown as they come",
        };
        self.say(Tone::Fine, text);
    }

    fn follow(&mut self) {
        self.list.paused = false;
        self.list.follow();
        if self.view != View::Packets {
            self.show(View::Packets);
        }
    }

    fn exchanges(&mut self) {
        let joined = !self.list.joined;
        self.list.set_joined(self.store.rows(), joined);
        self.detail.forget();
        let text = match joined {
            true => "replies stand on the line of their request",
            false => "every packet stands on a line of its own",
        };
        self.say(Tone::Fine, text);
    }

    fn mark(&mut self) {
        if let Some(row) = self.list.selected() {
            if !self.marks.remove(&row) {
                self.marks.insert(row);
            }
            self.say(
                Tone::Fine,
                format!("{} marked; :save marked FILE", self.marks.len()),
            );
        }
    }

    fn copy(&mut self) {
        let text = match (self.view, self.focus) {
            (View::Packets, Pane::List) => super::views::packets::line_text(self),
            (View::Packets, Pane::Tree) => self.detail.selected().map(|line| {
                let colon = if line.text.is_empty() { "" } else { ": " };
                let name = line.field.as_deref().unwrap_or(&line.label);
                format!("{name}{colon}{}", line.text)
            }),
            (View::Packets, Pane::Bytes) => self.detail.shown_half().map(|half| {
                let marked = self.detail.marked();
                let end = marked.end.min(half.bytes.len());
                let bytes = half.bytes.get(marked.start.min(end)..end).unwrap_or(&[]);
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }),
            _ => super::views::tables::selected_text(self),
        };
        match text {
            Some(text) => {
                self.say(Tone::Fine, format!("copied: {text}"));
                self.effects.push_back(Effect::Copy(text));
            }
            None => self.say(Tone::Wrong, "there is nothing to copy"),
        }
    }

    // Looks

    fn next_time(&mut self) {
        let at = config::TIMES
            .iter()
            .position(|(_, format)| *format == self.time);
        let next = (at.unwrap_or(0) + 1) % config::TIMES.len();
        if let Some((name, format)) = config::TIMES.get(next) {
            self.time = *format;
            self.say(Tone::Fine, format!("times: {name}"));
        }
    }

    fn next_theme(&mut self) {
        let themes = theme::themes();
        let at = themes.iter().position(|theme| *theme == self.theme);
        let next = (at.unwrap_or(0) + 1) % themes.len();
        if let Some(theme) = themes.into_iter().nth(next) {
            self.say(Tone::Fine, format!("theme: {}", theme.name));
            self.theme = theme;
        }
    }

    // Filters and searches

    /// Applies a filter. False if it makes no sense.
    pub(super) fn set_filter(&mut self, text: &str) -> bool {
        match Filter::parse(text) {
            Ok(filter) => {
                let filter = (!filter.is_empty()).then_some(filter);
                self.list.restart(filter.is_some());
                self.filtering = Filtering {
                    text: text.trim().to_owned(),
                    filter,
                    ..Filtering::default()
                };
                true
            }
            Err(error) => {
                self.say(Tone::Wrong, error.to_string());
                false
            }
        }
    }

    fn filter_field(&mut self, also: bool) {
        let Some(condition) = literal::condition(self) else {
            self.say(
                Tone::Wrong,
                "no filter names this line; choose a field of the tree",
            );
            return;
        };
        let text = match (also, self.filtering.text.as_str()) {
            (true, old) if !old.is_empty() => format!("({old}) and {condition}"),
            _ => condition,
        };
        if self.set_filter(&text) {
            remember(&mut self.histories, Purpose::Filter, &text);
            self.show(View::Packets);
        }
    }

    fn search_place(&self) -> Place {
        match self.focus {
            Pane::List => Place::List,
            Pane::Tree => Place::Tree,
            Pane::Bytes => Place::Bytes,
        }
    }

    fn search(&mut self, place: Place, text: &str) {
        let question = match place {
            Place::List => Question::Line(Text::new(text)),
            Place::Tree => Question::Tree(Text::new(text)),
            Place::Bytes => match literal::bytes(text) {
                Some(bytes) => Question::Bytes(bytes),
                None => {
                    self.say(
                        Tone::Wrong,
                        "bytes are hexadecimal, such as 0d 00 00 c0, or \"text\"",
                    );
                    return;
                }
            },
        };
        self.searching = Some(Searching {
            text: text.to_owned(),
            question,
            sifting: None,
            done: 0,
        });
        self.next_match(true);
    }

    fn next_match(&mut self, forward: bool) {
        let Some(search) = &self.searching else {
            self.say(Tone::Wrong, "nothing has been searched for; ctrl-f does");
            return;
        };
        let domain = self.list.domain(self.store.rows(), forward);
        let sifting = self.sift(search.question.clone(), domain, true);
        if let Some(search) = &mut self.searching {
            search.sifting = sifting;
            search.done = 0;
        }
    }

    /// A search has found a row.
    pub(super) fn found(&mut self, row: u32) {
        self.jump(row);
        let joined = self.list.joined;
        let time = self.time;
        let selected = self.list.selected();
        let (store, fetch) = (&self.store, self.fetch.as_mut());
        self.detail.load(store, fetch, selected, joined, time);
        match self.searching.as_ref().map(|search| &search.question) {
            Some(Question::Tree(text)) => {
                self.detail.find(|line| text.is_in(line));
            }
            Some(Question::Bytes(bytes)) => self.detail.find_bytes(bytes),
            _ => {}
        }
    }

    // Typing

    pub(super) fn ask(&mut self, purpose: Purpose, text: &str) {
        self.prompt = Some(Prompt::new(purpose, text));
        self.judge();
    }

    fn type_key(&mut self, key: &KeyEvent) {
        let Some(mut prompt) = self.prompt.take() else {
            return;
        };
        let history = self.histories.get(slot(prompt.purpose));
        match prompt.press(key, history.map_or(&[], Vec::as_slice)) {
            Outcome::Typing => {
                let chosen = prompt.chosen.is_some();
                self.prompt = Some(prompt);
                // While completions are gone through, their list stays.
                if chosen {
                    self.judge_only();
                } else {
                    self.judge();
                }
            }
            Outcome::GivenUp => {}
            Outcome::Done => self.enter(prompt),
        }
    }

    fn enter(&mut self, prompt: Prompt) {
        let text = prompt.text.trim().to_owned();
        let done = match prompt.purpose {
            Purpose::Filter => self.set_filter(&text),
            Purpose::Search(place) => {
                if !text.is_empty() {
                    self.search(place, &text);
                }
                true
            }
            Purpose::Command => {
                command::run(self, &text);
                true
            }
        };
        if done {
            remember(&mut self.histories, prompt.purpose, &text);
            if prompt.purpose == Purpose::Filter && self.view != View::Packets {
                self.show(View::Packets);
            }
        } else {
            self.prompt = Some(prompt);
        }
    }

    /// Says how the typed line looks, and what could come next.
    fn judge(&mut self) {
        self.judge_only();
        if let Some(prompt) = &mut self.prompt {
            prompt.completions = match prompt.purpose {
                Purpose::Filter => literal::completions(&prompt.text, prompt.cursor),
                Purpose::Search(_) => Vec::new(),
                Purpose::Command => command::completions(&prompt.text, prompt.cursor),
            };
        }
    }

    fn judge_only(&mut self) {
        if let Some(prompt) = &mut self.prompt {
            prompt.verdict = match prompt.purpose {
                Purpose::Filter => match Filter::parse(&prompt.text) {
                    Ok(_) => Verdict::Good,
                    Err(error) if error.is_incomplete() => Verdict::Incomplete(error.to_string()),
                    Err(error) => Verdict::Bad(error.to_string()),
                },
                Purpose::Search(Place::Bytes) if literal::bytes(&prompt.text).is_none() => {
                    Verdict::Incomplete("hexadecimal bytes, or \"text\"".to_owned())
                }
                Purpose::Search(_) => Verdict::Good,
                Purpose::Command => command::judge(&prompt.text),
            };
        }
    }

    // Leaving

    /// Leaves, or asks first if something would be lost.
    pub(super) fn quit(&mut self) {
        if self.saving.is_some() {
            self.say(
                Tone::Wrong,
                "packets are still being saved; ZQ quits all the same",
            );
        } else if self.source.unsaved {
            self.asks_to_quit = true;
        } else {
            self.quit_now();
        }
    }

    /// Leaves. A capture that nobody saved stays where it is.
    pub(super) fn quit_now(&mut self) {
        let packets = self.store.rows().len();
        let text = match &self.source.recording {
            Some(_) => Some(format!(
                "{packets} packets saved in {}",
                self.source.path.display()
            )),
            None => None,
        };
        self.effects.push_back(Effect::Quit(text));
    }

    fn answer(&mut self, stroke: Stroke) {
        self.asks_to_quit = false;
        match stroke.letter() {
            Some('k' | 'K') => self.quit_now(),
            Some('d' | 'D') => match std::fs::remove_file(&self.source.path) {
                Ok(()) => self.effects.push_back(Effect::Quit(None)),
                Err(error) => self.say(Tone::Wrong, format!("cannot delete it: {error}")),
            },
            Some('s' | 'S') => self.ask(Purpose::Command, "save all "),
            _ => {}
        }
    }
}

/// The history of a purpose.
fn slot(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Filter => 0,
        Purpose::Search(_) => 1,
        Purpose::Command => 2,
    }
}

fn remember(histories: &mut [Vec<String>; 3], purpose: Purpose, text: &str) {
    if let Some(history) = histories.get_mut(slot(purpose))
        && !text.is_empty()
        && history.last().is_none_or(|last| last != text)
    {
        if history.len() >= HISTORY {
            history.remove(0);
        }
        history.push(text.to_owned());
    }
}
