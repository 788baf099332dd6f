//! The objects as they were at any packet: the sessions are followed again from
//! the nearest place that is remembered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use dxgtrace_file::{FileLayout, ReadError};
use dxgtrace_protocol::decode::{escaped, utf16};
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_session::{LiveObject, NodePlace, ObjectNode, ProcessName, Session};

use super::fetch::PacketFetch;
use super::rows::Rows;

/// Places remembered at most. Beyond that, every other one is forgotten.
const PLACES: usize = 8;
/// Packets between two places at first.
const INTERVAL: u32 = 1 << 14;

/// A line of the tree of objects.
#[derive(Debug, Clone)]
pub struct ObjectLine {
    /// How deep it stands.
    pub depth: u16,
    /// What it is, safe to show.
    pub label: String,
    /// The object; `None` for a heading.
    pub entity: Option<LiveObject>,
}

/// The objects as of a row.
#[derive(Debug, Clone, Default)]
pub struct ObjectScene {
    /// The row.
    pub row: u32,
    /// The objects that exist after it.
    pub objects: Vec<ObjectLine>,
    /// The interface version that the driver had declared.
    pub version: Option<u32>,
    /// Why there is nothing.
    pub error: Option<String>,
}

/// What a scene is to be made of.
#[derive(Debug, Clone)]
pub struct SceneRequest {
    /// The row.
    pub row: u32,
    /// The capture's rows.
    pub rows: Rows,
    /// Its layout.
    pub layout: Arc<FileLayout>,
}

/// The thread that makes scenes.
#[derive(Debug)]
pub struct SceneThread {
    requests: Sender<SceneRequest>,
    scenes: Receiver<ObjectScene>,
    wanted: Arc<AtomicU32>,
}

impl SceneThread {
    /// Of the capture in a file.
    pub fn new(path: PathBuf) -> Self {
        let (requests, asked) = channel::<SceneRequest>();
        let (made, scenes) = channel();
        let wanted = Arc::new(AtomicU32::new(0));
        let latest = wanted.clone();
        thread::spawn(move || {
            let mut replay = SessionReplay::new(path, latest);
            while let Ok(mut request) = asked.recv() {
                // Only the latest wish counts.
                while let Ok(later) = asked.try_recv() {
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
                if made.send(scene).is_err() {
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

    /// Asks for the objects as of a row.
    pub fn ask(&self, request: SceneRequest) {
        self.wanted.store(request.row, Ordering::Relaxed);
        // The thread ends with the channel only.
        let _ = self.requests.send(request);
    }

    /// A scene, if one was made since the last call.
    pub fn next(&self) -> Option<ObjectScene> {
        self.scenes.try_iter().last()
    }
}

/// Follows the sessions of a capture again.
struct SessionReplay {
    path: PathBuf,
    fetch: Option<(PacketFetch, usize)>,
    /// The state before a row.
    places: BTreeMap<u32, Session>,
    interval: u32,
    wanted: Arc<AtomicU32>,
}

impl SessionReplay {
    fn new(path: PathBuf, wanted: Arc<AtomicU32>) -> Self {
        Self {
            path,
            fetch: None,
            places: BTreeMap::from([(0, Session::new())]),
            interval: INTERVAL,
            wanted,
        }
    }

    /// The objects as of a row, unless another one is wanted by now.
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
        // What a place remembers is of no use if packets behind it are gone.
        let first = request.rows.first();
        let nearest = self
            .places
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
                self.remember(at, &session);
            }
            let Some(row) = request.rows.get(at) else {
                break;
            };
            let fetched = fetch.packet(row)?;
            session.see(&fetched.packet, &mut |_| {});
            at += 1;
        }
        self.fetch = Some((fetch, extent));
        Ok(Some(ObjectScene {
            row: request.row,
            objects: session.objects().iter().map(object).collect(),
            version: session.version(),
            error: None,
        }))
    }

    fn remember(&mut self, at: u32, session: &Session) {
        self.places.entry(at).or_insert_with(|| session.clone());
        if self.places.len() > PLACES {
            self.interval = self.interval.saturating_mul(2);
            let interval = self.interval;
            self.places.retain(|at, _| at.is_multiple_of(interval));
        }
    }
}

fn object(node: &ObjectNode<'_>) -> ObjectLine {
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
