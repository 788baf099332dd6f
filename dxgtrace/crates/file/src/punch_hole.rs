//! Frees the disk space of old records in a file that is still being written.
//! The file stays a valid pcapng file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};

/// Block type of the filler blocks. The pcapng format reserves types with the
/// top bit set for local use, and readers skip types that they do not know.
const TYPE: u32 = 0x8000_0000 | 0x0064_7867;
/// Bytes of a block around its body: type, length, trailing length.
const FRAME: u64 = 12;
/// Longest filler block, in bytes. Readers take a block above 16 MiB for damage.
const LONGEST: u64 = 8 << 20;

/// Replaces the blocks in `blocks` by filler blocks and punches holes into
/// these.
///
/// `blocks` is a range of byte offsets that starts and ends at block
/// boundaries. It must hold no section header and no interface description:
/// later packets refer to those.
///
/// # Errors
/// Writing fails, or the file system cannot punch holes.
pub fn punch_hole(file: &File, blocks: Range<u64>) -> io::Result<()> {
    let mut start = blocks.start;
    while start < blocks.end {
        let left = blocks.end - start;
        let length = match left {
            0..=LONGEST => left,
            // Half, so that the last block is never shorter than FRAME.
            _ => LONGEST / 2,
        };
        let end = start + length;
        let size = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        file.write_all_at(&size, end - 4)?;
        let mut head = [0; 8];
        head[..4].copy_from_slice(&TYPE.to_le_bytes());
        head[4..].copy_from_slice(&size);
        file.write_all_at(&head, start)?;
        if length > FRAME {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(file, flags, start + 8, length - FRAME)?;
        }
        start = end;
    }
    Ok(())
}
