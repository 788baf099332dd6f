//! Reconstructs the objects that existed at any packet, in a thread: replays the
//! session from the nearest snapshot.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use dxgtrace_file::{FileLayout, ReadError};
use dxgtrace_protocol::decode::{escaped, utf16};
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_render::output::WaitText;
use dxgtrace_session::{LiveObject, NodePlace, ObjectNode, ProcessName, Session};

use super::packet_fetch::PacketFetch;
use super::rows::Rows;

/// Most snapshots. Beyond that, every other one is dropped and the interval is
/// doubled.
const MAX_SNAPSHOTS: usize = 8;
/// Initial number of packets between two snapshots.
const INTERVAL: u32 = 1 << 14;

/// Most lines about waits.
const WAIT_LINES_MAX: usize = 1 << 10;

/// A line of the tree of objects.
#[derive(Debug, Clone)]
pub struct ObjectLine {
    /// Depth in the tree; 0 is the root.
    pub depth: u16,
    /// Kind, handle and process name, safe to show.
    pub label: String,
    /// The object; `None` for the heading of an adapter.
    pub entity: Option<LiveObject>,
}

/// A line about a thread or queue that waits for fences.
#[derive(Debug, Clone)]
pub struct WaitLine {
    /// The packet that told the host of the wait.
    pub packet: u64,
    /// How long it had lasted, in nanoseconds; `None` if the line goes on about
    /// the wait of a line before.
    pub age: Option<u64>,
    /// Who waits, or for what, and who owes it; safe to show.
    pub text: String,
}

/// The objects that exist after a row, and who waits for whom.
#[derive(Debug, Clone, Default)]
pub struct ObjectScene {
    /// The row.
    pub row: u32,
    /// The objects, as lines of a tree.
    pub objects: Vec<ObjectLine>,
    /// The waits for fences, each followed by who owes the signal: of threads
    /// whose wait a signal has ended, of threads that wait, of queues.
    pub waits: Vec<WaitLine>,
    /// Interface version that the driver has declared by then.
    pub version: Option<u32>,
    /// Why the packets could not be read.
    pub error: Option<String>,
}

/// A request for the objects after a row.
#[derive(Debug, Clone)]
pub struct SceneRequest {
    /// The row.
    pub row: u32,
    /// The rows of the capture.
    pub rows: Rows,
    /// Layout of the file.
    pub layout: Arc<FileLayout>,
}

/// The thread that reconstructs objects.
#[derive(Debug)]
pub struct SceneThread {
    requests: Sender<SceneRequest>,
    scenes: Receiver<ObjectScene>,
    /// Row of the latest request; a replay for another row is abandoned.
    wanted: Arc<AtomicU32>,
}

impl SceneThread {
    /// Starts the thread for the capture in the file at `path`.
    pub fn new(path: PathBuf) -> Self {
        let (requests, receiver) = channel::<SceneRequest>();
        let (sender, scenes) = channel();
        let wanted = Arc::new(AtomicU32::new(0));
        let latest = wanted.clone();
        thread::spawn(move || {
            let mut replay = SessionReplay::new(path, latest);
            while let Ok(mut request) = receiver.recv() {
                // Skip requests that a later one has replaced.
                while let Ok(later) = receiver.try_recv() {
                    request = later;
                }
                let scene = match replay.scene(&request) {
                    Ok(Some(scene)) => scene,
                    Ok(None) => continue,
                    Err(error) => ObjectScene {
                        row: request.row,
                        error: Some(error.to_string()),
                        ..ObjectScene::default()
                    },
                };
                if sender.send(scene).is_err() {
                    return;
                }
            }
        });
        Self {
            requests,
            scenes,
            wanted,
        }
    }

    /// Requests the objects after a row. Replaces an earlier request.
    pub fn request(&self, request: SceneRequest) {
        self.wanted.store(request.row, Ordering::Relaxed);
        // Cannot fail: the thread runs until this channel is closed.
        let _ = self.requests.send(request);
    }

    /// The latest scene since the last call.
    pub fn next(&self) -> Option<ObjectScene> {
        self.scenes.try_iter().last()
    }
}

/// Replays the session of a capture.
struct SessionReplay {
    path: PathBuf,
    /// The open file and the extent of its layout.
    fetch: Option<(PacketFetch, usize)>,
    /// Session states, each by the row before which it was.
    snapshots: BTreeMap<u32, Session>,
    /// Rows between two snapshots.
    interval: u32,
    wanted: Arc<AtomicU32>,
}

impl SessionReplay {
    fn new(path: PathBuf, wanted: Arc<AtomicU32>) -> Self {
        Self {
            path,
            fetch: None,
            snapshots: BTreeMap::from([(0, Session::new())]),
            interval: INTERVAL,
            wanted,
        }
    }

    /// The objects after a row; `None` if another row is wanted by now.
    fn scene(&mut self, request: &SceneRequest) -> Result<Option<ObjectScene>, ReadError> {
        let extent = request.layout.extent();
        let io = |source| ReadError::Io { offset: 0, source };
        let (mut fetch, _) = match self.fetch.take() {
            Some((fetch, old)) if old == extent => (fetch, old),
            _ => (
                PacketFetch::open(&self.path, &request.layout).map_err(io)?,
                0,
            ),
        };
        // A snapshot before the first row is of no use: the packets in between
        // were dropped.
        let first = request.rows.first();
        let nearest = self
            .snapshots
            .range(first..=request.row.max(first))
            .next_back();
        let (mut at, mut session) = match nearest {
            Some((at, session)) => (*at, session.clone()),
            None => (first, Session::new()),
        };
        while at <= request.row {
            if at.is_multiple_of(1024) && self.wanted.load(Ordering::Relaxed) != request.row {
                self.fetch = Some((fetch, extent));
                return Ok(None);
            }
            if at.is_multiple_of(self.interval) {
                self.add_snapshot(at, &session);
            }
            let Some(row) = request.rows.get(at) else {
                break;
            };
            let fetched = fetch.packet(row)?;
            session.analyze(&fetched.packet, &mut |_| {});
            at += 1;
        }
        self.fetch = Some((fetch, extent));
        Ok(Some(ObjectScene {
            row: request.row,
            objects: session.objects().iter().map(object_line).collect(),
            waits: wait_lines(&session),
            version: session.declared_version(),
            error: None,
        }))
    }

    fn add_snapshot(&mut self, at: u32, session: &Session) {
        self.snapshots.entry(at).or_insert_with(|| session.clone());
        if self.snapshots.len() > MAX_SNAPSHOTS {
            self.interval = self.interval.saturating_mul(2);
            let interval = self.interval;
            self.snapshots.retain(|at, _| at.is_multiple_of(interval));
        }
    }
}

fn wait_lines(session: &Session) -> Vec<WaitLine> {
    let waits = [
        WaitText::of_interrupted(session),
        WaitText::of_threads(session),
        WaitText::of_queues(session),
    ];
    let lines = |wait: WaitText| {
        let packet = wait.packet;
        let first = WaitLine {
            packet,
            age: Some(wait.age),
            text: wait.waiter,
        };
        let more = wait.chain.into_iter().map(move |text| WaitLine {
            packet,
            age: None,
            text,
        });
        std::iter::once(first).chain(more)
    };
    let lines = waits.into_iter().flatten().flat_map(lines);
    lines.take(WAIT_LINES_MAX).collect()
}

fn object_line(node: &ObjectNode<'_>) -> ObjectLine {
    let (label, entity) = match node.place {
        NodePlace::Adapter(Some((number, adapter))) => {
            let name = utf16(adapter.name()).to_string();
            (format!("vgpu{number} {name}").trim_end().to_owned(), None)
        }
        NodePlace::Adapter(None) => ("on no adapter".to_owned(), None),
        NodePlace::Object(_, entity) => (label(entity, node.name), Some(*entity)),
    };
    ObjectLine {
        depth: node.depth,
        label,
        entity,
    }
}

fn label(entity: &LiveObject, name: Option<&ProcessName>) -> String {
    let kind = entity.kind.map_or("object", ObjectKind::name);
    let mut label = format!("{kind} {:#x}", entity.handle);
    if let Some(name) = name {
        label += &format!(" {}[{}]", escaped(&name.comm), name.pid);
    }
    label
}
