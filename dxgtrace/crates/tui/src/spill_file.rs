//! Disk limits for unsaved live captures: within one file, the oldest packets
//! are dropped; of files left by earlier runs, the oldest are removed.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Packets are dropped in pieces of the limit divided by this.
const PIECES: u64 = 32;

/// The file of a live capture, with a limit of its size on disk.
pub struct SpillFile {
    file: File,
    /// Limit, in bytes.
    limit: u64,
    /// Ranges of records that can be dropped, oldest first. They exclude
    /// interface descriptions, which later records need.
    pieces: VecDeque<Range<u64>>,
    /// Length of the file, in bytes.
    written: u64,
    /// Bytes in holes that were punched.
    freed: u64,
    /// End of the last piece that was dropped.
    dropped: u64,
}

impl SpillFile {
    /// A file that takes up to `limit` bytes of disk space; `None` is unlimited.
    pub fn new(file: File, limit: Option<u64>) -> Self {
        Self {
            file,
            limit: limit.unwrap_or(u64::MAX),
            pieces: VecDeque::new(),
            written: 0,
            freed: 0,
            dropped: 0,
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Adds a record that was written at `record`, a range of bytes. If
    /// `describes`, an interface description precedes it: it is never dropped.
    pub fn add_record(&mut self, record: Range<u64>, describes: bool) {
        self.written = record.end;
        if self.limit == u64::MAX || describes {
            return;
        }
        let piece = self.limit / PIECES;
        match self.pieces.back_mut() {
            Some(last) if last.end == record.start && last.end - last.start < piece => {
                last.end = record.end;
            }
            _ => self.pieces.push_back(record),
        }
    }

    /// Drops the oldest packets until the file is within its limit, but none
    /// behind offset `read`, up to which the screen has read the file. Returns
    /// the offset before which packets are dropped.
    ///
    /// # Errors
    /// The file system cannot punch holes.
    pub fn drop_oldest(&mut self, read: u64) -> io::Result<u64> {
        while self.written - self.freed > self.limit && self.pieces.len() > 1 {
            let Some(piece) = self.pieces.front().filter(|piece| piece.end <= read) else {
                break;
            };
            let piece = piece.clone();
            self.pieces.pop_front();
            free_space(&self.file, piece.clone()).map_err(|error| {
                let limit = self.limit >> 20;
                io::Error::other(format!(
                    "it has reached its limit of {limit} MiB, and this file system cannot drop \
                     the oldest packets: {error}"
                ))
            })?;
            self.freed += piece.end - piece.start;
            self.dropped = piece.end;
        }
        Ok(self.dropped)
    }
}

#[cfg(target_os = "linux")]
fn free_space(file: &File, piece: Range<u64>) -> io::Result<()> {
    dxgtrace_file::punch_hole(file, piece)
}

#[cfg(not(target_os = "linux"))]
fn free_space(_: &File, _: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes the oldest unsaved captures of ended programs in `folder`, until the
/// rest takes at most `limit` bytes. Returns the number of files removed.
pub fn prune(folder: &Path, limit: u64) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let mut captures: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| is_left_behind(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((
                metadata.modified().ok()?,
                disk_space(&metadata),
                entry.path(),
            ))
        })
        .collect();
    captures.sort();
    let mut total: u64 = captures.iter().map(|(_, length, _)| length).sum();
    let mut removed = 0;
    for (_, length, path) in captures {
        if total <= limit {
            break;
        }
        if std::fs::remove_file(path).is_ok() {
            total -= length;
            removed += 1;
        }
    }
    removed
}

/// Disk space of a file, in bytes. Holes make it less than the length.
#[cfg(unix)]
fn disk_space(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn disk_space(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Whether `name` is that of an unsaved capture (`live-TIME-PID.pcapng`) whose
/// program has ended.
fn is_left_behind(name: &str) -> bool {
    let pid = name
        .strip_prefix("live-")
        .and_then(|rest| rest.strip_suffix(".pcapng"))
        .and_then(|rest| rest.rsplit_once('-'))
        .map(|(_, pid)| pid);
    pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}
