//! Actions that go from one view or packet to another, and back.

use crate::store::{NONE, PacketRow, ScanDomain, ScanQuestion, StatsGroup};
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_query::filter::Filter;
use dxgtrace_session::check::Severity;

use super::super::app::{App, Arrangement, MessageTone, ObjectLadder, Pane, View};
use super::super::filter_text;
use super::super::table::LineKey;

impl App {
    pub(crate) fn show_view(&mut self, view: View) {
        if view == self.view {
            return;
        }
        if view == View::Packets {
            self.back_stack.clear();
        } else {
            self.back_stack.push(self.view);
        }
        if self.view == View::Packets || self.reference_row.is_none() {
            self.reference_row = self.list.selected_or_wanted();
        }
        if view.shows_scene() && self.reference_row.is_none() {
            self.reference_row = Some(0);
        }
        self.view = view;
    }

    pub(super) fn open_selected(&mut self) {
        match (self.view, self.focus, self.table.selected()) {
            (View::Packets, Pane::List, _) => {
                self.focus = Pane::Tree;
                if self.arrangement == Arrangement::Hidden {
                    self.arrangement = Arrangement::Beside;
                }
            }
            (View::Packets, Pane::Tree, _) => self.detail.toggle(),
            (View::Packets, Pane::Bytes, _) => self.focus = Pane::Tree,
            (_, _, Some(LineKey::Row(row) | LineKey::Finding(row, _))) => {
                self.back_stack.push(self.view);
                self.view = View::Packets;
                self.jump(row);
            }
            (View::Top, _, Some(LineKey::Group(group))) => self.open_group(group),
            (View::Objects, _, Some(LineKey::Object(_))) => self.open_object(),
            (View::Pending, _, Some(LineKey::Wait(at))) => {
                let line = self.scene.waits.get(at as usize);
                let row = line.and_then(|line| self.store.rows().at_number(line.packet));
                if let Some(row) = row {
                    self.back_stack.push(self.view);
                    self.view = View::Packets;
                    self.jump(row);
                }
            }
            _ => {}
        }
    }

    /// Shows the ladder of the object under the cursor, or else of the selected
    /// packet's process.
    pub(super) fn show_ladder(&mut self) {
        self.object = self.object_here().and_then(|(title, kinds, handle, pid)| {
            let filter = Filter::parse(&filter_text::object_filter(&kinds, handle)?).ok()?;
            let rows = self.store.rows();
            let all = ScanDomain::All(rows.first()..rows.len() as u32);
            Some(ObjectLadder {
                title,
                pid,
                rows: Vec::new(),
                scan: self.scan(ScanQuestion::Filter(filter), all, false),
            })
        });
        self.table.basis = None;
        self.show_view(View::Ladder);
    }

    /// The object under the cursor: its title, possible kinds, handle, and the
    /// process in which the handle is valid (`None` if in all).
    fn object_here(&self) -> Option<(String, Vec<ObjectKind>, u64, Option<u32>)> {
        match (self.view, self.focus) {
            (View::Objects, _) => {
                let Some(LineKey::Object(at)) = self.table.selected() else {
                    return None;
                };
                let object = self.scene.objects.get(at as usize)?;
                let entity = object.entity?;
                let own = entity.process_handle != 0 && entity.created.pid != 0;
                let pid = own.then_some(entity.created.pid);
                Some((object.label.clone(), vec![entity.kind?], entity.handle, pid))
            }
            (View::Packets, Pane::Tree | Pane::Bytes) => {
                let line = self.detail.selected()?;
                let (kinds, handle) = line.object?;
                let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                let row = self.store.row(self.list.selected()?)?;
                let process = self.store.processes().get(row.process as usize);
                // Host events name objects without a process.
                let pid = process.map(|process| process.pid).filter(|pid| *pid != 0);
                let title = format!("{} {handle:#x}", names.join(" or "));
                Some((title, kinds.to_vec(), handle, pid))
            }
            _ => None,
        }
    }

    /// Goes to the packet that created the object under the cursor.
    pub(super) fn open_object(&mut self) {
        let Some(LineKey::Object(at)) = self.table.selected() else {
            return;
        };
        let entity = self
            .scene
            .objects
            .get(at as usize)
            .and_then(|object| object.entity);
        match entity {
            Some(entity) if entity.predates_capture() => {
                self.show_message(
                    MessageTone::Wrong,
                    "it existed before the capture, or its creation is missing",
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

    /// Opens a line of the top view: the ladder of a process, or the packets of
    /// a channel.
    pub(super) fn open_group(&mut self, group: StatsGroup) {
        let is_of = |row: &PacketRow| match group {
            StatsGroup::Process(process) => row.process == process,
            StatsGroup::Channel(channel) => row.channel() == channel,
            StatsGroup::Nobody => row.process == NONE,
            StatsGroup::All => true,
        };
        let first = {
            let mut rows = self.store.rows().iter_from(0);
            rows.find(|(_, row)| is_of(row)).map(|(index, _)| index)
        };
        match (group, first) {
            (StatsGroup::Channel(channel), _) => {
                let channel = self.store.channels().get(usize::from(channel));
                let text =
                    channel.map(|channel| format!("frame.interface_name == \"{}\"", channel.name));
                if let Some(text) = text {
                    self.show_view(View::Packets);
                    self.set_filter(&text);
                }
            }
            (StatsGroup::Process(_), Some(first)) => {
                self.object = None;
                self.show_view(View::Ladder);
                self.reference_row = Some(first);
            }
            _ => self.show_view(View::Packets),
        }
    }

    pub(super) fn go_back(&mut self) {
        if let Some(search) = &mut self.searching
            && search.scan.take().is_some()
        {
            self.show_message(MessageTone::Fine, "search cancelled");
            return;
        }
        if let Some(view) = self.back_stack.pop() {
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

    /// Goes to a row of the packet list. Bookmarks the current one as `'`, so
    /// that `''` comes back.
    pub(crate) fn jump(&mut self, row: u32) {
        if let Some(here) = self.list.selected() {
            self.bookmarks.insert('\'', here);
        }
        if self.view != View::Packets {
            self.back_stack.push(self.view);
            self.view = View::Packets;
        }
        if !self.list.select(self.store.rows(), row) {
            let number = self.store.row(row).map_or(0, |row| row.number());
            let text = format!("packet {number} does not pass the filter; here is the next one");
            self.show_message(MessageTone::Wrong, text);
        }
    }

    /// Moves the point in time of the view by `by` lines of the packet list.
    fn move_in_time(&mut self, by: isize) {
        self.list.step(by);
        self.reference_row = self.list.selected().or(self.reference_row);
    }

    pub(super) fn next_in_exchange(&mut self, forward: bool, count: u32) {
        match self.view {
            View::Packets => {}
            View::Objects | View::Pending => {
                let by = isize::try_from(count).unwrap_or(isize::MAX);
                return self.move_in_time(if forward { by } else { -by });
            }
            _ => return,
        }
        let half = self.detail.selected().map_or(0, |line| line.half);
        if self.list.joined && self.detail.halves.len() > 1 {
            // The tree shows both: go to the other one in it.
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
            None => self.show_message(MessageTone::Wrong, "this packet is not part of an exchange"),
        }
    }

    pub(super) fn next_finding(&mut self, forward: bool) {
        match self.finding_beside(forward) {
            Some(row) => self.jump(row),
            None => self.show_message(MessageTone::Wrong, "no further findings in this direction"),
        }
    }

    /// The row of the nearest line with a finding, after or before the selected
    /// line.
    pub(super) fn finding_beside(&self, forward: bool) -> Option<u32> {
        let rows = self.store.rows();
        let is_found = |row: &u32| {
            let Some(found) = rows.get(*row) else {
                return false;
            };
            let peer = found.peer().filter(|_| self.list.joined);
            let peer = peer
                .and_then(|peer| rows.get(peer))
                .and_then(PacketRow::severity);
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

    pub(super) fn set_bookmark(&mut self, letter: Option<char>) {
        if let (Some(letter), Some(row)) = (letter, self.list.selected()) {
            self.bookmarks.insert(letter, row);
            let number = self.store.row(row).map_or(0, |row| row.number());
            self.show_message(MessageTone::Fine, format!("'{letter} is packet {number}"));
        }
    }

    pub(super) fn go_to_bookmark(&mut self, letter: Option<char>) {
        let Some(letter) = letter else {
            return;
        };
        match self.bookmarks.get(&letter) {
            Some(row) => self.jump(*row),
            None => self.show_message(
                MessageTone::Wrong,
                format!("there is no bookmark {letter}; m{letter} sets it"),
            ),
        }
    }
}
