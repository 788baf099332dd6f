//! Adds the results of the background threads to the state: rows of the index,
//! matches of filters and searches, objects, the end of `:save`.

use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use crate::store::{
    PacketFetch, Scan, ScanDomain, ScanJob, ScanQuestion, SceneRequest, SceneThread,
};

use super::{App, MessageTone, View};

/// Longest time that one tick adds rows for, so that the screen stays
/// responsive.
const MAX_TICK: Duration = Duration::from_millis(5);

impl App {
    /// Adds the results of the threads. True if the screen must be redrawn.
    pub fn tick(&mut self) -> bool {
        let begun = Instant::now();
        let mut changed = false;
        while let Some(chunk) = self.source.next() {
            changed = true;
            self.store.add_chunk(chunk);
            if begun.elapsed() > MAX_TICK {
                break;
            }
        }
        if changed {
            self.update_fetch();
            self.drop_old_rows();
        }
        changed |= self.add_new_rows();
        changed |= self.poll_search();
        changed |= self.poll_save();
        changed |= self.poll_scene();
        changed |= self.poll_ladder();
        changed |= self.view != View::Packets
            && self
                .table
                .basis
                .is_some_and(|basis| basis.rows < self.store.rows().len());
        // Ages and rates change even if no packet arrives.
        changed || self.is_live()
    }

    /// Shows the result of `:save` once it has ended. True if it has.
    fn poll_save(&mut self) -> bool {
        let Some(saving) = &self.saving else {
            return false;
        };
        let result = match saving.result.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => Err("saving was aborted".to_owned()),
        };
        let (name, all) = (saving.name.clone(), saving.all);
        self.saving = None;
        match result {
            Ok(count) => {
                // Packets captured after saving began are not in the saved file.
                let rows = self.store.rows();
                let over = self.store.end().is_some()
                    && count == rows.len() as u64 - u64::from(rows.first());
                let text = format!("{count} packets saved in {name}");
                if all && over && self.source.recording.is_some() {
                    self.source.saved_as = Some(name);
                }
                if all && self.quit_when_saved {
                    self.quit_with(Some(text));
                } else {
                    self.show_message(MessageTone::Fine, text);
                }
            }
            Err(error) => {
                self.quit_when_saved = false;
                self.show_message(MessageTone::Wrong, format!("{name}: {error}"));
            }
        }
        true
    }

    /// Drops the rows whose records the live capture has dropped from its file.
    fn drop_old_rows(&mut self) {
        let Some(recording) = &self.source.recording else {
            return;
        };
        let dropped = recording.status().dropped;
        if dropped == 0 || !self.store.drop_before(dropped) {
            return;
        }
        let first = self.store.rows().first();
        self.list.drop_before(first);
        self.marks.retain(|row| *row >= first);
        self.bookmarks.retain(|_, row| *row >= first);
        self.reference_row = self.reference_row.map(|row| row.max(first));
        self.table.basis = None;
        if let Some(object) = &mut self.object {
            object.rows.retain(|row| *row >= first);
        }
    }

    /// Opens the file for reading packets, or passes on its new layout.
    fn update_fetch(&mut self) {
        let Some(layout) = self.store.layout().cloned() else {
            return;
        };
        if let Some(fetch) = &mut self.fetch {
            if layout.extent() != self.layout_extent {
                fetch.set_layout(&layout);
            }
        } else {
            match PacketFetch::open(&self.source.path, &layout) {
                Ok(fetch) => self.fetch = Some(fetch),
                Err(error) => self.show_message(
                    MessageTone::Wrong,
                    format!("cannot read the packets: {error}"),
                ),
            }
        }
        self.layout_extent = layout.extent();
    }

    /// Adds new rows to the list; with a filter, those that its scan has passed.
    pub(crate) fn add_new_rows(&mut self) -> bool {
        let end = self.store.rows().len() as u32;
        let rows = self.store.rows();
        let behind = self.list.is_behind();
        if behind {
            self.list.make_lines(rows);
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
            self.show_message(MessageTone::Wrong, error.to_string());
            return true;
        }
        if self.filtering.scan.is_none() && self.filtering.scanned < end && !self.list.paused {
            let question = ScanQuestion::Filter(filter.clone());
            let range = self.filtering.scanned..end;
            self.filtering.from = range.start;
            self.filtering.scanned = end;
            self.filtering.scan = self.scan(question, ScanDomain::All(range), false);
        }
        changed
    }

    /// Starts a scan of the rows in `domain`; with `first_only`, it ends at the
    /// first match.
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

    fn poll_search(&mut self) -> bool {
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
                (Some(row), _) => self.show_match(*row),
                (None, Some(error)) => self.show_message(MessageTone::Wrong, error.to_string()),
                (None, None) => {
                    let text = format!("no further match of `{}`", search.text);
                    self.show_message(MessageTone::Wrong, text);
                }
            }
        }
        true
    }

    /// Requests the objects at the row that the view shows, and stores them when
    /// they arrive.
    fn poll_scene(&mut self) -> bool {
        if !self.view.shows_scene() {
            return false;
        }
        let Some(row) = self.scene_row() else {
            return false;
        };
        if self.requested_scene != Some(row)
            && let Some(layout) = self.store.layout()
        {
            let path = &self.source.path;
            let thread = self
                .scene_thread
                .get_or_insert_with(|| SceneThread::new(path.clone()));
            thread.request(SceneRequest {
                row,
                rows: self.store.rows().clone(),
                layout: layout.clone(),
            });
            self.requested_scene = Some(row);
        }
        match self.scene_thread.as_ref().and_then(SceneThread::next) {
            Some(scene) => {
                self.scene = scene;
                self.table.basis = None;
                true
            }
            None => false,
        }
    }

    fn poll_ladder(&mut self) -> bool {
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
