//! Captures that nobody asked to be saved keep to a bound: the oldest packets go.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A bound's share that is dropped at once.
const SHARE: u64 = 32;

/// The file of a live capture.
pub struct SpillFile {
    file: File,
    /// Bytes that it may take.
    bound: u64,
    /// What can be dropped, oldest first: records between those that describe an
    /// interface, which everything behind them needs.
    pieces: VecDeque<Range<u64>>,
    written: u64,
    /// Bytes that were given back.
    given_back: u64,
    /// Where the last dropped piece ended.
    dropped: u64,
}

impl SpillFile {
    /// A file that may take so many bytes.
    pub fn new(file: File, bound: Option<u64>) -> Self {
        Self {
            file,
            bound: bound.unwrap_or(u64::MAX),
            pieces: VecDeque::new(),
            written: 0,
            given_back: 0,
            dropped: 0,
        }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes note of a record, perhaps with an interface that it describes.
    pub fn wrote(&mut self, record: Range<u64>, describes: bool) {
        self.written = record.end;
        if self.bound == u64::MAX || describes {
            return;
        }
        let piece = self.bound / SHARE;
        match self.pieces.back_mut() {
            Some(last) if last.end == record.start && last.end - last.start < piece => {
                last.end = record.end;
            }
            _ => self.pieces.push_back(record),
        }
    }

    /// Drops the oldest packets, as long as the file is too long and they have
    /// been read. Says up to where they are gone.
    ///
    /// # Errors
    /// The file system cannot do that.
    pub fn keep_to_bound(&mut self, read: u64) -> io::Result<u64> {
        while self.written - self.given_back > self.bound && self.pieces.len() > 1 {
            let Some(piece) = self.pieces.front().filter(|piece| piece.end <= read) else {
                break;
            };
            let piece = piece.clone();
            self.pieces.pop_front();
            give_back(&self.file, piece.clone()).map_err(|error| {
                let bound = self.bound >> 20;
                io::Error::other(format!(
                    "it has reached its bound of {bound} MiB, and its oldest packets cannot be \
                     dropped here: {error}"
                ))
            })?;
            self.given_back += piece.end - piece.start;
            self.dropped = piece.end;
        }
        Ok(self.dropped)
    }
}

#[cfg(target_os = "linux")]
fn give_back(file: &File, piece: Range<u64>) -> io::Result<()> {
    dxgtrace_file::punch_hole(file, piece)
}

#[cfg(not(target_os = "linux"))]
fn give_back(_: &File, _: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes the oldest captures of a folder that nobody has saved, until they take
/// no more than `bound` bytes. Says how many are gone.
pub fn prune(folder: &Path, bound: u64) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let mut captures: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| is_left_behind(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, taken(&metadata), entry.path()))
        })
        .collect();
    captures.sort();
    let mut total: u64 = captures.iter().map(|(_, length, _)| length).sum();
    let mut gone = 0;
    for (_, length, path) in captures {
        if total <= bound {
            break;
        }
        if std::fs::remove_file(path).is_ok() {
            total -= length;
            gone += 1;
        }
    }
    gone
}

/// Bytes that a file takes: of one with dropped packets, fewer than its length.
#[cfg(unix)]
fn taken(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn taken(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Whether this is the name of a capture whose program has ended.
fn is_left_behind(name: &str) -> bool {
    let pid = name
        .strip_prefix("live-")
        .and_then(|rest| rest.strip_suffix(".pcapng"))
        .and_then(|rest| rest.rsplit_once('-'))
        .map(|(_, pid)| pid);
    pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}
