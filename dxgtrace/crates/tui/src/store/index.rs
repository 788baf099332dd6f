//! Makes rows of packets, in a thread of its own for files.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use dxgtrace_file::{FileLayout, FileRecord, ReadError, Reader};
use dxgtrace_protocol::decode::MessagePart;
use dxgtrace_protocol::record::header::{KnownFields, LostPackets, RecordKind};
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;
use dxgtrace_session::Session;

use super::NamedProcess;
use super::memory::ProcessMemory;
use super::row::{NONE, PacketRow, RowParts};
use super::stored_finding::StoredFinding;

/// Rows of a chunk at most: few enough to be taken over well within a frame.
const CHUNK: usize = 4096;
/// Chunks that wait to be taken over at most. The thread waits beyond that.
const QUEUE: usize = 16;
/// How long it waits then.
const PAUSE: Duration = Duration::from_millis(1);

/// What was found since the chunk before.
#[derive(Debug, Default)]
pub struct IndexChunk {
    /// Index of its first row.
    first: u32,
    /// New rows, in order.
    pub rows: Vec<PacketRow>,
    /// Requests of earlier chunks, and their replies.
    pub answers: Vec<(u32, u32)>,
    /// New findings.
    pub findings: Vec<StoredFinding>,
    /// New processes.
    pub processes: Vec<NamedProcess>,
    /// The file's layout, if it has grown.
    pub layout: Option<FileLayout>,
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
            processes: BTreeMap::new(),
            recent: ((0, [0; 16]), NONE),
            jumps: Vec::new(),
            expected: 0,
            layout: 0,
        }
    }
}

impl Indexer {
    /// Takes the next record into a chunk. False if there is no room for more
    /// rows.
    fn record(&mut self, record: &FileRecord<'_>, chunk: &mut IndexChunk) -> bool {
        let row = self.rows;
        if row == NONE {
            return false;
        }
        chunk.first = row;
        let packet = &record.packet;
        if packet.number != self.expected {
            self.jumps.push((packet.number, row));
        }
        self.expected = packet.number + 1;
        let mut severity = None;
        let findings = &mut chunk.findings;
        let seen = self.session.see(packet, &mut |finding| {
            severity = severity.max(Some(finding.severity()));
            findings.push(StoredFinding::new(row, &finding));
        });
        let request = self.session.answered().map(|request| request.number);
        let decoded = seen.decoded.as_ref();
        let part = decoded.map(|decoded| decoded.part);
        let header = packet.header;
        let parts = RowParts {
            time: packet.time,
            at: record.at,
            number: packet.number,
            peer: NONE,
            status: decoded
                .filter(|decoded| decoded.part == MessagePart::Reply)
                .and_then(|decoded| decoded.status()),
            outcome: seen.outcome,
            ioctl: (header.kind == RecordKind::Ioctl).then_some(header.ioctl),
            result: (header.kind == RecordKind::Ioctl
                && header.known.has(KnownFields::IOCTL_RESULT))
            .then_some(header.ioctl_result),
            bytes: header.payload_length,
            process: NONE,
            channel: packet.interface,
            message: decoded.and_then(|decoded| decoded.message),
            kind: header.kind,
            direction: header.direction,
            part,
            severity,
            cut: packet.is_cut(),
            asks: header.kind == RecordKind::Packet
                && part == Some(MessagePart::Request)
                && header.packet_flags & FLAG_COMPLETION_REQUESTED != 0,
        };
        let mut made = PacketRow::new(&parts);
        if header.known.has(KnownFields::TASK) {
            made.process = self.process(header.pid, header.comm, chunk);
        }
        if header.kind == RecordKind::Lost {
            let lost = LostPackets::decode(packet.payload).map_or(0, |lost| lost.total());
            chunk.lost = chunk.lost.saturating_add(lost);
        }
        if let Some(request) = request.and_then(|number| self.row_of(number)) {
            made.peer = request;
            chunk.answers.push((request, row));
        }
        chunk.rows.push(made);
        self.rows += 1;
        true
    }

    /// Notes what only the end shows.
    fn finish(&self, chunk: &mut IndexChunk) {
        self.session.finish(&mut |number, finding| {
            if let Some(row) = self.row_of(number) {
                chunk.findings.push(StoredFinding::new(row, &finding));
            }
        });
    }

    /// Notes how far the file has been read, and what was learnt of it.
    fn passed(&mut self, layout: &FileLayout, position: u64, chunk: &mut IndexChunk) {
        if layout.extent() != self.layout {
            self.layout = layout.extent();
            chunk.layout = Some(layout.clone());
        }
        chunk.position = position;
    }

    fn process(&mut self, pid: u32, comm: [u8; 16], chunk: &mut IndexChunk) -> u32 {
        let key = (pid, comm);
        if self.recent.0 == key && self.recent.1 != NONE {
            return self.recent.1;
        }
        let next = self.processes.len() as u32;
        let index = *self.processes.entry(key).or_insert(next);
        if index == next {
            chunk.processes.push(NamedProcess { pid, comm });
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

impl IndexChunk {
    /// Moves what is in `new` to the end of this chunk.
    fn absorb(&mut self, new: &mut Self) {
        for (request, reply) in new.answers.drain(..) {
            match request.checked_sub(self.first) {
                Some(at) if !self.rows.is_empty() => {
                    if let Some(row) = self.rows.get_mut(at as usize) {
                        row.peer = reply;
                    }
                }
                _ => self.answers.push((request, reply)),
            }
        }
        if self.rows.is_empty() {
            self.first = new.first;
        }
        self.rows.append(&mut new.rows);
        self.findings.append(&mut new.findings);
        self.processes.append(&mut new.processes);
        if new.layout.is_some() {
            self.layout = new.layout.take();
        }
        self.lost = self.lost.saturating_add(std::mem::take(&mut new.lost));
        self.position = new.position;
    }
}

/// A thread that indexes, and the chunks that it makes.
pub struct Indexing(Arc<SharedIndex>);

/// What the thread and its owner share. The chunk at the back is being filled,
/// and may be taken over all the same: a live capture may fall silent at any
/// time, and what has come must be seen.
#[derive(Default)]
struct SharedIndex {
    chunks: Mutex<VecDeque<IndexChunk>>,
    indexer: Mutex<Indexer>,
    stop: AtomicBool,
}

impl SharedIndex {
    fn lock(&self) -> MutexGuard<'_, VecDeque<IndexChunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn indexer(&self) -> MutexGuard<'_, Indexer> {
        self.indexer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `fill` add to the chunk that is being filled.
    fn fill<T>(&self, fill: impl FnOnce(&mut IndexChunk) -> T) -> T {
        let mut chunks = self.lock();
        while chunks.len() > QUEUE && !self.stop.load(Ordering::Relaxed) {
            drop(chunks);
            thread::sleep(PAUSE);
            chunks = self.lock();
        }
        match chunks.back_mut() {
            Some(chunk) if chunk.rows.len() < CHUNK => fill(chunk),
            _ => {
                let mut chunk = IndexChunk::default();
                let result = fill(&mut chunk);
                chunks.push_back(chunk);
                result
            }
        }
    }
}

impl Indexing {
    /// Indexes what `open` opens, in a thread of its own.
    pub fn start<R, F>(open: F) -> Self
    where
        R: Read,
        F: FnOnce() -> Result<Reader<R>, ReadError> + Send + 'static,
    {
        let shared = Arc::new(SharedIndex::default());
        let ours = shared.clone();
        thread::spawn(move || {
            let end = open().and_then(|reader| index(reader, &ours));
            ours.fill(|chunk| chunk.end = Some(end));
        });
        Self(shared)
    }

    /// Who has how much memory now.
    pub fn memory(&self) -> Vec<ProcessMemory> {
        let indexer = self.0.indexer();
        let accounts = indexer.session.accounts().into_iter();
        accounts.map(ProcessMemory::of).collect()
    }

    /// A chunk, if there is one.
    pub fn next(&self) -> Option<IndexChunk> {
        self.0.lock().pop_front()
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

fn index<R: Read>(mut reader: Reader<R>, shared: &SharedIndex) -> Result<(), ReadError> {
    let mut new = IndexChunk::default();
    let end = loop {
        if shared.stop.load(Ordering::Relaxed) {
            break Ok(());
        }
        match reader.next_record() {
            Ok(Some(record)) => {
                if !shared.indexer().record(&record, &mut new) {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        let position = reader.position();
        shared.indexer().passed(reader.layout(), position, &mut new);
        shared.fill(|chunk| chunk.absorb(&mut new));
    };
    let mut indexer = shared.indexer();
    indexer.passed(reader.layout(), reader.position(), &mut new);
    indexer.finish(&mut new);
    drop(indexer);
    shared.fill(|chunk| chunk.absorb(&mut new));
    end
}
