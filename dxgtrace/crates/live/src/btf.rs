//! The kernel's type information (BTF), as far as hooking a function and reading
//! a member of a structure take it.
//!
//! `Documentation/bpf/btf.rst` of the kernel describes the format. `aya_obj`
//! parses it too, but finds only the number of a type by its name: it keeps the
//! parameters of a function and the members of a structure to itself, and does
//! not know that a module's information continues the kernel's, whose numbers
//! and strings those of the module count on from.

use std::ffi::CStr;
use std::{fs, io, path::Path};

const FOLDER: &str = "/sys/kernel/btf";
/// Where the information of the kernel itself is.
pub(super) const KERNEL: &str = "/sys/kernel/btf/vmlinux";
/// The magic number, in the byte order of the machine.
const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
const TYPE: usize = 12;
const MEMBER: usize = 12;
/// In the offset of a member of a structure with bit fields: the bits before it.
const OFFSET_BITS: u32 = 0x00ff_ffff;

const KIND_INT: u8 = 1;
const KIND_ARRAY: u8 = 3;
const KIND_STRUCT: u8 = 4;
const KIND_UNION: u8 = 5;
const KIND_ENUM: u8 = 6;
const KIND_FUNC: u8 = 12;
const KIND_FUNC_PROTO: u8 = 13;
const KIND_VAR: u8 = 14;
const KIND_DATASEC: u8 = 15;
const KIND_DECL_TAG: u8 = 17;
const KIND_ENUM64: u8 = 19;

/// A function that the kernel knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    /// Number of its type.
    pub(super) id: u32,
    /// How many parameters it has.
    pub(super) parameters: u16,
}

/// Type information of the kernel, or of a module.
#[derive(Debug)]
pub(super) struct Btf {
    bytes: Vec<u8>,
}

impl Btf {
    /// That of the kernel, or of a loaded module.
    pub(super) fn read(module: Option<&str>) -> io::Result<Self> {
        let bytes = match module {
            None => fs::read(KERNEL),
            Some(module) => fs::read(Path::new(FOLDER).join(module)),
        }?;
        Ok(Self { bytes })
    }

    /// The function of that name in the kernel.
    pub(super) fn function(&self, name: &str) -> Option<Function> {
        function(&[&self.bytes], name)
    }

    /// The function of that name in a module.
    pub(super) fn function_of(&self, module: &Self, name: &str) -> Option<Function> {
        function(&[&self.bytes, &module.bytes], name)
    }

    /// Offset in bytes of a direct member of a structure of the kernel.
    pub(super) fn member_offset(&self, structure: &str, member: &str) -> Option<u32> {
        let parts = [self.bytes.as_slice()];
        let is = |name, wanted: &str| string(&parts, name) == Some(wanted.as_bytes());
        let (_, found) = types(&parts)
            .find(|(_, found)| found.kind() == KIND_STRUCT && is(found.name, structure))?;
        let member = found
            .rest
            .chunks_exact(MEMBER)
            .find(|found| word(found, 0).is_some_and(|name| is(name, member)))?;
        let offset = word(member, 8)?;
        let bits = if found.has_bit_fields() {
            offset & OFFSET_BITS
        } else {
            offset
        };
        Some(bits / 8)
    }
}

/// The function of that name in the last of `parts`; the others come before it.
fn function(parts: &[&[u8]], name: &str) -> Option<Function> {
    let (_, before) = parts.split_last()?;
    let (id, found) = types(parts)
        .skip(types(before).count())
        .find(|(_, found)| {
            found.kind() == KIND_FUNC && string(parts, found.name) == Some(name.as_bytes())
        })?;
    let (_, prototype) = types(parts).find(|(id, _)| *id == found.refers)?;
    (prototype.kind() == KIND_FUNC_PROTO).then_some(Function {
        id,
        parameters: prototype.count(),
    })
}

/// A type, as it stands in the information.
struct Type<'a> {
    name: u32,
    info: u32,
    /// Number of the type that it refers to, or its size.
    refers: u32,
    /// Its members, parameters or values.
    rest: &'a [u8],
}

impl<'a> Type<'a> {
    /// The type that `bytes` begin with, and what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (words, bytes) = bytes.split_at_checked(TYPE)?;
        let found = Self {
            name: word(words, 0)?,
            info: word(words, 4)?,
            refers: word(words, 8)?,
            rest: &[],
        };
        let (rest, after) = bytes.split_at_checked(found.rest_length())?;
        Some((Self { rest, ..found }, after))
    }

    fn kind(&self) -> u8 {
        (self.info >> 24 & 0x1f) as u8
    }

    /// How many members or parameters it has.
    fn count(&self) -> u16 {
        self.info as u16
    }

    fn has_bit_fields(&self) -> bool {
        self.info >> 31 == 1
    }

    fn rest_length(&self) -> usize {
        let count = usize::from(self.count());
        match self.kind() {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION => MEMBER * count,
            KIND_DATASEC | KIND_ENUM64 => 12 * count,
            KIND_ENUM | KIND_FUNC_PROTO => 8 * count,
            _ => 0,
        }
    }
}

/// The types of all parts with their numbers, up to what is damaged.
fn types<'a>(parts: &[&'a [u8]]) -> impl Iterator<Item = (u32, Type<'a>)> {
    let types = parts.iter().flat_map(|part| {
        let mut rest = section(part, 8);
        std::iter::from_fn(move || {
            let bytes = match rest {
                Some([]) => return None,
                bytes => bytes,
            };
            let found = bytes.and_then(Type::split);
            // One that cannot be read is the last of all.
            rest = found.as_ref().map(|(_, after)| *after);
            Some(found.map(|(found, _)| found))
        })
    });
    (1..).zip(types.map_while(|found| found))
}

/// The string at an offset that counts through all parts.
fn string<'a>(parts: &[&'a [u8]], offset: u32) -> Option<&'a [u8]> {
    let mut offset = offset as usize;
    for part in parts {
        let strings = section(part, 16)?;
        if let Some(from) = strings.get(offset..).filter(|from| !from.is_empty()) {
            return Some(CStr::from_bytes_until_nul(from).ok()?.to_bytes());
        }
        offset -= strings.len();
    }
    None
}

/// The section whose place stands at `at` of the header: types 8, strings 16.
fn section(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let magic = u16::from_ne_bytes(*bytes.first_chunk()?);
    if magic != MAGIC || bytes.len() < HEADER {
        return None;
    }
    let start = word(bytes, 4)?.checked_add(word(bytes, at)?)? as usize;
    let length = word(bytes, at + 4)? as usize;
    bytes.get(start..start.checked_add(length)?)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    /// Type information of these types: name, kind, count, reference, and what
    /// follows.
    fn made(types: &[(u32, u8, u16, u32, &[u32])], strings: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for &(name, kind, count, refers, rest) in types {
            let info = u32::from(kind) << 24 | u32::from(count);
            let words = [name, info, refers];
            let words = words.iter().chain(rest);
            body.extend(words.flat_map(|word| word.to_ne_bytes()));
        }
        let mut out = MAGIC.to_ne_bytes().to_vec();
        out.extend([1, 0]);
        for number in [
            HEADER as u32,
            0,
            body.len() as u32,
            body.len() as u32,
            strings.len() as u32,
        ] {
            out.extend(number.to_ne_bytes());
        }
        out.extend(body);
        out.extend(strings);
        out
    }

    #[test]
    fn a_function_of_a_module_counts_on_from_the_kernel() {
        // 1 an integer, 2 a structure, 3 a prototype, 4 `one`
        let kernel = made(
            &[
                (1, KIND_INT, 0, 4, &[0]),
                (0, KIND_STRUCT, 2, 8, &[0; 6]),
                (0, KIND_FUNC_PROTO, 2, 1, &[0; 4]),
                (5, KIND_FUNC, 1, 3, &[]),
            ],
            b"\0int\0one\0",
        );
        // 5 a prototype, 6 `two` with it, 7 `one` with that of the kernel
        let module = made(
            &[
                (0, KIND_FUNC_PROTO, 3, 1, &[0; 6]),
                (9, KIND_FUNC, 1, 5, &[]),
                (5, KIND_FUNC, 1, 3, &[]),
            ],
            b"two\0",
        );
        let (kernel, module) = (Btf { bytes: kernel }, Btf { bytes: module });
        let function = |id, parameters| Some(Function { id, parameters });
        assert_eq!(kernel.function("one"), function(4, 2));
        assert_eq!(kernel.function("two"), None);
        assert_eq!(kernel.function_of(&module, "two"), function(6, 3));
        assert_eq!(kernel.function_of(&module, "one"), function(7, 2));
        for length in 0..kernel.bytes.len() {
            let cut = Btf {
                bytes: kernel.bytes[..length].to_vec(),
            };
            assert_eq!(cut.function("one"), None);
        }
    }

    #[test]
    fn this_kernel_s_own_information_is_understood() {
        let Ok(kernel) = Btf::read(None) else {
            return;
        };
        let found = kernel.function("vfs_read").map(|found| found.parameters);
        assert_eq!(found, Some(4));
    }

    /// An integer, and a structure with two members of that type.
    fn task() -> Btf {
        let members = [10, 1, 64, 14, 1, 96]; // pid at bit 64, tgid at bit 96
        let bytes = made(
            &[
                (1, KIND_INT, 0, 4, &[32]),
                (5, KIND_STRUCT, 2, 64, &members),
            ],
            b"\0int\0task\0pid\0tgid\0",
        );
        Btf { bytes }
    }

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let btf = task();
        assert_eq!(btf.member_offset("task", "tgid"), Some(12));
        assert_eq!(btf.member_offset("task", "pid"), Some(8));
        assert_eq!(btf.member_offset("task", "pi"), None);
        assert_eq!(btf.member_offset("int", "pid"), None);
    }

    #[test]
    fn a_member_behind_bit_fields_is_found_by_its_bits() {
        let mut btf = task();
        let info = HEADER + TYPE + 4 + 4;
        let offset = HEADER + 2 * TYPE + 4 + MEMBER + 8;
        btf.bytes[info..info + 4].copy_from_slice(&(0x8400_0002_u32).to_ne_bytes());
        btf.bytes[offset..offset + 4].copy_from_slice(&(32 << 24 | 96_u32).to_ne_bytes());
        assert_eq!(btf.member_offset("task", "tgid"), Some(12));
    }

    #[test]
    fn a_cut_btf_is_no_reason_to_panic() {
        let btf = task();
        for end in 0..btf.bytes.len() {
            let bytes = btf.bytes[..end].to_vec();
            assert_eq!(Btf { bytes }.member_offset("task", "tgid"), None);
        }
    }

    #[test]
    fn the_running_kernel_s_tasks_are_found_if_it_tells() {
        if let Ok(btf) = Btf::read(None) {
            let pid = btf.member_offset("task_struct", "pid").unwrap();
            assert_eq!(btf.member_offset("task_struct", "tgid"), Some(pid + 4));
        }
    }
}
