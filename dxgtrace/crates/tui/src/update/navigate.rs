//! Navigation from one view or packet to another, and back.

use crate::store::{NONE, PacketRow, ScanDomain, ScanQuestion, StatsGroup};
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_query::filter::Filter;
use dxgtrace_session::check::Severity;

use super::super::app::{App, Arrangement, MessageTone, ObjectLadder, Pane, View};
use super::super::literal;
use super::super::table::LineKey;

impl App {
    pub(crate) fn show(&mut self, view: View) {
        if view == self.view {
            return;
        }
        if view == View::Packets {
            self.before.clear();
        } else {
            self.before.push(self.view);
        }
        if self.view == View::Packets || self.about.is_none() {
            self.about = self.list.here();
        }
        if view == View::Objects && self.about.is_none() {
            self.about = Some(0);
        }
        self.view = view;
    }

    pub(super) fn open(&mut self) {
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
                self.before.push(self.view);
                self.view = View::Packets;
                self.jump(row);
            }
            (View::Top, _, Some(LineKey::Group(group))) => self.open_group(group),
            (View::Objects, _, Some(LineKey::Object(_))) => self.open_object(),
            _ => {}
        }
    }

    /// The ladder of the object under the cursor, or of the packet's process.
    pub(super) fn ladder(&mut self) {
        self.object = self.object_here().and_then(|(title, kinds, handle, pid)| {
            let filter = Filter::parse(&literal::of_object(&kinds, handle)?).ok()?;
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
        self.show(View::Ladder);
    }

    /// The object under the cursor: what it is called, the kinds that it may be
    /// of, its handle, and the process in which that means something.
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

    /// The packet that created the object under the cursor.
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
            Some(entity) if entity.is_from_before() => {
                self.say(
                    MessageTone::Wrong,
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
                    self.show(View::Packets);
                    self.set_filter(&text);
                }
            }
            (StatsGroup::Process(_), Some(first)) => {
                self.object = None;
                self.show(View::Ladder);
                self.about = Some(first);
            }
            _ => self.show(View::Packets),
        }
    }

    pub(super) fn back(&mut self) {
        if let Some(search) = &mut self.searching
            && search.scan.take().is_some()
        {
            self.say(MessageTone::Fine, "search given up");
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
    pub(crate) fn jump(&mut self, row: u32) {
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
            self.say(MessageTone::Wrong, text);
        }
    }

    /// In the views that show a point of time: to another one, `by` lines of the
    /// packet list away.
    fn travel(&mut self, by: isize) {
        self.list.step(by);
        self.about = self.list.selected().or(self.about);
    }

    pub(super) fn in_exchange(&mut self, forward: bool, count: u32) {
        match self.view {
            View::Packets => {}
            View::Objects | View::Pending => {
                let by = isize::try_from(count).unwrap_or(isize::MAX);
                return self.travel(if forward { by } else { -by });
            }
            _ => return,
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
            None => self.say(MessageTone::Wrong, "this packet is not part of an exchange"),
        }
    }

    pub(super) fn next_finding(&mut self, forward: bool) {
        match self.finding_beside(forward) {
            Some(row) => self.jump(row),
            None => self.say(MessageTone::Wrong, "no further findings in this direction"),
        }
    }

    /// The nearest line with a finding in one direction.
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

    pub(super) fn set_place(&mut self, letter: Option<char>) {
        if let (Some(letter), Some(row)) = (letter, self.list.selected()) {
            self.letters.insert(letter, row);
            let number = self.store.row(row).map_or(0, |row| row.number());
            self.say(MessageTone::Fine, format!("'{letter} is packet {number}"));
        }
    }

    pub(super) fn go_to_place(&mut self, letter: Option<char>) {
        let Some(letter) = letter else {
            return;
        };
        match self.letters.get(&letter) {
            Some(row) => self.jump(*row),
            None => self.say(
                MessageTone::Wrong,
                format!("no packet is called {letter}; m{letter} does"),
            ),
        }
    }
}
