//! Capture files: pcapng, readable by a stock Wireshark.
//!
//! `docs/capture-format.md` describes every byte. In short: one interface per
//! VMBus channel, one enhanced packet block per record, whose data is an
//! "exported PDU" tag that names this program, the pseudo-header
//! ([`dxgtrace_protocol::record::header`]) and the message.
//!
//! * [`Writer`] writes them to anything that takes bytes, block by block.
//! * [`Reader`] walks a file or a pipe once, without copying packets.
//! * [`RandomReader`] fetches single records by position, for a view that
//!   keeps only an index in memory.

mod block;
mod clock;
mod description;
mod error;
mod layout;
mod order;
#[cfg(target_os = "linux")]
mod punch_hole;
mod random;
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
pub use layout::FileLayout;
#[cfg(target_os = "linux")]
pub use punch_hole::punch_hole;
pub use random::RandomReader;
pub use reader::{FileSummary, Reader};
pub use record::{FileRecord, RecordAt};
pub use writer::{CaptureOrigin, FlushPolicy, WriteError, Writer};

/// Longest block that is read or written, in bytes: twice the longest message
/// would do, but files of other programs and many comments need some room.
/// The same limit as Wireshark's.
pub const MAX_BLOCK: usize = 16 << 20;

/// The link type of every interface in a capture file: exported PDUs.
pub fn link_type() -> u32 {
    pcap_file::DataLink::WIRESHARK_UPPER_PDU.into()
}

/// Opens a capture file for reading.
///
/// # Errors
/// The file cannot be opened, or does not begin as a capture file.
pub fn open(path: &Path) -> Result<Reader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { offset: 0, source })?;
    // Opening a directory succeeds on Unix, and reading it then fails oddly.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadError::NotACapture(NotACapture::Directory));
    }
    read_once(&file);
    Reader::new(file)
}

/// Tells the system that the file is read once from its start to its end: it
/// reads further ahead, and does not sort its memory by what was read.
fn read_once(file: &File) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        // Only advice: without it, reading takes longer.
        let _ = fadvise(file, 0, None, Advice::Sequential);
        let _ = fadvise(file, 0, None, Advice::NoReuse);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Creates or empties a capture file that only its owner may read (mode 0600
/// on Unix), since messages carry other people's data.
///
/// # Errors
/// The file cannot be created, or its mode not be set.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        // The mode of a file that was there before is not changed by opening
        // it. Devices and pipes keep theirs.
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}
