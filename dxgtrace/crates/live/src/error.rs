//! Errors that keep a capture from starting, each with the next step.

use std::{error::Error, io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};

/// The capabilities that an ordinary user needs to capture, in the syntax of
/// setcap.
pub const CAPABILITIES: &str = "cap_bpf,cap_perfmon,cap_dac_read_search+ep";

/// Why the probe could not be attached.
///
/// The text of each is one line that ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The process lacks capabilities.
    #[error(
        "capturing needs {missing}: run as root, or once \
         `setcap {} {program}`",
        CAPABILITIES
    )]
    Rights {
        /// The capabilities that are missing, in words.
        missing: String,
        /// The program file that needs the capabilities.
        program: String,
    },
    /// The kernel forbids BPF programs to read its memory.
    #[error(
        "the kernel is locked down ({0}), which forbids probes to read memory: \
         boot without lockdown=confidentiality (Secure Boot may imply it)"
    )]
    Lockdown(String),
    /// A security module, a container or a seccomp filter forbids BPF.
    #[error(
        "the kernel refused BPF to this process although its capabilities suffice ({0}): \
         leave the container, or allow bpf() and perf_event_open() in its seccomp and security profile"
    )]
    Forbidden(io::Error),
    /// `kernel.perf_event_paranoid` is 3 or more, with which kernels of Debian and
    /// Ubuntu let only `CAP_SYS_ADMIN` open events.
    #[error(
        "kernel.perf_event_paranoid is {0}, with which this kernel lets only CAP_SYS_ADMIN make kprobes: \
         run as root, or `sysctl kernel.perf_event_paranoid=2`"
    )]
    Paranoid(i32),
    /// Uprobes need more rights than kprobes: one in the middle of an instruction
    /// could change what a program does.
    #[error(
        "hooking a stand-in takes CAP_SYS_ADMIN on this kernel, as for all uprobes since Linux 6.16: \
         run as root, or once `setcap cap_bpf,cap_perfmon,cap_sys_admin+ep {program}`. \
         The driver itself can be captured without"
    )]
    UprobeRights {
        /// The program file that needs the capability.
        program: String,
    },
    /// The kernel has no BPF ring buffer.
    #[error(
        "Linux {release} is too old: the probe needs 5.8 or later; `dxgtrace read` works anywhere"
    )]
    KernelTooOld {
        /// The running kernel.
        release: String,
    },
    /// The kernel has no BPF at all.
    #[error(
        "this kernel has no {0}: build it with CONFIG_BPF_SYSCALL, CONFIG_KPROBES and CONFIG_UPROBES"
    )]
    NotBuiltIn(&'static str),
    /// The kernel lacks a function that must be hooked.
    #[error(
        "this kernel has no function {0}: it runs no VMBus driver. On a Hyper-V guest try \
         `modprobe hv_vmbus`, or --wait until it comes; elsewhere `dxgtrace demo` shows the stand-in"
    )]
    NoVmbus(&'static str),
    /// The chosen backend cannot hook this kernel.
    #[error(
        "{backend} cannot attach to {function}: {reason}; leave the choice of the backend to dxgtrace"
    )]
    Backend {
        /// The backend.
        backend: &'static str,
        /// The function to hook.
        function: String,
        /// Why it cannot.
        reason: String,
    },
    /// The process to trace is not a stand-in.
    #[error("{} has no function {function}: only processes started with `dxgtrace replay` can be traced", path.display())]
    NoStandIn {
        /// Its program.
        path: PathBuf,
        /// The function that was not found.
        function: &'static str,
    },
    /// The process to trace has ended.
    #[error("the stand-in has ended before it could be hooked: start it anew")]
    Ended,
    /// There is not enough memory for the ring buffer.
    #[error(
        "no memory for a ring buffer of {bytes} bytes: ask for a smaller one, or raise `ulimit -l`"
    )]
    Memory {
        /// The size asked for.
        bytes: u32,
    },
    /// Children of processes cannot be followed.
    #[error(
        "children cannot be followed: {0}. The kernel needs CONFIG_DEBUG_INFO_BTF; \
         or choose the processes with --pid or --comm alone"
    )]
    Follow(String),
    /// There is no probe for this kind of machine.
    #[error("capturing works on x86_64 and aarch64 only; reading captures works here")]
    Architecture,
    /// The embedded probe does not fit this program or this kernel.
    #[error("the probe does not load: {0}; please report this with the kernel's version")]
    Object(String),
    /// Any other refusal of the kernel.
    #[error("the kernel refused: {0}")]
    Kernel(io::Error),
}

const EPERM: i32 = 1;
const ESRCH: i32 = 3;
const ENOMEM: i32 = 12;
const EACCES: i32 = 13;
const ENOSYS: i32 = 38;

impl AttachError {
    /// The error of loading the object, which creates the maps.
    pub(super) fn from_load(error: EbpfError, ring_bytes: u32) -> Self {
        match system_error(&error) {
            Some(ENOMEM) => Self::Memory { bytes: ring_bytes },
            code => Self::from_code(code, &error),
        }
    }

    /// The error of loading or attaching a program.
    pub(super) fn from_program(error: &ProgramError) -> Self {
        Self::from_code(system_error(error), error)
    }

    /// The error of opening a map.
    pub(super) fn from_map(error: MapError) -> Self {
        Self::from_code(system_error(&error), &error)
    }

    fn from_code(code: Option<i32>, error: &(dyn Error + 'static)) -> Self {
        match code {
            Some(code @ (EPERM | EACCES)) => Self::Forbidden(io::Error::from_raw_os_error(code)),
            Some(ESRCH) => Self::Ended,
            Some(ENOSYS) => Self::NotBuiltIn("bpf system call"),
            _ => Self::Object(one_line(error)),
        }
    }
}

/// The `errno` that caused an error.
fn system_error(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error();
        }
        next = error.source();
    }
    None
}

/// An error and its causes on one line. Of a verifier log, keeps the first line and
/// the last ones, which say what it rejected.
pub(super) fn one_line(error: &(dyn Error + 'static)) -> String {
    const TAIL: usize = 3;
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut line = match lines.len().checked_sub(TAIL + 1) {
        Some(start @ 1..) => format!(
            "{} ... {}",
            lines.first().unwrap_or(&""),
            lines.get(start..).unwrap_or_default().join("; ")
        ),
        _ => lines.join("; "),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !cause_text.contains('\n') && !line.contains(&cause_text) {
            line.push_str(": ");
            line.push_str(&cause_text);
        }
        source = cause.source();
    }
    line
}
