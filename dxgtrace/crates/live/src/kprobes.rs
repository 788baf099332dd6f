//! Kprobes and kretprobes at work.
//!
//! They are made through the trace file system where this process may: only
//! there can be said how many calls may be in progress before the kernel misses
//! returns (elsewhere it is twice the number of processors), and only there do
//! all kernels tell what they missed. Otherwise aya makes them.
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

/// Where the trace file system may be.
const FOLDERS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// The name of our group of events.
const GROUP: &str = "dxgtrace";
/// Calls in progress whose returns are seen: each thread in the driver is in a
/// call or two.
const CALLS: u32 = 2048;

const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;
const PERF_EVENT_IOC_ENABLE: u64 = 0x2400;
const PERF_EVENT_IOC_SET_BPF: u64 = 0x4004_2408;

/// A program that runs at a function's entry or return, until this is dropped
/// and, if aya made it, the program is unloaded.
pub(super) struct Kprobe {
    pub(super) name: &'static str,
    made: Made,
}

enum Made {
    Event(TraceEvent),
    /// The number of its link, where the kernel has such.
    ByAya(Option<u32>),
}

/// An event of the trace file system.
struct TraceEvent {
    folder: &'static Path,
    name: String,
    /// The program runs while this is open.
    opened: Option<OwnedFd>,
}

impl Kprobe {
    /// Lets a loaded program run at a function.
    pub(super) fn attach(
        program: &mut KProbe,
        name: &'static str,
        function: &str,
    ) -> Result<Self, ProgramError> {
        let made = match TraceEvent::new(program, name, function) {
            Ok(event) => Made::Event(event),
            Err(_) => {
                program.attach(function, 0)?;
                let id = program.info().ok().map(|info| info.id());
                Made::ByAya(id.and_then(|id| bpf::link_of(id).ok()))
            }
        };
        Ok(Self { name, made })
    }

    /// How often the kernel did not run it, if its link tells.
    pub(super) fn missed(&self) -> Option<u64> {
        match self.made {
            Made::Event(_) | Made::ByAya(None) => None,
            Made::ByAya(Some(link)) => bpf::missed(link).ok(),
        }
    }
}

/// How often these were reached or missed: the numbers behind their names in the
/// kernel's list. `None` if not all are events, or there are none.
pub(super) fn due(kprobes: &[&Kprobe]) -> Option<u64> {
    let events = kprobes.iter().map(|kprobe| match &kprobe.made {
        Made::Event(event) => Some(event),
        Made::ByAya(_) => None,
    });
    let events: Vec<&TraceEvent> = events.collect::<Option<_>>()?;
    let list = fs::read_to_string(events.first()?.folder.join("kprobe_profile")).ok()?;
    let mut due = 0;
    for line in list.lines() {
        let mut words = line.split_whitespace();
        let name = words.next();
        if events.iter().any(|event| name == Some(&event.name)) {
            due += words.flat_map(str::parse::<u64>).sum::<u64>();
        }
    }
    Some(due)
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
            false => format!("r{CALLS}"),
        };
        let name = format!("{name}_{}", std::process::id());
        command(folder, &format!("{kind}:{GROUP}/{name} {function}"))?;
        // From here on, dropping it takes the event away.
        let mut event = Self {
            folder,
            name,
            opened: None,
        };
        let id = fs::read_to_string(event.path().join("id"))?;
        let id = id.trim().parse().map_err(io::Error::other)?;
        let opened = open(id)?;
        let program = program.fd().map_err(io::Error::other)?;
        let program = program.as_fd().as_raw_fd();
        control(&opened, PERF_EVENT_IOC_SET_BPF, program)?;
        control(&opened, PERF_EVENT_IOC_ENABLE, 0)?;
        event.opened = Some(opened);
        Ok(event)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("events").join(GROUP).join(&self.name)
    }
}

impl Drop for TraceEvent {
    fn drop(&mut self) {
        self.opened = None;
        // If it stays, it is off, and the next start removes it.
        let _ = command(self.folder, &format!("-:{GROUP}/{}", self.name));
    }
}

/// Removes what processes have left behind that were killed.
pub(super) fn clean() {
    for folder in FOLDERS.map(Path::new) {
        let Ok(events) = fs::read_dir(folder.join("events").join(GROUP)) else {
            continue;
        };
        for event in events.flatten() {
            let name = event.file_name();
            let Some(name) = name.to_str() else { continue };
            let owner = name.rsplit('_').next();
            let owner = owner.and_then(|owner| owner.parse::<u32>().ok());
            if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                // One of another pid namespace is in use, and stays.
                let _ = command(folder, &format!("-:{GROUP}/{name}"));
            }
        }
    }
}

fn command(folder: &Path, line: &str) -> io::Result<()> {
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

/// Opens an event for all processes. The processor does not matter: programs
/// run wherever the event happens.
fn open(id: u64) -> io::Result<OwnedFd> {
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

fn control(event: &OwnedFd, request: u64, value: i32) -> io::Result<()> {
    // SAFETY: both requests take a number, and no memory.
    match unsafe { libc::ioctl(event.as_raw_fd(), request as _, value) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
