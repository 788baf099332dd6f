//! Taking over what the threads have found.

use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use crate::store::{
    PacketFetch, Scan, ScanDomain, ScanJob, ScanQuestion, SceneRequest, SceneThread,
};

use super::{App, MessageTone, View};

/// Rows taken over at once last this long at most, so that keys are answered.
const TAKE: Duration = Duration::from_millis(5);

impl App {
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
            self.forget();
        }
        changed |= self.take_in();
        changed |= self.take_found();
        changed |= self.take_saved();
        changed |= self.take_scene();
        changed |= self.take_ladder();
        changed |= self.view != View::Packets
            && self
                .table
                .basis
                .is_some_and(|basis| basis.rows < self.store.rows().len());
        // Ages and rates go on although nothing comes.
        changed || self.is_live()
    }

    /// Reports the end of `:save`. True if it has ended.
    fn take_saved(&mut self) -> bool {
        let Some(saving) = &self.saving else {
            return false;
        };
        let result = match saving.result.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => Err("it was given up".to_owned()),
        };
        let (name, all) = (saving.name.clone(), saving.all);
        self.saving = None;
        match result {
            Ok(count) => {
                // What comes later is in the temporary file only.
                let rows = self.store.rows();
                let over = self.store.end().is_some()
                    && count == rows.len() as u64 - u64::from(rows.first());
                let text = format!("{count} packets saved in {name}");
                if all && over && self.source.recording.is_some() {
                    self.source.saved_as = Some(name);
                }
                if all && self.quits_when_saved {
                    self.leave(Some(text));
                } else {
                    self.say(MessageTone::Fine, text);
                }
            }
            Err(error) => {
                self.quits_when_saved = false;
                self.say(MessageTone::Wrong, format!("{name}: {error}"));
            }
        }
        true
    }

    /// Forgets what the capture had to drop, so as not to grow beyond all bounds.
    fn forget(&mut self) {
        let Some(recording) = &self.source.recording else {
            return;
        };
        let dropped = recording.status().dropped;
        if dropped == 0 || !self.store.forget(dropped) {
            return;
        }
        let first = self.store.rows().first();
        self.list.forget(first);
        self.marks.retain(|row| *row >= first);
        self.letters.retain(|_, row| *row >= first);
        self.about = self.about.map(|row| row.max(first));
        self.table.basis = None;
        if let Some(object) = &mut self.object {
            object.rows.retain(|row| *row >= first);
        }
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
            match PacketFetch::open(&self.source.path, &layout) {
                Ok(fetch) => self.fetch = Some(fetch),
                Err(error) => self.say(
                    MessageTone::Wrong,
                    format!("cannot read the packets: {error}"),
                ),
            }
        }
        self.extent = layout.extent();
    }

    /// Lets new rows into the list, through the filter.
    pub(crate) fn take_in(&mut self) -> bool {
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
        if let Some(scan) = &self.filtering.scan {
            let mut finished = false;
            while let Some(batch) = scan.next() {
                changed = true;
                finished = batch.finished;
                error = batch.error;
                let done = self.filtering.from.saturating_add(batch.done);
                self.list.extend_passed(rows, &batch.rows, done);
            }
            if finished {
                self.filtering.scan = None;
            }
        }
        if let Some(error) = error {
            self.say(MessageTone::Wrong, error.to_string());
            return true;
        }
        if self.filtering.scan.is_none() && self.filtering.asked < end && !self.list.paused {
            let question = ScanQuestion::Filter(filter.clone());
            let range = self.filtering.asked..end;
            self.filtering.from = range.start;
            self.filtering.asked = end;
            self.filtering.scan = self.scan(question, ScanDomain::All(range), false);
        }
        changed
    }

    /// Begins to go through packets.
    pub(crate) fn scan(
        &self,
        question: ScanQuestion,
        domain: ScanDomain,
        first_only: bool,
    ) -> Option<Scan> {
        Some(Scan::start(ScanJob {
            question,
            domain,
            first_only,
            path: self.source.path.clone(),
            layout: self.store.layout()?.clone(),
            rows: self.store.rows().clone(),
            start: self.store.start(),
            shrinks: self.is_live(),
        }))
    }

    fn take_found(&mut self) -> bool {
        let Some(search) = &mut self.searching else {
            return false;
        };
        let Some(scan) = &search.scan else {
            return false;
        };
        let mut last = None;
        while let Some(batch) = scan.next() {
            search.done = batch.done;
            last = Some(batch);
        }
        let Some(batch) = last else {
            return false;
        };
        if batch.finished {
            search.scan = None;
            match (batch.rows.first(), batch.error) {
                (Some(row), _) => self.found(*row),
                (None, Some(error)) => self.say(MessageTone::Wrong, error.to_string()),
                (None, None) => {
                    let text = format!("no further match of `{}`", search.text);
                    self.say(MessageTone::Wrong, text);
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
        let Some(row) = self.moment() else {
            return false;
        };
        if self.asked != Some(row)
            && let Some(layout) = self.store.layout()
        {
            let path = &self.source.path;
            let past = self
                .past
                .get_or_insert_with(|| SceneThread::new(path.clone()));
            past.ask(SceneRequest {
                row,
                rows: self.store.rows().clone(),
                layout: layout.clone(),
            });
            self.asked = Some(row);
        }
        match self.past.as_ref().and_then(SceneThread::next) {
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
        let Some(scan) = &object.scan else {
            return false;
        };
        let (mut changed, mut finished) = (false, false);
        while let Some(batch) = scan.next() {
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
            object.scan = None;
        }
        if changed {
            self.table.basis = None;
        }
        changed
    }
}
