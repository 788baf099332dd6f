//! Commands of `bpf(2)` that aya does not issue: to load programs for functions
//! of modules, and to read how many runs a link has missed.
#![expect(
    unsafe_code,
    reason = "a system call without a wrapper; each block says why it is sound"
)]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use aya_obj::generated::bpf_insn;

const PROG_LOAD: u32 = 5;
const OBJ_GET_INFO_BY_FD: u32 = 15;
const RAW_TRACEPOINT_OPEN: u32 = 17;
const BTF_GET_FD_BY_ID: u32 = 19;
const BTF_GET_NEXT_ID: u32 = 23;
const LINK_GET_FD_BY_ID: u32 = 30;
const LINK_GET_NEXT_ID: u32 = 31;

const TRACING: u32 = 26;
const LOG_BYTES: usize = 64 * 1024;
const NAME_BYTES: usize = 64;
/// Bytes of `struct bpf_link_info` up to the end of the count of missed runs.
const LINK_INFO_BYTES: usize = 56;
const LINK_INFO_PROGRAM: usize = 8;
const LINK_INFO_MISSED: usize = 48;

/// The end of a function that a program hooks: the kernel's attach types.
#[derive(Debug, Clone, Copy)]
pub(super) enum HookSide {
    Entry = 24,
    Exit = 25,
}

/// A program for a function, to be loaded.
pub(super) struct TracingProgram<'a> {
    pub(super) name: &'a str,
    pub(super) instructions: &'a [bpf_insn],
    pub(super) license: &'a CStr,
    pub(super) side: HookSide,
    /// BTF type id of the function, in `object` or in the kernel's BTF.
    pub(super) function: u32,
    pub(super) object: Option<BorrowedFd<'a>>,
}

/// The beginning of `union bpf_attr` for loading a program.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
    btf: [u32; 2],
    functions: u64,
    function_count: u32,
    line_size: u32,
    lines: u64,
    line_count: u32,
    attach_btf_id: u32,
    attach_btf_object: u32,
    reserved: u32,
}

#[repr(C)]
struct RawTracepoint {
    name: u64,
    program: u32,
    reserved: u32,
}

#[repr(C)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

#[repr(C)]
struct InfoByFd {
    fd: u32,
    length: u32,
    info: u64,
}

/// `struct bpf_btf_info`.
#[repr(C)]
#[derive(Default)]
struct BtfInfo {
    bytes: u64,
    size: u32,
    id: u32,
    name: u64,
    name_length: u32,
    of_kernel: u32,
}

/// Loads a program for a function.
///
/// # Errors
/// The kernel's error, and the verifier's log.
pub(super) fn load(program: &TracingProgram<'_>) -> Result<OwnedFd, (io::Error, String)> {
    let mut attributes = ProgLoad {
        program_type: TRACING,
        instruction_count: u32::try_from(program.instructions.len()).unwrap_or(u32::MAX),
        instructions: program.instructions.as_ptr() as u64,
        license: program.license.as_ptr() as u64,
        attach_type: program.side as u32,
        attach_btf_id: program.function,
        attach_btf_object: program
            .object
            .map_or(0, |fd| fd.as_raw_fd().cast_unsigned()),
        ..ProgLoad::default()
    };
    let most = attributes.name.len() - 1;
    for (place, byte) in attributes
        .name
        .iter_mut()
        .zip(program.name.bytes().take(most))
    {
        *place = byte;
    }
    // SAFETY: the attributes point to instructions and a string that outlive
    // the call, of the stated length and with a NUL.
    let first = match unsafe { bpf(PROG_LOAD, &mut attributes) } {
        Ok(fd) => return Ok(owned_fd(fd)),
        Err(error) => error,
    };
    let mut log = vec![0; LOG_BYTES];
    attributes.log_level = 1;
    attributes.log_size = LOG_BYTES as u32;
    attributes.log = log.as_mut_ptr() as u64;
    // SAFETY: as above, and the log is as long as stated.
    match unsafe { bpf(PROG_LOAD, &mut attributes) } {
        Ok(fd) => Ok(owned_fd(fd)),
        Err(_) => {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(0);
            log.truncate(end);
            Err((first, String::from_utf8_lossy(&log).into_owned()))
        }
    }
}

/// Attaches a loaded program until the result is dropped.
pub(super) fn attach(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attributes = RawTracepoint {
        name: 0,
        program: program.as_raw_fd().cast_unsigned(),
        reserved: 0,
    };
    // SAFETY: no member points anywhere.
    unsafe { bpf(RAW_TRACEPOINT_OPEN, &mut attributes) }.map(owned_fd)
}

/// The kernel's BTF object of a loaded module.
pub(super) fn btf_of_module(module: &str) -> io::Result<OwnedFd> {
    let mut id = 0;
    loop {
        id = next_id(BTF_GET_NEXT_ID, id)?;
        // The object may have been freed meanwhile.
        let Ok(fd) = fd_by_id(BTF_GET_FD_BY_ID, id) else {
            continue;
        };
        let mut name = [0; NAME_BYTES];
        let mut found = BtfInfo {
            name: name.as_mut_ptr() as u64,
            name_length: NAME_BYTES as u32,
            ..BtfInfo::default()
        };
        // SAFETY: the name has the stated length.
        unsafe { object_info(&fd, &mut found) }?;
        let length = name.iter().position(|byte| *byte == 0).unwrap_or(0);
        let same = name.get(..length) == Some(module.as_bytes());
        if found.of_kernel != 0 && same {
            return Ok(fd);
        }
    }
}

/// Id of the link that attaches the program with the id `program`.
pub(super) fn link_of(program: u32) -> io::Result<u32> {
    let mut id = 0;
    loop {
        id = next_id(LINK_GET_NEXT_ID, id)?;
        if let Ok((info, _)) = link_info(id)
            && u32_at(&info, LINK_INFO_PROGRAM) == Some(program)
        {
            return Ok(id);
        }
    }
}

/// Number of runs that the kprobe of a link has missed.
///
/// # Errors
/// The kernel does not count them (before 6.7), or the link is gone.
pub(super) fn missed(link_id: u32) -> io::Result<u64> {
    let (info, length) = link_info(link_id)?;
    if length < LINK_INFO_BYTES {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let low = u32_at(&info, LINK_INFO_MISSED).map_or(0, u64::from);
    let high = u32_at(&info, LINK_INFO_MISSED + 4).map_or(0, u64::from);
    Ok(high << 32 | low)
}

/// The kernel's description of a link, and its length in bytes.
fn link_info(id: u32) -> io::Result<([u8; LINK_INFO_BYTES], usize)> {
    let fd = fd_by_id(LINK_GET_FD_BY_ID, id)?;
    let mut found = [0; LINK_INFO_BYTES];
    // SAFETY: none of the bytes is a pointer: all are zero.
    let length = unsafe { object_info(&fd, &mut found) }?;
    Ok((found, length))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn next_id(command: u32, id: u32) -> io::Result<u32> {
    let mut attributes = ById {
        id,
        next: 0,
        flags: 0,
    };
    // SAFETY: no member points anywhere.
    unsafe { bpf(command, &mut attributes) }?;
    Ok(attributes.next)
}

fn fd_by_id(command: u32, id: u32) -> io::Result<OwnedFd> {
    let mut attributes = ById {
        id,
        next: 0,
        flags: 0,
    };
    // SAFETY: no member points anywhere.
    unsafe { bpf(command, &mut attributes) }.map(owned_fd)
}

/// Reads the kernel's description of an object into `found`, and returns the
/// length of that description in bytes.
///
/// # Safety
///
/// Pointers in `found` must be null or valid for the lengths beside them.
unsafe fn object_info<T>(fd: &OwnedFd, found: &mut T) -> io::Result<usize> {
    let mut attributes = InfoByFd {
        fd: fd.as_raw_fd().cast_unsigned(),
        length: size_of::<T>() as u32,
        info: std::ptr::from_mut(found) as u64,
    };
    // SAFETY: the kernel writes at most `length` bytes of the caller's value,
    // for which any bits are valid; the caller vouches for its pointers.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attributes) }?;
    Ok(attributes.length as usize)
}

/// # Safety
///
/// Pointers in `attributes` must be valid for what the command does with them.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes are as long as stated; the rest is the caller's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    match i32::try_from(result) {
        Ok(result @ 0..) => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

fn owned_fd(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just opened it for this process, and only here.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
