//! Loads the programs and attaches them to the functions.

use std::{
    num::NonZeroU32,
    os::fd::{AsFd, AsRawFd, RawFd},
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader,
    programs::{KProbe, Program, ProgramError, UProbe, uprobe::UProbeScope},
};
use dxgtrace_ebpf::record;

use super::{
    CaptureOptions, CaptureTarget,
    counters::CounterMaps,
    error::{AttachError, one_line},
    follow::Processes,
    hooks::{self, FunctionLocation, HOOKS, Hook, Sides},
    kprobes::{self, Kprobe},
    missed::{self, Bounds},
    modules::{LoadedModule, ModuleChange, Modules},
    object, programs, system,
    trampoline::{TracedFunction, Trampolines},
};

/// At most so much is unread when the reader is woken; an eighth of the ring
/// at most.
const WAKE_SHARE: u32 = 3;
const RING_BYTES_MIN: u32 = 1 << 20;
const RING_BYTES_MAX: u32 = 1 << 30;

/// A way to hook a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `fentry` and `fexit`: the cheapest. A call is only missed where the
    /// kernel preempts a thread in the probe for another that gets there.
    Fentry,
    /// `kprobe` and `kretprobe`: works without BTF.
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
    hooked: Vec<HookedFunction>,
    /// Of a capture of the driver.
    driver: Option<LateDriver>,
    /// What the kernel skipped before the hooks last changed; `None` if it did
    /// not tell.
    skipped_before: Option<u64>,
    /// What it said right after that.
    tally_before: Option<i64>,
}

/// A function that is hooked.
struct HookedFunction {
    hook: &'static Hook,
    backend: Backend,
    /// The module that it is in.
    module: Option<LoadedModule>,
    /// By fentry: its programs.
    traced: Vec<TracedFunction>,
    /// By kprobe.
    kprobes: Vec<Kprobe>,
}

impl HookedFunction {
    fn is_there(&self) -> bool {
        self.module.as_ref().is_none_or(LoadedModule::is_there)
    }

    /// Whether it stays: fentry keeps the kernel from unloading the module.
    fn is_settled(&self) -> bool {
        self.module.is_none() || self.backend == Backend::Fentry
    }
}

/// What it takes to hook functions that appear later.
struct LateDriver {
    backend: Option<Backend>,
    trampolines: Result<Trampolines, String>,
    modules: Modules,
}

/// Loads and attaches what the options ask for.
pub(super) fn attach(options: &CaptureOptions) -> Result<Attachment, AttachError> {
    let (path, scope) = match &options.target {
        CaptureTarget::Driver(backend) => return driver(options, *backend),
        CaptureTarget::StandIn(pid) => {
            let path = PathBuf::from(format!("/proc/{pid}/exe"));
            let scope =
                NonZeroU32::new(*pid).map_or(UProbeScope::AllProcesses, UProbeScope::OneProcess);
            (path, scope)
        }
        CaptureTarget::StandInProgram(path) => (path.clone(), UProbeScope::AllProcesses),
    };
    let mut attachment = Attachment {
        ebpf: load(options)?,
        hooked: Vec::new(),
        driver: None,
        skipped_before: Some(0),
        tally_before: None,
    };
    for hook in &HOOKS {
        if uprobe(&mut attachment.ebpf, hook, &path, scope)? {
            attachment.hooked.push(HookedFunction {
                hook,
                backend: Backend::Uprobe,
                module: None,
                traced: Vec::new(),
                kprobes: Vec::new(),
            });
        }
    }
    Ok(attachment)
}

fn driver(options: &CaptureOptions, backend: Option<Backend>) -> Result<Attachment, AttachError> {
    if backend == Some(Backend::Uprobe) {
        return Err(AttachError::Backend {
            backend: Backend::Uprobe.name(),
            function: HOOKS[0].function.into(),
            reason: "it hooks stand-in processes, not the kernel".into(),
        });
    }
    // Looked at first: what is loaded in between is noticed afterwards.
    let modules = Modules::new();
    let homes = hooks::homes();
    let missing = HOOKS
        .iter()
        .find(|hook| hook.needed && !homes.contains_key(hook.function));
    if let Some(hook) = missing.filter(|_| !options.wait) {
        return Err(AttachError::NoVmbus(hook.function));
    }
    let ebpf = load(options)?;
    kprobes::clean();
    let trampolines = match (backend, object::PROBE) {
        (Some(Backend::Kprobe), _) | (_, None) => Err("it is not wanted".to_owned()),
        (_, Some(probe)) => Trampolines::new(probe, &ebpf),
    };
    let mut attachment = Attachment {
        ebpf,
        hooked: Vec::new(),
        driver: Some(LateDriver {
            backend,
            trampolines,
            modules,
        }),
        skipped_before: Some(0),
        tally_before: None,
    };
    attachment.hook(&homes)?;
    Ok(attachment)
}

impl Attachment {
    /// The functions that are hooked, and how.
    pub(super) fn hooks(&self) -> Vec<(&'static str, Backend)> {
        self.hooked
            .iter()
            .map(|hooked| (hooked.hook.function, hooked.backend))
            .collect()
    }

    /// Whether nothing is to be hooked later or anew.
    pub(super) fn is_settled(&self) -> bool {
        self.driver.is_none()
            || self.hooked.len() == HOOKS.len()
                && self.hooked.iter().all(HookedFunction::is_settled)
    }

    /// All programs that run: name and file descriptor.
    pub(super) fn programs(&self) -> Vec<(&'static str, RawFd)> {
        let programs = self.hooked.iter().map(|hooked| self.programs_of(hooked));
        programs.flatten().collect()
    }

    fn programs_of(&self, hooked: &HookedFunction) -> Vec<(&'static str, RawFd)> {
        let traced = hooked.traced.iter();
        let mut programs: Vec<_> = traced
            .map(|one| (one.name, one.program.as_raw_fd()))
            .collect();
        for name in sides(hooked)
            .iter()
            .flat_map(|sides| [sides.entry, sides.exit])
        {
            let program = self.ebpf.program(name);
            let fd = program.and_then(|program| program.fd().ok());
            programs.extend(fd.map(|fd| (name, fd.as_fd().as_raw_fd())));
        }
        programs
    }

    /// How often the kernel did not run a program, on channels of any device, at
    /// most; `None` if it does not tell.
    pub(super) fn skipped(&self, counters: &CounterMaps) -> Option<u64> {
        let now = self.tally(counters)?.most - self.tally_before?;
        Some(self.skipped_before? + u64::try_from(now).unwrap_or(0))
    }

    /// To be called once the hooks have changed.
    pub(super) fn count_from_here(&mut self, counters: &CounterMaps) {
        self.tally_before = self.tally(counters).map(|tally| tally.least);
    }

    /// Missed runs of the current hooks as the kernel counts them, plus an unknown
    /// constant.
    fn tally(&self, counters: &CounterMaps) -> Option<Bounds> {
        let kprobes = self.kprobes();
        let recursions = |kprobes: bool| {
            let hooked = self.hooked.iter();
            let hooked = hooked.filter(|one| (one.backend == Backend::Kprobe) == kprobes);
            let programs: Vec<_> = hooked.flat_map(|one| self.programs_of(one)).collect();
            programs::recursion_misses(&programs).cast_signed()
        };
        let bounds = match missed::missed_runs(&kprobes, counters) {
            Some(bounds) => bounds,
            None => {
                let missed = kprobes.iter().map(|kprobe| kprobe.missed());
                let missed = missed.sum::<Option<u64>>()?.cast_signed() + recursions(true);
                Bounds {
                    least: missed,
                    most: missed,
                }
            }
        };
        let others = recursions(false);
        Some(Bounds {
            least: bounds.least + others,
            most: bounds.most + others,
        })
    }

    fn kprobes(&self) -> Vec<&Kprobe> {
        let kprobes = self.hooked.iter().map(|hooked| &hooked.kprobes);
        kprobes.flatten().collect()
    }

    /// Looks whether modules have come or gone, and hooks what has come.
    pub(super) fn look(&mut self, counters: &CounterMaps) -> Vec<ModuleChange> {
        let Some(driver) = &mut self.driver else {
            return Vec::new();
        };
        let changes = driver.modules.changes();
        if changes.is_empty() {
            return changes;
        }
        self.skipped_before = self.skipped(counters);
        let hooked = std::mem::take(&mut self.hooked).into_iter();
        let (kept, gone) = hooked.partition(HookedFunction::is_there);
        self.hooked = kept;
        for hooked in gone {
            self.detach(hooked);
        }
        // What cannot be hooked now is as if it were not there.
        let _ = self.hook(&hooks::homes());
        self.count_from_here(counters);
        changes
    }

    /// Detaches what runs at entries. What runs at returns stays until
    /// [`Attachment::stop_returns`], for the calls that are still under way.
    pub(super) fn stop_entries(&mut self) {
        self.stop(|name| name.ends_with("entry"));
    }

    /// Detaches the rest.
    pub(super) fn stop_returns(&mut self) {
        self.stop(|_| true);
    }

    /// Detaches the programs whose name is `chosen`, all at the same time: for
    /// each the kernel waits a tenth of a second until none runs any more.
    fn stop(&mut self, chosen: impl Fn(&str) -> bool) {
        let hooked = self.hooked.iter_mut();
        let (traced, kprobes): (Vec<_>, Vec<_>) = hooked
            .map(|hooked| {
                let traced = hooked.traced.extract_if(.., |one| chosen(one.name));
                let kprobes = hooked.kprobes.extract_if(.., |one| chosen(one.name));
                (traced.collect::<Vec<_>>(), kprobes.collect::<Vec<_>>())
            })
            .unzip();
        std::thread::scope(|scope| {
            for one in traced.into_iter().flatten() {
                scope.spawn(|| drop(one));
            }
            for one in kprobes.into_iter().flatten() {
                scope.spawn(|| drop(one));
            }
            for (name, program) in self.ebpf.programs_mut() {
                if let (true, Program::UProbe(program)) = (chosen(name), program) {
                    // An error means that it is not loaded, which is what is wanted.
                    scope.spawn(|| program.unload());
                }
            }
        });
    }

    fn detach(&mut self, hooked: HookedFunction) {
        let sides = sides(&hooked);
        // What still runs cannot be unloaded.
        drop(hooked);
        if let Some(sides) = sides {
            unload(&mut self.ebpf, sides.entry);
            unload(&mut self.ebpf, sides.exit);
        }
    }

    /// Hooks what is there and not hooked yet.
    fn hook(
        &mut self,
        homes: &std::collections::HashMap<&str, FunctionLocation>,
    ) -> Result<(), AttachError> {
        let Some(driver) = &self.driver else {
            return Ok(());
        };
        for hook in &HOOKS {
            let known = self
                .hooked
                .iter()
                .any(|hooked| hooked.hook.function == hook.function);
            let Some(home) = homes.get(hook.function).filter(|_| !known) else {
                continue;
            };
            match hook_one(&mut self.ebpf, driver, hook, home) {
                Ok(Some(hooked)) if hooked.is_there() => self.hooked.push(hooked),
                // The module is going or coming: the next look tells.
                Ok(Some(hooked)) => {
                    self.detach(hooked);
                    break;
                }
                Ok(None) => {}
                Err(error) if hook.needed => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// By the best way that works; `None` if the module is not there as a whole.
fn hook_one(
    ebpf: &mut Ebpf,
    driver: &LateDriver,
    hook: &'static Hook,
    home: &FunctionLocation,
) -> Result<Option<HookedFunction>, AttachError> {
    // Noted before: if it changes meanwhile, it is not known what is hooked.
    let (name, module) = match home {
        FunctionLocation::Kernel => (None, None),
        FunctionLocation::Module(name) => match LoadedModule::now(name) {
            Some(module) => (Some(name.as_str()), Some(module)),
            None => return Ok(None),
        },
    };
    let traced = match &driver.trampolines {
        Ok(_) if driver.backend.is_none() && system::preempts(hook.context) => {
            Err("it would miss calls".to_owned())
        }
        Ok(trampolines) => trampolines.attach(hook, name),
        Err(reason) => Err(reason.clone()),
    };
    match (traced, driver.backend) {
        (Ok(traced), _) => Ok(Some(HookedFunction {
            hook,
            backend: Backend::Fentry,
            module,
            traced,
            kprobes: Vec::new(),
        })),
        (Err(reason), Some(Backend::Fentry)) => Err(AttachError::Backend {
            backend: Backend::Fentry.name(),
            function: hook.function.into(),
            reason,
        }),
        (Err(_), _) => {
            let kprobes = kprobe(ebpf, hook)?;
            Ok(Some(HookedFunction {
                hook,
                backend: Backend::Kprobe,
                module,
                traced: Vec::new(),
                kprobes,
            }))
        }
    }
}

/// The programs that aya holds.
fn sides(hooked: &HookedFunction) -> Option<&'static Sides> {
    match hooked.backend {
        Backend::Fentry => None,
        Backend::Kprobe => Some(&hooked.hook.kprobe),
        Backend::Uprobe => Some(&hooked.hook.uprobe),
    }
}

fn unload(ebpf: &mut Ebpf, name: &str) {
    // An error means that it is not loaded, which is what is wanted.
    let _ = match ebpf.program_mut(name) {
        Some(Program::KProbe(program)) => program.unload(),
        Some(Program::UProbe(program)) => program.unload(),
        _ => Ok(()),
    };
}

fn load(options: &CaptureOptions) -> Result<Ebpf, AttachError> {
    system::raise_memory_limit();
    let ring_bytes = options
        .ring_bytes
        .clamp(RING_BYTES_MIN, RING_BYTES_MAX)
        .next_power_of_two();
    let wake_shift = ring_bytes.ilog2() - WAKE_SHARE;
    let processes = Processes::new(options)?;
    let filter_comm = u32::from(options.comm.is_some());
    let of_driver = matches!(options.target, CaptureTarget::Driver(_));
    let task_registers = u32::from(of_driver && system::shows_registers());
    let [comm_low, comm_high] = record::words(options.comm.unwrap_or_default());
    let probe = object::PROBE.ok_or(AttachError::Architecture)?;
    let mut loader = EbpfLoader::new();
    loader
        .map_max_entries("RECORDS", ring_bytes)
        .override_global("WAKE_SHIFT", &wake_shift, true)
        .override_global("SNAP_LENGTH", &options.snap_length, true)
        .override_global("FILTER_COMM", &filter_comm, true)
        .override_global("COMM_LOW", &comm_low, true)
        .override_global("COMM_HIGH", &comm_high, true)
        .override_global("TASK_REGISTERS", &task_registers, true);
    processes.configure(&mut loader);
    let mut ebpf = loader
        .load(probe)
        .map_err(|error| AttachError::load(error, ring_bytes))?;
    processes.choose(&mut ebpf, &options.pids)?;
    Ok(ebpf)
}

/// The return comes first: one without its entry is ignored, an entry without
/// its return would be a message of unknown outcome.
fn kprobe(ebpf: &mut Ebpf, hook: &Hook) -> Result<Vec<Kprobe>, AttachError> {
    let mut kprobes = Vec::new();
    for name in [hook.kprobe.exit, hook.kprobe.entry] {
        let program = program::<KProbe>(ebpf, name)?;
        let result = program
            .load()
            .and_then(|()| Kprobe::attach(program, name, hook.function));
        match result {
            Ok(kprobe) => kprobes.push(kprobe),
            Err(error) => {
                drop(kprobes);
                unload(ebpf, hook.kprobe.exit);
                return Err(refused(Backend::Kprobe, hook.function, &error));
            }
        }
    }
    Ok(kprobes)
}

/// Whether the function is there.
fn uprobe(
    ebpf: &mut Ebpf,
    hook: &Hook,
    path: &Path,
    scope: UProbeScope,
) -> Result<bool, AttachError> {
    for name in [hook.uprobe.exit, hook.uprobe.entry] {
        let program = program::<UProbe>(ebpf, name)?;
        program
            .load()
            .map_err(|error| AttachError::program(&error))?;
        match program.attach(hook.function, path, scope) {
            Ok(_) => {}
            Err(ProgramError::UProbeError(_)) if !hook.needed => return Ok(false),
            Err(ProgramError::UProbeError(_)) => {
                return Err(AttachError::NoStandIn {
                    path: path.to_owned(),
                    function: hook.function,
                });
            }
            Err(error) => return Err(refused(Backend::Uprobe, hook.function, &error)),
        }
    }
    Ok(true)
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
        AttachError::Object(_) => AttachError::Backend {
            backend: backend.name(),
            function: function.into(),
            reason: one_line(error),
        },
        AttachError::Forbidden(error) if !system::is_admin() => {
            match (backend, system::paranoia()) {
                (_, Some(level)) => AttachError::Paranoid(level),
                (Backend::Uprobe, None) => AttachError::UprobeRights {
                    program: system::program(),
                },
                _ => AttachError::Forbidden(error),
            }
        }
        other => other,
    }
}
