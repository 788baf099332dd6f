//! Filters and searches packets on worker threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustc_hash::FxHashMap;

use dxgtrace_file::{FileLayout, ReadError};
use dxgtrace_protocol::decode::{MessagePart, tree};
use dxgtrace_query::filter::{Exchange, Filter, FilterNeeds, FilterRecord};

use super::packet_fetch::{FetchedPacket, PacketFetch, findings};
use super::row::PacketRow;
use super::rows::Rows;

/// Packets per block; a thread scans a block at a time.
const BLOCK: u32 = 4096;
/// Most threads.
const THREADS: usize = 4;
/// Most elements of a variable-length array that are searched.
const ELEMENTS: usize = 4096;

/// The condition that a scan tests.
#[derive(Debug, Clone)]
pub enum ScanQuestion {
    /// The packet matches the filter.
    Filter(Filter),
    /// The packet's line contains the text.
    Line(SearchText),
    /// A line of the packet's tree contains the text.
    Tree(SearchText),
    /// The payload contains these bytes.
    Bytes(Vec<u8>),
}

/// A text to search for. Case matters only if it has an upper-case letter.
#[derive(Debug, Clone)]
pub struct SearchText {
    text: String,
    exact: bool,
}

impl SearchText {
    /// Prepares a text to search for.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            exact: text.chars().any(char::is_uppercase),
        }
    }

    /// Whether `line` contains the text.
    pub fn is_in(&self, line: &str) -> bool {
        if self.exact {
            line.contains(&self.text)
        } else {
            line.to_lowercase().contains(&self.text)
        }
    }
}

/// The rows to scan, in this order.
#[derive(Debug, Clone)]
pub enum ScanDomain {
    /// A range of rows.
    All(Range<u32>),
    /// A list of rows.
    List(Arc<[u32]>),
}

impl ScanDomain {
    fn len(&self) -> u32 {
        match self {
            Self::All(range) => range.end.saturating_sub(range.start),
            Self::List(list) => list.len() as u32,
        }
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    fn get(&self, place: u32) -> Option<u32> {
        match self {
            Self::All(range) => Some(range.start + place),
            Self::List(list) => list.get(place as usize).copied(),
        }
    }
}

/// What a scan needs to run.
#[derive(Debug, Clone)]
pub struct ScanJob {
    /// The condition to test.
    pub question: ScanQuestion,
    /// The rows to test.
    pub domain: ScanDomain,
    /// Whether to end at the first match.
    pub first_only: bool,
    /// Path of the capture file.
    pub path: PathBuf,
    /// Layout of the file.
    pub layout: Arc<FileLayout>,
    /// Rows of the capture.
    pub rows: Rows,
    /// Time of the first packet, in nanoseconds since 1970.
    pub start: u64,
    /// Whether packets may be dropped from the file during the scan. Those that
    /// cannot be read are then skipped.
    pub shrinks: bool,
}

/// Results of a scan, in the order of the domain.
#[derive(Debug, Default)]
pub struct ScanBatch {
    /// Rows that match.
    pub rows: Vec<u32>,
    /// Number of rows scanned so far.
    pub done: u32,
    /// Whether this is the last batch.
    pub finished: bool,
    /// Why the file could not be read.
    pub error: Option<ReadError>,
}

/// A running scan. Dropping it stops its threads.
#[derive(Debug)]
pub struct Scan {
    batches: Receiver<ScanBatch>,
    stop: Arc<AtomicBool>,
    total: u32,
}

impl Scan {
    /// Starts the threads.
    pub fn start(job: ScanJob) -> Self {
        let (sender, batches) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let total = job.domain.len();
        thread::spawn(move || run(&job, &sender, &stopped));
        Self {
            batches,
            stop,
            total,
        }
    }

    /// The next batch; `None` if there is none yet.
    pub fn next(&self) -> Option<ScanBatch> {
        self.batches.try_recv().ok()
    }

    /// Number of rows in the domain.
    pub fn total(&self) -> u32 {
        self.total
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The matching rows of one block.
type ScanAnswers = Result<Vec<u32>, ReadError>;

fn run(job: &ScanJob, batches: &Sender<ScanBatch>, stop: &AtomicBool) {
    let blocks = job.domain.len().div_ceil(BLOCK);
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .clamp(1, THREADS)
        .min(blocks.max(1) as usize);
    let next = AtomicU32::new(0);
    let (sender, answers) = channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || work(job, next, blocks, &sender, stop));
        }
        drop(sender);
        gather(job, &answers, batches);
        stop.store(true, Ordering::Relaxed);
    });
}

/// Collects the results of the threads and sends them on in order of blocks.
fn gather(job: &ScanJob, answers: &Receiver<(u32, ScanAnswers)>, batches: &Sender<ScanBatch>) {
    let mut early = BTreeMap::new();
    let mut block = 0;
    while let Ok((number, answer)) = answers.recv() {
        early.insert(number, answer);
        while let Some(answer) = early.remove(&block) {
            block += 1;
            let done = block.saturating_mul(BLOCK).min(job.domain.len());
            let mut batch = match answer {
                Ok(rows) => ScanBatch {
                    rows,
                    done,
                    ..ScanBatch::default()
                },
                Err(error) => ScanBatch {
                    done,
                    error: Some(error),
                    ..ScanBatch::default()
                },
            };
            batch.finished = batch.error.is_some() || job.first_only && !batch.rows.is_empty();
            let finished = batch.finished;
            // Sending fails if the scan was dropped.
            if batches.send(batch).is_err() || finished {
                return;
            }
        }
    }
    let _ = batches.send(ScanBatch {
        done: job.domain.len(),
        finished: true,
        ..ScanBatch::default()
    });
}

fn work(
    job: &ScanJob,
    next: &AtomicU32,
    blocks: u32,
    answers: &Sender<(u32, ScanAnswers)>,
    stop: &AtomicBool,
) {
    let mut worker = match ScanWorker::new(job) {
        Ok(worker) => worker,
        Err(source) => {
            let error = ReadError::Io { offset: 0, source };
            let _ = answers.send((0, Err(error)));
            return;
        }
    };
    while !stop.load(Ordering::Relaxed) {
        let block = next.fetch_add(1, Ordering::Relaxed);
        if block >= blocks {
            return;
        }
        let answer = worker.scan_block(block);
        if answers.send((block, answer)).is_err() {
            return;
        }
    }
}

struct ScanWorker<'a> {
    job: &'a ScanJob,
    fetch: PacketFetch,
    needs: FilterNeeds,
    start: u64,
    /// What is needed to decode the replies to requests of this block, by the
    /// row of the request.
    pending: FxHashMap<u32, dxgtrace_protocol::decode::PendingRequest>,
}

impl<'a> ScanWorker<'a> {
    fn new(job: &'a ScanJob) -> std::io::Result<Self> {
        Ok(Self {
            job,
            fetch: PacketFetch::open(&job.path, &job.layout)?,
            needs: match &job.question {
                ScanQuestion::Filter(filter) => filter.needs(),
                ScanQuestion::Line(_) | ScanQuestion::Tree(_) => FilterNeeds::DECODE,
                ScanQuestion::Bytes(_) => FilterNeeds::PACKET,
            },
            start: job.start,
            pending: FxHashMap::default(),
        })
    }

    fn scan_block(&mut self, block: u32) -> ScanAnswers {
        self.pending.clear();
        let mut found = Vec::new();
        let first = block.saturating_mul(BLOCK);
        let end = first.saturating_add(BLOCK).min(self.job.domain.len());
        for place in first..end {
            let Some(index) = self.job.domain.get(place) else {
                break;
            };
            match self.matches(index) {
                Ok(true) => found.push(index),
                Ok(false) => continue,
                Err(_) if self.job.shrinks => continue,
                Err(error) => return Err(error),
            }
            if self.job.first_only {
                break;
            }
        }
        Ok(found)
    }

    fn matches(&mut self, index: u32) -> Result<bool, ReadError> {
        let rows = &self.job.rows;
        let Some(row) = rows.get(index) else {
            return Ok(false);
        };
        let fetched = if self.needs.decode {
            let known = row.peer().and_then(|request| self.pending.remove(&request));
            let fetched = self.fetch.row(rows, row, known)?;
            if row.peer().is_some()
                && let Some(pending) = fetched.pending
            {
                self.pending.insert(index, pending);
            }
            fetched
        } else {
            self.fetch.packet(row)?
        };
        Ok(match &self.job.question {
            ScanQuestion::Filter(filter) => {
                let findings = match self.needs.findings && row.severity().is_some() {
                    true => findings(rows, index),
                    false => Vec::new(),
                };
                let record = FilterRecord::new(&fetched.packet)
                    .with_decoded(fetched.decoded.as_ref())
                    .with_findings(&findings)
                    .with_exchange(exchange(rows, row))
                    .in_capture(fetched.channels, self.start);
                filter.matches(&record)
            }
            ScanQuestion::Line(text) => text.is_in(&fetched.line()),
            ScanQuestion::Tree(text) => tree_contains(&fetched, text),
            ScanQuestion::Bytes(bytes) => {
                let windows = fetched.packet.payload.windows(bytes.len().max(1));
                bytes.is_empty() || windows.into_iter().any(|window| window == bytes)
            }
        })
    }
}

/// The fields of a row's exchange that filters can test.
fn exchange(rows: &Rows, row: &PacketRow) -> Exchange {
    let Some(peer) = row.peer().and_then(|peer| rows.get(peer)) else {
        return Exchange::default();
    };
    match row.part() {
        Some(MessagePart::Reply) => Exchange {
            request_in: Some(peer.number()),
            reply_in: None,
            time: Some(row.time().saturating_sub(peer.time())),
        },
        _ => Exchange {
            reply_in: Some(peer.number()),
            ..Exchange::default()
        },
    }
}

fn tree_contains(fetched: &FetchedPacket<'_>, text: &SearchText) -> bool {
    let Some(decoded) = &fetched.decoded else {
        return false;
    };
    tree(decoded, ELEMENTS)
        .iter()
        .any(|node| text.is_in(&format!("{}: {}", node.label, node.text)))
}
