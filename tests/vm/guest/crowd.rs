//! Another program that uses BPF all the time.
#![expect(
    unsafe_code,
    reason = "bpf has no wrapper; each block says why it is sound"
)]

use std::io;

const MAP_CREATE: u32 = 0;
const MAP_LOOKUP: u32 = 1;
const ARRAY: u32 = 2;
/// Large enough that a copy takes a while, and below the limit of 64 KiB on locked memory
/// that is common before Linux 5.11.
const VALUE_BYTES: u32 = 32 * 1024;

/// The beginning of `union bpf_attr` for creating a map.
#[repr(C)]
struct Create {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
}

/// The same for looking something up.
#[repr(C)]
struct Lookup {
    map: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Looks a value up in a map, until it is killed. While it does, kernels run
/// no kprobe's program on that processor, and before 6.7 count none.
pub fn crowd() -> io::Result<bool> {
    let map = bpf(
        MAP_CREATE,
        &Create {
            kind: ARRAY,
            key_size: 4,
            value_size: VALUE_BYTES,
            entries: 1,
        },
    )?;
    let key = 0u32;
    let mut value = vec![0u8; VALUE_BYTES as usize];
    let lookup = Lookup {
        map,
        reserved: 0,
        key: &raw const key as u64,
        value: value.as_mut_ptr() as u64,
        flags: 0,
    };
    loop {
        bpf(MAP_LOOKUP, &lookup)?;
    }
}

fn bpf<T>(command: u32, attributes: &T) -> io::Result<u32> {
    // SAFETY: the attributes are as long as stated; the pointers in them are
    // to a key and a value of the map's sizes, which live on.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    u32::try_from(result).map_err(|_| io::Error::last_os_error())
}
