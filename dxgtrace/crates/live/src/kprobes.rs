//! Attaches kprobes and kretprobes.
//!
//! They are created through tracefs where this process may write there: only
//! tracefs lets the number of calls be set that may be in progress before the
//! kernel misses returns (the default is twice the number of processors), and only
//! there do all kernels count missed runs. Otherwise aya creates them.
#![expect(
    unsafe_code,
    reason = "system calls without a wrapper; each block says why it is sound"
)]

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use aya::programs::{KProbe, ProgramError};

use super::bpf;

/// Mount points of tracefs.
const FOLDERS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// The name of the group of events.
const EVENT_GROUP: &str = "dxgtrace";
/// Calls that can be in progress before a kretprobe misses returns (`maxactive`).
const MAX_ACTIVE: u32 = 2048;

const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;
const PERF_EVENT_IOC_ENABLE: u64 = 0x2400;
const PERF_EVENT_IOC_SET_BPF: u64 = 0x4004_2408;

/// A program attached to a function's entry or return. To detach it, drop this and,
/// for [`KprobeHandle::AyaLink`], unload the program.
pub(super) struct Kprobe {
    pub(super) name: &'static str,
    handle: KprobeHandle,
}

enum KprobeHandle {
    TraceEvent(TraceEvent),
    /// The id of its link, on kernels with links of kprobes.
    AyaLink(Option<u32>),
}

/// An event in tracefs.
struct TraceEvent {
    folder: &'static Path,
    name: String,
    /// The program is attached while this is open.
    opened: Option<OwnedFd>,
}

impl Kprobe {
    /// Attaches a loaded program to a function.
    pub(super) fn attach(
        program: &mut KProbe,
        name: &'static str,
        function: &str,
    ) -> Result<Self, ProgramError> {
        let handle = match TraceEvent::new(program, name, function) {
            Ok(event) => KprobeHandle::TraceEvent(event),
            Err(_) => {
                program.attach(function, 0)?;
                let id = program.info().ok().map(|info| info.id());
                KprobeHandle::AyaLink(id.and_then(|id| bpf::link_of(id).ok()))
            }
        };
        Ok(Self { name, handle })
    }

    /// Missed runs, if its link counts them.
    pub(super) fn missed(&self) -> Option<u64> {
        match self.handle {
            KprobeHandle::TraceEvent(_) | KprobeHandle::AyaLink(None) => None,
            KprobeHandle::AyaLink(Some(link)) => bpf::missed(link).ok(),
        }
    }
}

/// Sum of the hits and misses of all `kprobes`, from `kprobe_profile`. `None`
/// unless all of them are tracefs events.
pub(super) fn hits_and_misses(kprobes: &[&Kprobe]) -> Option<u64> {
    let events = kprobes.iter().map(|kprobe| match &kprobe.handle {
        KprobeHandle::TraceEvent(event) => Some(event),
        KprobeHandle::AyaLink(_) => None,
    });
    let events: Vec<&TraceEvent> = events.collect::<Option<_>>()?;
    let list = fs::read_to_string(events.first()?.folder.join("kprobe_profile")).ok()?;
    let mut total = 0;
    for line in list.lines() {
        let mut words = line.split_whitespace();
        let name = words.next();
        if events.iter().any(|event| name == Some(&event.name)) {
            total += words.flat_map(str::parse::<u64>).sum::<u64>();
        }
    }
    Some(total)
}

impl TraceEvent {
    fn new(program: &KProbe, name: &str, function: &str) -> io::Result<Self> {
        let folder = FOLDERS.iter().map(Path::new);
        let folder = folder
            .into_iter()
            .find(|folder| folder.join("kprobe_events").exists())
            .ok_or(io::ErrorKind::NotFound)?;
        let kind = match name.ends_with("entry") {
            true => "p".to_owned(),
            false => format!("r{MAX_ACTIVE}"),
        };
        let name = format!("{name}_{}", std::process::id());
        write_kprobe_events(folder, &format!("{kind}:{EVENT_GROUP}/{name} {function}"))?;
        // From here on, dropping `event` removes the event.
        let mut event = Self {
            folder,
            name,
            opened: None,
        };
        let id = fs::read_to_string(event.path().join("id"))?;
        let id = id.trim().parse().map_err(io::Error::other)?;
        let opened = open_event(id)?;
        let program = program.fd().map_err(io::Error::other)?;
        let program = program.as_fd().as_raw_fd();
        event_ioctl(&opened, PERF_EVENT_IOC_SET_BPF, program)?;
        event_ioctl(&opened, PERF_EVENT_IOC_ENABLE, 0)?;
        event.opened = Some(opened);
        Ok(event)
    }

    fn path(&self) -> PathBuf {
        self.folder
            .join("events")
            .join(EVENT_GROUP)
            .join(&self.name)
    }
}

impl Drop for TraceEvent {
    fn drop(&mut self) {
        self.opened = None;
        // If this fails, the event is disabled, and the next start removes it.
        let _ = write_kprobe_events(self.folder, &format!("-:{EVENT_GROUP}/{}", self.name));
    }
}

/// Removes the events of processes that were killed.
pub(super) fn remove_stale_events() {
    for folder in FOLDERS.map(Path::new) {
        let Ok(events) = fs::read_dir(folder.join("events").join(EVENT_GROUP)) else {
            continue;
        };
        for event in events.flatten() {
            let name = event.file_name();
            let Some(name) = name.to_str() else { continue };
            let owner = name.rsplit('_').next();
            let owner = owner.and_then(|owner| owner.parse::<u32>().ok());
            if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                // The kernel refuses to remove an event in use, as of a process of
                // another PID namespace.
                let _ = write_kprobe_events(folder, &format!("-:{EVENT_GROUP}/{name}"));
            }
        }
    }
}

fn write_kprobe_events(folder: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .open(folder.join("kprobe_events"))?;
    file.write_all(line.as_bytes())
}

/// The first version of `struct perf_event_attr`.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    event_type: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint_type: u32,
    breakpoint: u64,
}

/// Opens an event for all processes. It is opened on one processor only, but its
/// program runs on all.
fn open_event(id: u64) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        event_type: PERF_TYPE_TRACEPOINT,
        size: size_of::<Attributes>() as u32,
        config: id,
        sample_period: 1,
        ..Attributes::default()
    };
    // SAFETY: the kernel reads the attributes, which are as long as they say.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            -1,
            0,
            -1,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just opened it for this process, and only here.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn event_ioctl(event: &OwnedFd, request: u64, value: i32) -> io::Result<()> {
    // SAFETY: both requests take a number, and no memory.
    match unsafe { libc::ioctl(event.as_raw_fd(), request as _, value) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
