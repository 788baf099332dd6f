//! Reads the kernel's type information (BTF): the parameters of functions and the
//! offsets of structure members.
//!
//! `Documentation/bpf/btf.rst` of the kernel describes the format. `aya_obj`
//! parses it too, but exposes only the id of a named type: neither parameters nor
//! members. It also does not support split BTF, in which the type ids and string
//! offsets of a module continue those of the kernel.

use std::ffi::CStr;
use std::{fs, io, path::Path};

const FOLDER: &str = "/sys/kernel/btf";
/// The BTF of the kernel itself.
pub(super) const KERNEL: &str = "/sys/kernel/btf/vmlinux";
/// The magic number, in the byte order of the machine.
const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
const TYPE: usize = 12;
const MEMBER: usize = 12;
/// Bits of a member's offset that hold the offset, in structures with bit fields.
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

/// A function described by BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    /// Its type id.
    pub(super) id: u32,
    /// Its number of parameters.
    pub(super) parameters: u16,
}

/// The BTF of the kernel or of a module.
#[derive(Debug)]
pub(super) struct Btf {
    bytes: Vec<u8>,
}

impl Btf {
    /// Reads the BTF of a loaded module, or of the kernel.
    pub(super) fn read(module: Option<&str>) -> io::Result<Self> {
        let bytes = match module {
            None => fs::read(KERNEL),
            Some(module) => fs::read(Path::new(FOLDER).join(module)),
        }?;
        Ok(Self { bytes })
    }

    /// The kernel's function `name`.
    pub(super) fn function(&self, name: &str) -> Option<Function> {
        function(&[&self.bytes], name)
    }

    /// The function `name` of `module`, whose BTF continues this one.
    pub(super) fn function_of(&self, module: &Self, name: &str) -> Option<Function> {
        function(&[&self.bytes, &module.bytes], name)
    }

    /// Offset in bytes of a direct member of a kernel structure.
    pub(super) fn member_offset(&self, structure: &str, member: &str) -> Option<u32> {
        let parts = [self.bytes.as_slice()];
        let is = |name, wanted: &str| string(&parts, name) == Some(wanted.as_bytes());
        let (_, found) = types(&parts)
            .find(|(_, found)| found.kind() == KIND_STRUCT && is(found.name, structure))?;
        let member = found
            .rest
            .chunks_exact(MEMBER)
            .find(|found| u32_at(found, 0).is_some_and(|name| is(name, member)))?;
        let offset = u32_at(member, 8)?;
        let bits = if found.has_bit_fields() {
            offset & OFFSET_BITS
        } else {
            offset
        };
        Some(bits / 8)
    }
}

/// The function `name` in the last of `parts`, which continues the others.
fn function(parts: &[&[u8]], name: &str) -> Option<Function> {
    let (_, before) = parts.split_last()?;
    let (id, found) = types(parts)
        .skip(types(before).count())
        .find(|(_, found)| {
            found.kind() == KIND_FUNC && string(parts, found.name) == Some(name.as_bytes())
        })?;
    let (_, prototype) = types(parts).find(|(id, _)| *id == found.size_or_type)?;
    (prototype.kind() == KIND_FUNC_PROTO).then_some(Function {
        id,
        parameters: prototype.count(),
    })
}

/// `struct btf_type`.
struct Type<'a> {
    name: u32,
    info: u32,
    /// Id of the type that it size_or_type to, or its size in bytes.
    size_or_type: u32,
    /// The members, parameters or values that follow it.
    rest: &'a [u8],
}

impl<'a> Type<'a> {
    /// The type at the start of `bytes`, and the bytes after it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (words, bytes) = bytes.split_at_checked(TYPE)?;
        let found = Self {
            name: u32_at(words, 0)?,
            info: u32_at(words, 4)?,
            size_or_type: u32_at(words, 8)?,
            rest: &[],
        };
        let (rest, after) = bytes.split_at_checked(found.rest_length())?;
        Some((Self { rest, ..found }, after))
    }

    fn kind(&self) -> u8 {
        (self.info >> 24 & 0x1f) as u8
    }

    /// Number of members, parameters or values.
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

/// The types of all parts with their ids, up to the first damaged one.
fn types<'a>(parts: &[&'a [u8]]) -> impl Iterator<Item = (u32, Type<'a>)> {
    let types = parts.iter().flat_map(|part| {
        let mut rest = section(part, 8);
        std::iter::from_fn(move || {
            let bytes = match rest {
                Some([]) => return None,
                bytes => bytes,
            };
            let found = bytes.and_then(Type::split);
            // A damaged type ends the iteration.
            rest = found.as_ref().map(|(_, after)| *after);
            Some(found.map(|(found, _)| found))
        })
    });
    (1..).zip(types.map_while(|found| found))
}

/// The string at `offset`, which counts through the strings of all parts.
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

/// A section of BTF: `at` is the position of its offset and length in the header,
/// 8 for types and 16 for strings.
fn section(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let magic = u16::from_ne_bytes(*bytes.first_chunk()?);
    if magic != MAGIC || bytes.len() < HEADER {
        return None;
    }
    let start = u32_at(bytes, 4)?.checked_add(u32_at(bytes, at)?)? as usize;
    let length = u32_at(bytes, at + 4)? as usize;
    bytes.get(start..start.checked_add(length)?)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    /// Type information of these types: name, kind, count, reference, and what
    /// follows.
    fn encode_btf(types: &[(u32, u8, u16, u32, &[u32])], strings: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for &(name, kind, count, size_or_type, rest) in types {
            let info = u32::from(kind) << 24 | u32::from(count);
            let words = [name, info, size_or_type];
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
        let kernel = encode_btf(
            &[
                (1, KIND_INT, 0, 4, &[0]),
                (0, KIND_STRUCT, 2, 8, &[0; 6]),
                (0, KIND_FUNC_PROTO, 2, 1, &[0; 4]),
                (5, KIND_FUNC, 1, 3, &[]),
            ],
            b"\0int\0one\0",
        );
        // 5 a prototype, 6 `two` with it, 7 `one` with that of the kernel
        let module = encode_btf(
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
        let bytes = encode_btf(
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
