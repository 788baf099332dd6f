//! Reads and writes capture files: pcapng that an unmodified Wireshark opens.
//!
//! `docs/capture-format.md` specifies every byte. In short: one interface per
//! VMBus channel and one enhanced packet block per record. The block's data is
//! an "exported PDU" tag that names this program, the pseudo-header
//! ([`dxgtrace_protocol::record::header`]) and the message.
//!
//! * [`Writer`] writes records to any [`io::Write`], in whole blocks.
//! * [`Reader`] reads a file or a pipe once from start to end, without copying
//!   packets. It also accepts files rewritten by other programs, and classic
//!   pcap.
//! * [`RandomReader`] fetches single records by position, for a view that
//!   keeps only an index in memory.
//! * [`recording`] is what a live capture writes to: one file, a ring of
//!   files, a flight recorder, or a pipe whose reader may stall.
//!
//! Inside: `block` splits packet blocks, `tags` the exported-PDU tags before
//! the pseudo-header, `description` formats and parses a channel's interface
//! description, `file_layout` keeps sections, interfaces and channels, `clock`
//! converts timestamps, and `window` buffers the input.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod block;
mod byte_order;
mod clock;
mod description;
mod error;
mod file_layout;
#[cfg(target_os = "linux")]
mod punch_hole;
mod random_reader;
mod reader;
mod record;
pub mod recording;
mod tags;
mod window;
mod writer;

use std::fs::File;
use std::io;
use std::path::Path;

pub use error::{BlockDamage, NotACapture, ReadError};
pub use file_layout::FileLayout;
#[cfg(target_os = "linux")]
pub use punch_hole::punch_hole;
pub use random_reader::RandomReader;
pub use reader::{FileSummary, Reader};
pub use record::{FileRecord, RecordAt};
pub use writer::{CaptureOrigin, FlushPolicy, WriteError, Writer};

/// Longest block that is read or written, in bytes: the limit of Wireshark.
/// Twice the longest message would do; other programs' files and many comments
/// need more.
pub const MAX_BLOCK: usize = 16 << 20;

/// Link type of every interface in a capture file: `WIRESHARK_UPPER_PDU`, 252.
pub fn link_type() -> u32 {
    pcap_file::DataLink::WIRESHARK_UPPER_PDU.into()
}

/// Opens a capture file for reading.
///
/// # Errors
/// The file cannot be opened, or its first block is not that of a capture file.
pub fn open(path: &Path) -> Result<Reader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { offset: 0, source })?;
    // On Unix a directory can be opened; reading it fails with EISDIR later.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadError::NotACapture(NotACapture::Directory));
    }
    advise_sequential(&file);
    Reader::new(file)
}

/// Tells the kernel that `file` is read once and sequentially: it reads further
/// ahead, and does not mark the pages as used.
fn advise_sequential(file: &File) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        // Errors are ignored: without the advice, reading is only slower.
        let _ = fadvise(file, 0, None, Advice::Sequential);
        let _ = fadvise(file, 0, None, Advice::NoReuse);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Creates or truncates a capture file with mode 0600 on Unix: messages carry
/// the data of other users.
///
/// # Errors
/// The file cannot be created, or its mode cannot be set.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        // `open` sets the mode of new files only. Devices and pipes keep theirs.
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}
