//! Loads the probe's programs and attaches them to the functions.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    programs::{FEntry, FExit, KProbe, Program, ProgramError, UProbe, uprobe::UProbeScope},
};
use dxgtrace_ebpf::record;

use super::{
    Options, Target,
    error::{AttachError, one_line},
    follow::Processes,
    object, system,
};

const SEND: &str = "vmbus_sendpacket";
const FIRST: &str = "hv_pkt_iter_first";
const NEXT: &str = "__hv_pkt_iter_next";
/// The driver's own functions: without them, only its view is missing.
const SYNC: &str = "dxgvmb_send_sync_msg";
const IOCTL: &str = "dxgk_unlocked_ioctl";
const OPTIONAL: [&str; 2] = [SYNC, IOCTL];

/// At most so much is unread when the reader is woken; an eighth of the ring
/// at most.
const WAKE_SHARE: u32 = 3;
const RING_BYTES_MIN: u32 = 1 << 20;
const RING_BYTES_MAX: u32 = 1 << 30;

/// A way to hook the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `fentry` and `fexit`: the cheapest, and none is ever missed.
    Fentry,
    /// `kprobe` and `kretprobe`: works with modules and without BTF.
    Kprobe,
    /// `uprobe` and `uretprobe` on a stand-in process.
    Uprobe,
}

impl Backend {
    /// Its name as users know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Uprobe => "uprobe",
        }
    }
}

/// The probe at work.
pub(super) struct Attachment {
    pub(super) ebpf: Ebpf,
    pub(super) backend: Backend,
    pub(super) programs: Vec<&'static str>,
}

/// Program and function. Returns come first: a return without its entry is
/// ignored, an entry without its return would be a message of unknown outcome.
const KPROBES: [(&str, &str); 6] = [
    ("k_send_return", SEND),
    ("k_next_return", NEXT),
    ("k_first_return", FIRST),
    ("k_next_entry", NEXT),
    ("k_first_entry", FIRST),
    ("k_send_entry", SEND),
];
const UPROBES: [(&str, &str); 10] = [
    ("u_sync_return", SYNC),
    ("u_ioctl_return", IOCTL),
    ("u_send_return", SEND),
    ("u_next_return", NEXT),
    ("u_first_return", FIRST),
    ("u_next_entry", NEXT),
    ("u_first_entry", FIRST),
    ("u_send_entry", SEND),
    ("u_sync_entry", SYNC),
    ("u_ioctl_entry", IOCTL),
];

/// Loads and attaches what the options ask for.
pub(super) fn attach(options: &Options) -> Result<Attachment, AttachError> {
    match &options.target {
        Target::Driver(backend) => {
            if let Some(name) = system::missing_function(&[SEND, FIRST, NEXT]) {
                return Err(AttachError::NoVmbus(name));
            }
            match backend {
                Some(Backend::Fentry) => fentry(options),
                Some(Backend::Kprobe) => kprobe(options),
                Some(Backend::Uprobe) => Err(AttachError::Backend {
                    backend: Backend::Uprobe.name(),
                    function: SEND.into(),
                    reason: "it hooks stand-in processes, not the kernel".into(),
                }),
                // Without BTF, with the functions in a module, or without
                // trampolines only kprobes work; their error is the telling one.
                None => fentry(options).or_else(|_| kprobe(options)),
            }
        }
        Target::StandIn(pid) => {
            let path = PathBuf::from(format!("/proc/{pid}/exe"));
            let scope =
                NonZeroU32::new(*pid).map_or(UProbeScope::AllProcesses, UProbeScope::OneProcess);
            uprobe(options, &path, scope)
        }
        Target::StandInProgram(path) => uprobe(options, path, UProbeScope::AllProcesses),
    }
}

/// Splits the names of programs into those at entries and those at returns.
pub(super) fn by_side(programs: &[&'static str]) -> (Vec<&'static str>, Vec<&'static str>) {
    programs.iter().partition(|name| name.ends_with("entry"))
}

/// Detaches programs; what they wrote stays.
pub(super) fn detach(ebpf: &mut Ebpf, programs: &[&'static str]) {
    for name in programs {
        // An error means that it is not loaded, which is what is wanted.
        let _ = match ebpf.program_mut(name) {
            Some(Program::KProbe(program)) => program.unload(),
            Some(Program::UProbe(program)) => program.unload(),
            Some(Program::FEntry(program)) => program.unload(),
            Some(Program::FExit(program)) => program.unload(),
            _ => Ok(()),
        };
    }
}

fn load(options: &Options) -> Result<Ebpf, AttachError> {
    system::raise_memory_limit();
    let ring_bytes = options
        .ring_bytes
        .clamp(RING_BYTES_MIN, RING_BYTES_MAX)
        .next_power_of_two();
    let wake_shift = ring_bytes.ilog2() - WAKE_SHARE;
    let processes = Processes::new(options)?;
    let filter_comm = u32::from(options.comm.is_some());
    let [comm_low, comm_high] = record::words(options.comm.unwrap_or_default());
    let probe = object::PROBE.ok_or(AttachError::Architecture)?;
    let mut loader = EbpfLoader::new();
    loader
        .map_max_entries("RECORDS", ring_bytes)
        .override_global("WAKE_SHIFT", &wake_shift, true)
        .override_global("SNAP_LENGTH", &options.snap_length, true)
        .override_global("FILTER_COMM", &filter_comm, true)
        .override_global("COMM_LOW", &comm_low, true)
        .override_global("COMM_HIGH", &comm_high, true);
    processes.configure(&mut loader);
    let mut ebpf = loader
        .load(probe)
        .map_err(|error| AttachError::load(error, ring_bytes))?;
    processes.choose(&mut ebpf, &options.pids)?;
    Ok(ebpf)
}

fn fentry(options: &Options) -> Result<Attachment, AttachError> {
    let btf = Btf::from_sys_fs().map_err(|error| AttachError::Backend {
        backend: Backend::Fentry.name(),
        function: SEND.into(),
        reason: one_line(&error),
    })?;
    let mut ebpf = load(options)?;
    let mut programs = Vec::new();
    fexit(&mut ebpf, "f_send_return", SEND, &btf)?;
    programs.push("f_send_return");
    // Only the program for the right number of parameters passes the verifier.
    match fexit(&mut ebpf, "f_next_return3", NEXT, &btf) {
        Ok(()) => programs.push("f_next_return3"),
        Err(_) => {
            fexit(&mut ebpf, "f_next_return2", NEXT, &btf)?;
            programs.push("f_next_return2");
        }
    }
    fexit(&mut ebpf, "f_first_return", FIRST, &btf)?;
    programs.push("f_first_return");
    for (name, function) in [("f_next_entry", NEXT), ("f_send_entry", SEND)] {
        let program = program::<FEntry>(&mut ebpf, name)?;
        program
            .load(function, &btf)
            .and_then(|()| program.attach().map(|_| ()))
            .map_err(|error| refused(Backend::Fentry, function, &error))?;
        programs.push(name);
    }
    Ok(Attachment {
        ebpf,
        backend: Backend::Fentry,
        programs,
    })
}

fn fexit(
    ebpf: &mut Ebpf,
    name: &'static str,
    function: &str,
    btf: &Btf,
) -> Result<(), AttachError> {
    let program = program::<FExit>(ebpf, name)?;
    program
        .load(function, btf)
        .and_then(|()| program.attach().map(|_| ()))
        .map_err(|error| refused(Backend::Fentry, function, &error))
}

fn kprobe(options: &Options) -> Result<Attachment, AttachError> {
    let mut ebpf = load(options)?;
    for (name, function) in KPROBES {
        let program = program::<KProbe>(&mut ebpf, name)?;
        program
            .load()
            .map_err(|error| AttachError::program(&error))?;
        program
            .attach(function, 0)
            .map_err(|error| refused(Backend::Kprobe, function, &error))?;
    }
    let programs = KPROBES.map(|(name, _)| name).to_vec();
    Ok(Attachment {
        ebpf,
        backend: Backend::Kprobe,
        programs,
    })
}

fn uprobe(options: &Options, path: &Path, scope: UProbeScope) -> Result<Attachment, AttachError> {
    let mut ebpf = load(options)?;
    let mut programs = Vec::new();
    for (name, function) in UPROBES {
        let program = program::<UProbe>(&mut ebpf, name)?;
        program
            .load()
            .map_err(|error| AttachError::program(&error))?;
        match program.attach(function, path, scope) {
            Ok(_) => programs.push(name),
            Err(ProgramError::UProbeError(_)) if OPTIONAL.contains(&function) => {}
            Err(ProgramError::UProbeError(_)) => {
                return Err(AttachError::NoStandIn {
                    path: path.to_owned(),
                    function,
                });
            }
            Err(error) => return Err(refused(Backend::Uprobe, function, &error)),
        }
    }
    Ok(Attachment {
        ebpf,
        backend: Backend::Uprobe,
        programs,
    })
}

fn program<'a, T>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut T, AttachError>
where
    &'a mut T: TryFrom<&'a mut Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or_else(|| AttachError::Object(format!("it has no program {name}")))?
        .try_into()
        .map_err(|error: ProgramError| AttachError::program(&error))
}

fn refused(backend: Backend, function: &str, error: &ProgramError) -> AttachError {
    match AttachError::program(error) {
        AttachError::Object(reason) => AttachError::Backend {
            backend: backend.name(),
            function: function.into(),
            reason,
        },
        AttachError::Forbidden(_) if backend == Backend::Uprobe && !system::is_admin() => {
            AttachError::UprobeRights {
                program: system::program(),
            }
        }
        other => other,
    }
}
