//! The kernel's type information, as far as hooking a function takes it: its
//! number and how many parameters it has.
//!
//! A module's information continues the kernel's: numbers and strings count on
//! from where those of the kernel end.

use std::{fs, io, path::Path};

const FOLDER: &str = "/sys/kernel/btf";
const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
const TYPE: usize = 12;

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

struct Type {
    name: u32,
    kind: u8,
    /// How many members or parameters.
    count: u16,
    /// Number of the type that it refers to, or its size.
    refers: u32,
}

impl Btf {
    /// That of the kernel, or of a loaded module.
    pub(super) fn read(module: Option<&str>) -> io::Result<Self> {
        let bytes = fs::read(Path::new(FOLDER).join(module.unwrap_or("vmlinux")))?;
        Ok(Self { bytes })
    }

    /// The function of that name in the kernel.
    pub(super) fn function(&self, name: &str) -> Option<Function> {
        find(&[&self.bytes], name)
    }

    /// The function of that name in a module.
    pub(super) fn function_of(&self, module: &Self, name: &str) -> Option<Function> {
        find(&[&self.bytes, &module.bytes], name)
    }
}

/// Looks for a function in the last of `parts`; the others come before it.
fn find(parts: &[&[u8]], name: &str) -> Option<Function> {
    let own = parts.len().checked_sub(1)?;
    let (mut id, mut function) = (0, None);
    for (index, part) in parts.iter().enumerate() {
        types(part, |found| {
            id += 1;
            let fits = index == own
                && found.kind == KIND_FUNC
                && string(parts, found.name) == Some(name.as_bytes());
            if fits {
                function = Some((id, found.refers));
            }
            !fits
        })?;
    }
    let (id, prototype) = function?;
    let (mut at, mut parameters) = (0, None);
    for part in parts {
        types(part, |found| {
            at += 1;
            if at == prototype && found.kind == KIND_FUNC_PROTO {
                parameters = Some(found.count);
            }
            at < prototype
        })?;
        if at == prototype {
            break;
        }
    }
    Some(Function {
        id,
        parameters: parameters?,
    })
}

/// Walks the types of one part until `each` says no. `None` if the part is
/// damaged.
fn types(bytes: &[u8], mut each: impl FnMut(Type) -> bool) -> Option<()> {
    let mut rest = section(bytes, 8)?;
    while !rest.is_empty() {
        let info = word(rest, 4)?;
        let kind = (info >> 24 & 0x1f) as u8;
        let count = info as u16;
        let more = each(Type {
            name: word(rest, 0)?,
            kind,
            count,
            refers: word(rest, 8)?,
        });
        if !more {
            break;
        }
        let members = usize::from(count);
        let extra = match kind {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * members,
            KIND_ENUM | KIND_FUNC_PROTO => 8 * members,
            _ => 0,
        };
        rest = rest.get(TYPE + extra..)?;
    }
    Some(())
}

/// The string at an offset that counts through all parts.
fn string<'a>(parts: &[&'a [u8]], offset: u32) -> Option<&'a [u8]> {
    let mut offset = offset as usize;
    for part in parts {
        let strings = section(part, 16)?;
        if let Some(from) = strings.get(offset..).filter(|from| !from.is_empty()) {
            return from.split(|byte| *byte == 0).next();
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
mod tests {
    use super::*;

    /// Type information of these types: name, kind, count, reference, and what
    /// follows.
    fn made(types: &[(u32, u8, u16, u32, usize)], strings: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for &(name, kind, count, refers, extra) in types {
            body.extend(name.to_ne_bytes());
            body.extend((u32::from(kind) << 24 | u32::from(count)).to_ne_bytes());
            body.extend(refers.to_ne_bytes());
            body.extend(vec![0; extra]);
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
                (1, KIND_INT, 0, 4, 4),
                (0, KIND_STRUCT, 2, 8, 24),
                (0, KIND_FUNC_PROTO, 2, 1, 16),
                (5, KIND_FUNC, 1, 3, 0),
            ],
            b"\0int\0one\0",
        );
        // 5 a prototype, 6 `two` with it, 7 `one` with that of the kernel
        let module = made(
            &[
                (0, KIND_FUNC_PROTO, 3, 1, 24),
                (9, KIND_FUNC, 1, 5, 0),
                (5, KIND_FUNC, 1, 3, 0),
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
}
