//! Whether a file is a whole ELF library: nothing that its header names lies
//! beyond its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of the header of a 64-bit ELF file.
const HEADER: usize = 64;
/// Program headers that are read at most.
const PROGRAM_HEADERS_MAX: u16 = 128;
/// `p_type` of a segment that is loaded.
const LOAD: u32 = 1;

/// State of a file that should be a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElfState {
    /// Every segment and table lies inside the file.
    Whole,
    /// The file has no bytes.
    Empty,
    /// A segment or a table ends at byte `needed` of a file of `length` bytes.
    Truncated { needed: u64, length: u64 },
    /// The file does not begin with the header of a 64-bit little-endian ELF
    /// file.
    Other,
}

impl ElfState {
    /// The state of the file `path`. Reads only headers.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        Self::read(&mut file, length)
    }

    fn read<F: Read + Seek>(file: &mut F, length: u64) -> io::Result<Self> {
        if length == 0 {
            return Ok(Self::Empty);
        }
        let mut header = Vec::with_capacity(HEADER);
        file.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
        // Class 2: 64 bits. Data 1: little endian.
        if header.get(..6) != Some(b"\x7fELF\x02\x01".as_slice()) {
            return Ok(Self::Other);
        }
        let (Some(programs), Some(sections)) = (
            ElfTable::read(&header, 0x20, 0x36),
            ElfTable::read(&header, 0x28, 0x3A),
        ) else {
            return Ok(Self::Truncated {
                needed: HEADER as u64,
                length,
            });
        };
        let mut needed = programs.end().max(sections.end());
        if programs.end() <= length && programs.size >= 0x28 {
            for index in 0..programs.count.min(PROGRAM_HEADERS_MAX) {
                let at = programs.offset + u64::from(index) * u64::from(programs.size);
                let mut entry = [0; 0x28];
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(&mut entry)?;
                if u32_at(&entry, 0) == Some(LOAD) {
                    let (offset, size) = (u64_at(&entry, 0x08), u64_at(&entry, 0x20));
                    let end = offset.unwrap_or(0).saturating_add(size.unwrap_or(0));
                    needed = needed.max(end);
                }
            }
        }
        Ok(match needed > length {
            true => Self::Truncated { needed, length },
            false => Self::Whole,
        })
    }
}

/// A table that the header names.
struct ElfTable {
    offset: u64,
    /// Bytes of an entry.
    size: u16,
    count: u16,
}

impl ElfTable {
    /// The table whose offset stands at `offset_at` of the header, and whose
    /// entry size and count stand at `size_at`.
    fn read(header: &[u8], offset_at: usize, size_at: usize) -> Option<Self> {
        Some(Self {
            offset: u64_at(header, offset_at)?,
            size: u16_at(header, size_at)?,
            count: u16_at(header, size_at + 2)?,
        })
    }

    /// Where the table ends; 0 if it has no entries.
    fn end(&self) -> u64 {
        match u64::from(self.size) * u64::from(self.count) {
            0 => 0,
            bytes => self.offset.saturating_add(bytes),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A library of `segment` bytes after its headers, and two sections.
    fn library(segment: usize) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + 0x38 + segment + 2 * 0x40];
        let length = bytes.len() as u64;
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        set(0x20, &(HEADER as u64).to_le_bytes());
        set(0x28, &(length - 0x80).to_le_bytes());
        set(0x36, &0x38u16.to_le_bytes());
        set(0x38, &1u16.to_le_bytes());
        set(0x3A, &0x40u16.to_le_bytes());
        set(0x3C, &2u16.to_le_bytes());
        set(HEADER, &LOAD.to_le_bytes());
        set(
            HEADER + 0x20,
            &((HEADER + 0x38 + segment) as u64).to_le_bytes(),
        );
        bytes
    }

    fn state(bytes: &[u8]) -> ElfState {
        ElfState::read(&mut Cursor::new(bytes), bytes.len() as u64).unwrap_or(ElfState::Other)
    }

    #[test]
    fn a_whole_library_is_told_from_every_cut_of_it() {
        let whole = library(100);
        assert_eq!(state(&whole), ElfState::Whole);
        assert_eq!(state(&[]), ElfState::Empty);
        for length in 6..whole.len() {
            let cut = state(&whole[..length]);
            assert!(
                matches!(cut, ElfState::Truncated { .. }),
                "{length}: {cut:?}"
            );
        }
        assert_eq!(state(b"not a library"), ElfState::Other);
    }

    #[test]
    fn a_library_without_sections_is_whole_up_to_its_last_segment() {
        let mut stripped = library(100);
        stripped[0x28..0x30].fill(0);
        stripped[0x3C] = 0;
        let end = stripped.len() - 0x80;
        assert_eq!(state(&stripped[..end]), ElfState::Whole);
        assert!(matches!(
            state(&stripped[..end - 1]),
            ElfState::Truncated { .. }
        ));
    }

    #[test]
    fn impossible_offsets_do_not_overflow() {
        let mut odd = library(10);
        odd[0x28..0x30].fill(0xFF);
        assert!(matches!(state(&odd), ElfState::Truncated { .. }));
        let mut odd = library(10);
        odd[HEADER + 8..HEADER + 16].fill(0xFF);
        assert!(matches!(state(&odd), ElfState::Truncated { .. }));
    }
}
