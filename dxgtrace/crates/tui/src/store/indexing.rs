//! Indexes a capture in a thread: reads it once, follows the sessions in it, and
//! makes a row for each packet.

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
use super::process_memory::ProcessMemory;
use super::row::{NONE, PacketRow, RowParts};
use super::stored_finding::StoredFinding;

/// Most rows of a chunk. Few enough to be added to the store within a frame.
const CHUNK: usize = 4096;
/// Most chunks in the queue. When it is full, the thread waits.
const QUEUE: usize = 16;
/// Interval at which the thread checks a full queue.
const PAUSE: Duration = Duration::from_millis(1);

/// What was indexed since the previous chunk.
#[derive(Debug, Default)]
pub struct IndexChunk {
    /// Index of the first row.
    first: u32,
    /// New rows, in order.
    pub rows: Vec<PacketRow>,
    /// Rows of requests in earlier chunks and of their replies.
    pub replies: Vec<(u32, u32)>,
    /// New findings.
    pub findings: Vec<StoredFinding>,
    /// New processes.
    pub processes: Vec<NamedProcess>,
    /// Layout of the file, if it has grown.
    pub layout: Option<FileLayout>,
    /// Number of packets that loss records report.
    pub lost: u64,
    /// Bytes of the file read so far.
    pub position: u64,
    /// Result of reading the file; set in the last chunk.
    pub end: Option<Result<(), ReadError>>,
}

/// Makes rows from records, in file order.
pub struct Indexer {
    session: Session,
    rows: u32,
    processes: BTreeMap<(u32, [u8; 16]), u32>,
    /// Process of the previous packet and its index: a cache, since consecutive
    /// packets are mostly of one process.
    recent: ((u32, [u8; 16]), u32),
    /// Number and row of each packet after a gap in the numbering.
    jumps: Vec<(u64, u32)>,
    /// Packet number that follows the previous one.
    expected: u64,
    /// Extent of the layout that was last put into a chunk.
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
    /// Adds a row for a record to `chunk`. False if there are as many rows as a
    /// `u32` can count.
    fn add_record(&mut self, record: &FileRecord<'_>, chunk: &mut IndexChunk) -> bool {
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
        let seen = self.session.analyze(packet, &mut |finding| {
            severity = severity.max(Some(finding.severity()));
            findings.push(StoredFinding::new(row, &finding));
        });
        let request = self
            .session
            .answered_request()
            .map(|request| request.number);
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
            chunk.replies.push((request, row));
        }
        chunk.rows.push(made);
        self.rows += 1;
        true
    }

    /// Adds the findings that the end of the capture raises.
    fn finish(&self, chunk: &mut IndexChunk) {
        self.session.finish(&mut |number, finding| {
            if let Some(row) = self.row_of(number) {
                chunk.findings.push(StoredFinding::new(row, &finding));
            }
        });
    }

    /// Records in `chunk` how far the file was read, and its layout if it has
    /// grown.
    fn set_position(&mut self, layout: &FileLayout, position: u64, chunk: &mut IndexChunk) {
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

    /// The row of packet `number`.
    fn row_of(&self, number: u64) -> Option<u32> {
        let after = self.jumps.partition_point(|jump| jump.0 <= number);
        let (first, row) = self.jumps.get(after.checked_sub(1)?)?;
        u32::try_from(u64::from(*row) + (number - first)).ok()
    }
}

impl IndexChunk {
    /// Moves the content of `new` to the end of this chunk.
    fn append(&mut self, new: &mut Self) {
        for (request, reply) in new.replies.drain(..) {
            match request.checked_sub(self.first) {
                Some(at) if !self.rows.is_empty() => {
                    if let Some(row) = self.rows.get_mut(at as usize) {
                        row.peer = reply;
                    }
                }
                _ => self.replies.push((request, reply)),
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

/// The indexing thread and its queue of chunks.
pub struct Indexing(Arc<SharedIndex>);

/// State shared by the thread and its owner. The owner may take the last chunk
/// while the thread is still filling it: a live capture can pause at any time,
/// and its packets must be shown at once.
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

    /// Calls `fill` with the last chunk, or with a new one if that is full. Waits
    /// while the queue is full.
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
    /// Starts a thread that indexes what `open` opens.
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

    /// GPU memory of each process on each adapter, as of the last packet read.
    pub fn memory(&self) -> Vec<ProcessMemory> {
        let indexer = self.0.indexer();
        let accounts = indexer.session.memory_accounts().into_iter();
        accounts.map(ProcessMemory::of).collect()
    }

    /// The next chunk; `None` if there is none yet.
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
                if !shared.indexer().add_record(&record, &mut new) {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        let position = reader.position();
        shared
            .indexer()
            .set_position(reader.layout(), position, &mut new);
        shared.fill(|chunk| chunk.append(&mut new));
    };
    let mut indexer = shared.indexer();
    indexer.set_position(reader.layout(), reader.position(), &mut new);
    indexer.finish(&mut new);
    drop(indexer);
    shared.fill(|chunk| chunk.append(&mut new));
    end
}
