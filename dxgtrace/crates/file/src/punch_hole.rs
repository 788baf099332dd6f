//! Gives the room of old records back while a file is being written, and leaves
//! the file readable.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};

/// A block type that the format leaves to everybody's own use: readers pass over
/// it.
const TYPE: u32 = 0x8000_0000 | 0x0064_7867;
/// What a block takes beside its body.
const FRAME: u64 = 12;
/// Longest block: shorter than what readers take for damage.
const LONGEST: u64 = 8 << 20;

/// Makes whole blocks of a file into ones that say nothing, and gives their room
/// back to the file system. No interface may be described among them.
///
/// # Errors
/// The file system refuses, or cannot give parts of files back.
pub fn punch_hole(file: &File, blocks: Range<u64>) -> io::Result<()> {
    let mut start = blocks.start;
    while start < blocks.end {
        let left = blocks.end - start;
        let length = match left {
            0..=LONGEST => left,
            // The rest must not be too short for a block.
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
