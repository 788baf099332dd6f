//! Makes rows of packets, in a thread of its own for files.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::capture::file::{Layout, ReadError, Reader, Record};
use crate::capture::header::{Kind, Known, Lost};
use crate::decode::Part;
use crate::protocol::framing::FLAG_COMPLETION_REQUESTED;
use crate::session::Session;

use super::note::Note;
use super::row::{NONE, Parts, Row};
use super::{Process, Store};

/// Rows of a chunk at most: few enough to be taken over well within a frame.
const CHUNK: usize = 4096;
/// A chunk goes out after this long even if it is not full.
const PATIENCE: Duration = Duration::from_millis(20);
/// Chunks that wait to be taken over at most. The thread waits beyond that.
const QUEUE: usize = 16;

/// What was found since the chunk before.
#[derive(Debug, Default)]
pub struct Chunk {
    /// New rows, in order.
    pub rows: Vec<Row>,
    /// Requests of earlier chunks, and their replies.
    pub answers: Vec<(u32, u32)>,
    /// New findings.
    pub notes: Vec<Note>,
    /// New processes.
    pub processes: Vec<Process>,
    /// The file's layout, if it has grown.
    pub layout: Option<Layout>,
    /// Packets that are known to be missing.
    pub lost: u64,
    /// Bytes of the file that have been read.
    pub position: u64,
    /// Set with the last chunk: how the file ended.
    pub end: Option<Result<(), ReadError>>,
}

/// Turns records into rows, one after the other.
pub struct Indexer {
    session: Session,
    rows: u32,
    /// First row of the chunk that is being made.
    first: u32,
    chunk: Chunk,
    processes: BTreeMap<(u32, [u8; 16]), u32>,
    /// The process of the packet before, which is mostly that of the next.
    recent: ((u32, [u8; 16]), u32),
    /// Where packet numbers jump: number and row of the first packet after.
    jumps: Vec<(u64, u32)>,
    expected: u64,
    layout: usize,
}

impl Default for Indexer {
    fn default() -> Self {
        Self {
            session: Session::new(),
            rows: 0,
            first: 0,
            chunk: Chunk::default(),
            processes: BTreeMap::new(),
            recent: ((0, [0; 16]), NONE),
            jumps: Vec::new(),
            expected: 0,
            layout: 0,
        }
    }
}

impl Indexer {
    /// Takes the next record. False if there is no room for more rows.
    pub fn record(&mut self, record: &Record<'_>) -> bool {
        let row = self.rows;
        if row == NONE {
            return false;
        }
        let packet = &record.packet;
        if packet.number != self.expected {
            self.jumps.push((packet.number, row));
        }
        self.expected = packet.number + 1;
        let mut severity = None;
        let notes = &mut self.chunk.notes;
        let seen = self.session.see(packet, &mut |finding| {
            severity = severity.max(Some(finding.code.severity()));
            notes.push(Note::new(row, &finding));
        });
        let request = seen.request.map(|request| request.number);
        let decoded = seen.decoded.as_ref();
        let part = decoded.map(|decoded| decoded.part);
        let header = &packet.header;
        let parts = Parts {
            time: packet.time,
            at: record.at,
            number: packet.number,
            peer: NONE,
            status: decoded
                .filter(|decoded| decoded.part == Part::Reply)
                .and_then(|decoded| decoded.status()),
            bytes: header.payload_length,
            process: NONE,
            channel: packet.interface,
            message: decoded.and_then(|decoded| decoded.message),
            kind: header.kind,
            direction: header.direction,
            part,
            severity,
            cut: packet.is_cut(),
            asks: header.kind == Kind::Packet
                && part == Some(Part::Request)
                && header.packet_flags & FLAG_COMPLETION_REQUESTED != 0,
        };
        let mut made = Row::new(&parts);
        if header.known.has(Known::TASK) {
            made.process = self.process(header.pid, header.comm);
        }
        if header.kind == Kind::Lost {
            let lost = Lost::decode(packet.payload).map_or(0, |lost| lost.total());
            self.chunk.lost = self.chunk.lost.saturating_add(lost);
        }
        if let Some(request) = request.and_then(|number| self.row_of(number)) {
            made.peer = request;
            self.answer(request, row);
        }
        self.chunk.rows.push(made);
        self.rows += 1;
        true
    }

    /// Whether the chunk should go out.
    pub fn is_full(&self) -> bool {
        self.chunk.rows.len() >= CHUNK
    }

    /// Whether there is nothing to hand out.
    pub fn is_empty(&self) -> bool {
        self.chunk.rows.is_empty()
    }

    /// What was found since the last call.
    pub fn take(&mut self, layout: &Layout, position: u64) -> Chunk {
        let mut chunk = std::mem::take(&mut self.chunk);
        if layout.extent() != self.layout {
            self.layout = layout.extent();
            chunk.layout = Some(layout.clone());
        }
        chunk.position = position;
        self.first = self.rows;
        chunk
    }

    fn answer(&mut self, request: u32, reply: u32) {
        match request.checked_sub(self.first) {
            Some(at) => {
                if let Some(row) = self.chunk.rows.get_mut(at as usize) {
                    row.peer = reply;
                }
            }
            None => self.chunk.answers.push((request, reply)),
        }
    }

    fn process(&mut self, pid: u32, comm: [u8; 16]) -> u32 {
        let key = (pid, comm);
        if self.recent.0 == key && self.recent.1 != NONE {
            return self.recent.1;
        }
        let next = self.processes.len() as u32;
        let index = *self.processes.entry(key).or_insert(next);
        if index == next {
            self.chunk.processes.push(Process { pid, comm });
        }
        self.recent = (key, index);
        index
    }

    /// The row of a packet that was seen.
    fn row_of(&self, number: u64) -> Option<u32> {
        let after = self.jumps.partition_point(|jump| jump.0 <= number);
        let (first, row) = self.jumps.get(after.checked_sub(1)?)?;
        u32::try_from(u64::from(*row) + (number - first)).ok()
    }
}

/// A thread that indexes, and the chunks that it makes.
pub struct Indexing {
    chunks: Receiver<Chunk>,
    stop: Arc<AtomicBool>,
}

impl Indexing {
    /// Indexes what `open` opens, in a thread of its own.
    pub fn start<R, F>(open: F) -> Self
    where
        R: Read,
        F: FnOnce() -> Result<Reader<R>, ReadError> + Send + 'static,
    {
        let (sender, chunks) = sync_channel(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        thread::spawn(move || match open() {
            Ok(reader) => index(reader, &sender, &stopped),
            Err(error) => {
                let end = Some(Err(error));
                // Nobody listens any more: the screen is closed.
                let _ = sender.send(Chunk {
                    end,
                    ..Chunk::default()
                });
            }
        });
        Self { chunks, stop }
    }

    /// A chunk, if there is one.
    pub fn next(&self) -> Option<Chunk> {
        self.chunks.try_recv().ok()
    }

    /// The next chunk, waiting for it. `None` after the last one.
    pub fn wait(&self) -> Option<Chunk> {
        self.chunks.recv().ok()
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn index<R: Read>(mut reader: Reader<R>, sender: &SyncSender<Chunk>, stop: &AtomicBool) {
    let mut indexer = Indexer::default();
    let mut begun = Instant::now();
    let end = loop {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        match reader.next_record() {
            Ok(Some(record)) => {
                if !indexer.record(&record) {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        // The clock is not looked at for every packet.
        let due = indexer.is_full()
            || indexer.rows.is_multiple_of(64) && begun.elapsed() >= PATIENCE
            || indexer.rows == Store::FIRST_SCREEN;
        if due {
            let chunk = indexer.take(reader.layout(), reader.position());
            if sender.send(chunk).is_err() {
                return;
            }
            begun = Instant::now();
        }
    };
    let mut chunk = indexer.take(reader.layout(), reader.position());
    chunk.end = Some(end);
    let _ = sender.send(chunk);
}
