//! Where packets come from: a file, or a file that a live capture is writing.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{FileGrowth, GrowingFile, IndexChunk, Indexing, ProcessMemory};
use dxgtrace_file::Reader;

/// What a live capture tells of itself.
#[derive(Debug, Clone, Default)]
pub struct RecordingStatus {
    /// How the driver is hooked.
    pub backend: String,
    /// Packets that were lost.
    pub lost: u64,
    /// Packets before this place of the file were dropped, so that it keeps to
    /// its bound.
    pub dropped: u64,
    /// Whether it has ended.
    pub ended: bool,
    /// Why it broke.
    pub error: Option<String>,
}

/// A live capture that writes into a file: the side that the screen sees.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// How far the file has been written.
    pub growth: FileGrowth,
    status: Arc<Mutex<RecordingStatus>>,
}

impl Recording {
    /// A capture of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it tells of itself.
    pub fn status(&self) -> RecordingStatus {
        let status = self.status.lock();
        status.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells something of it.
    pub fn tell(&self, tell: impl FnOnce(&mut RecordingStatus)) {
        tell(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Where packets come from.
pub struct CaptureSource {
    /// The file that is read.
    pub path: PathBuf,
    /// What is shown for it.
    pub name: String,
    /// Its length when it was opened; 0 while it grows.
    pub size: u64,
    /// The capture that writes it, if there is one.
    pub recording: Option<Recording>,
    /// Whether the file is one that nobody asked for, and that would be
    /// forgotten.
    pub unsaved: bool,
    /// Where all of it was saved besides.
    pub saved_as: Option<String>,
    indexing: Indexing,
}

impl CaptureSource {
    /// A capture file.
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

    /// A file that a live capture is writing. `unsaved` if nobody asked for
    /// that file.
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

    /// The path, safe to show.
    pub fn path_shown(&self) -> String {
        dxgtrace_protocol::decode::escaped(self.path.as_os_str().as_encoded_bytes()).to_string()
    }

    /// Who has how much memory.
    pub fn memory(&self) -> Vec<ProcessMemory> {
        self.indexing.memory()
    }

    /// New rows, if there are any.
    pub fn next(&self) -> Option<IndexChunk> {
        self.indexing.next()
    }
}

/// A file's name, safe to show.
fn name_of(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    dxgtrace_protocol::decode::escaped(name.as_encoded_bytes()).to_string()
}
