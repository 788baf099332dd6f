//! Where the members of the kernel's structures are, from its BTF.
//!
//! `Documentation/bpf/btf.rst` of the kernel describes the format. aya reads
//! it too, but keeps members to itself.

/// Its magic number, in the byte order of the machine.
const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
/// In the offset of a member of a structure with bit fields: the bits before it.
const OFFSET_BITS: u32 = 0x00ff_ffff;

/// Offset in bytes of a direct member of a structure, if the BTF has it.
pub(super) fn member_offset(btf: &[u8], structure: &str, member: &str) -> Option<u32> {
    if u16::from_ne_bytes(part(btf, 0)?) != MAGIC {
        return None;
    }
    let header = word(btf, 4)? as usize;
    let [types_at, types_length, strings_at, strings_length] =
        [8, 12, 16, 20].map(|at| word(btf, at));
    let section = |at: Option<u32>, length: Option<u32>| {
        let at = header.checked_add(at? as usize)?;
        btf.get(at..at.checked_add(length? as usize)?)
    };
    let types = section(types_at, types_length)?;
    let strings = section(strings_at, strings_length)?;
    let is = |offset: u32, name: &str| {
        strings
            .get(offset as usize..)
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    };
    let mut at = 0;
    while at < types.len() {
        let (name, info) = (word(types, at)?, word(types, at + 4)?);
        let (count, kind, bit_fields) =
            ((info & 0xffff) as usize, info >> 24 & 0x1f, info >> 31 == 1);
        let body = at + 12;
        if kind == KIND_STRUCT && is(name, structure) {
            return (0..count).find_map(|index| {
                let at = body + 12 * index;
                if !is(word(types, at)?, member) {
                    return None;
                }
                let offset = word(types, at + 8)?;
                let bits = if bit_fields {
                    offset & OFFSET_BITS
                } else {
                    offset
                };
                Some(bits / 8)
            });
        }
        at = body + body_length(kind, count);
    }
    None
}

/// Bytes of a type after its first three words.
fn body_length(kind: u32, count: usize) -> usize {
    match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // ARRAY
        3 => 12,
        // STRUCT, UNION, DATASEC, ENUM64
        4 | 5 | 15 | 19 => 12 * count,
        // ENUM, FUNC_PROTO
        6 | 13 => 8 * count,
        _ => 0,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(part(bytes, at)?))
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::{MAGIC, member_offset};

    /// An integer, and a structure with two members of that type.
    fn btf() -> Vec<u8> {
        let strings = b"\0int\0task\0pid\0tgid\0";
        let types: [u32; 13] = [
            1,
            1 << 24,
            4,
            32, // int, 4 bytes; its bits
            5,
            4 << 24 | 2,
            64, // struct task
            10,
            1,
            64, // pid at bit 64
            14,
            1,
            96, // tgid at bit 96
        ];
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let words = [24, 0, 52, 52, strings.len() as u32];
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let btf = btf();
        assert_eq!(member_offset(&btf, "task", "tgid"), Some(12));
        assert_eq!(member_offset(&btf, "task", "pid"), Some(8));
        assert_eq!(member_offset(&btf, "task", "pi"), None);
        assert_eq!(member_offset(&btf, "int", "pid"), None);
    }

    #[test]
    fn a_cut_btf_is_no_reason_to_panic() {
        let btf = btf();
        for end in 0..btf.len() {
            let _ = member_offset(&btf[..end], "task", "tgid");
        }
    }

    #[test]
    fn the_running_kernel_s_tasks_are_found_if_it_tells() {
        if let Ok(btf) = std::fs::read("/sys/kernel/btf/vmlinux") {
            let pid = member_offset(&btf, "task_struct", "pid").unwrap();
            assert_eq!(member_offset(&btf, "task_struct", "tgid"), Some(pid + 4));
        }
    }
}
