//! The file that packets are read from: a complete one, or one that a live
//! capture is writing.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{FileGrowth, GrowingFile, IndexChunk, Indexing, ProcessMemory};
use dxgtrace_file::Reader;

/// Status of a live capture.
#[derive(Debug, Clone, Default)]
pub struct RecordingStatus {
    /// How the driver is hooked, for display.
    pub backend: String,
    /// Number of lost packets.
    pub lost: u64,
    /// Records before this offset of the file, in bytes, were dropped to keep
    /// its size limit.
    pub dropped: u64,
    /// Whether the capture has ended.
    pub ended: bool,
    /// The error that ended the capture.
    pub error: Option<String>,
}

/// A live capture that writes to a file, as the screen sees it. Clones share
/// the state.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// How far the file has been written and read.
    pub growth: FileGrowth,
    status: Arc<Mutex<RecordingStatus>>,
}

impl Recording {
    /// A capture that has not started.
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest status.
    pub fn status(&self) -> RecordingStatus {
        let status = self.status.lock();
        status.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the status by `update`.
    pub fn update_status(&self, update: impl FnOnce(&mut RecordingStatus)) {
        update(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A capture file and the thread that indexes it.
pub struct CaptureSource {
    /// Path of the file.
    pub path: PathBuf,
    /// Name of the file, safe to show.
    pub name: String,
    /// Length of the file when it was opened, in bytes; 0 for a live capture.
    pub size: u64,
    /// The live capture that writes the file.
    pub recording: Option<Recording>,
    /// Whether the file is a temporary one, which the user did not ask for.
    pub unsaved: bool,
    /// Name of the file to which the whole capture was saved, safe to show.
    pub saved_as: Option<String>,
    indexing: Indexing,
}

impl CaptureSource {
    /// Opens a complete capture file.
    pub fn file(path: PathBuf) -> Self {
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let opened = path.clone();
        Self {
            name: name_of(&path),
            size,
            recording: None,
            unsaved: false,
            saved_as: None,
            indexing: Indexing::start(move || dxgtrace_file::open(&opened)),
            path,
        }
    }

    /// Opens the file that `recording` writes. `unsaved` says that it is a
    /// temporary file.
    pub fn live(path: PathBuf, recording: Recording, unsaved: bool) -> Self {
        let opened = path.clone();
        let growth = recording.growth.clone();
        Self {
            name: name_of(&path),
            size: 0,
            recording: Some(recording),
            unsaved,
            saved_as: None,
            indexing: Indexing::start(move || {
                let file = File::open(opened)
                    .map_err(|source| dxgtrace_file::ReadError::Io { offset: 0, source })?;
                Reader::new(GrowingFile::new(file, growth))
            }),
            path,
        }
    }

    /// Path of the file, safe to show.
    pub fn path_shown(&self) -> String {
        dxgtrace_protocol::decode::escaped(self.path.as_os_str().as_encoded_bytes()).to_string()
    }

    /// GPU memory of each process on each adapter.
    pub fn memory(&self) -> Vec<ProcessMemory> {
        self.indexing.memory()
    }

    /// The next chunk of the index; `None` if there is none yet.
    pub fn next(&self) -> Option<IndexChunk> {
        self.indexing.next()
    }
}

/// A file's name, safe to show.
fn name_of(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    dxgtrace_protocol::decode::escaped(name.as_encoded_bytes()).to_string()
}
