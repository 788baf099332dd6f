//! Loads the programs and attaches them to the hooked functions.

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
    follow::ProcessFilter,
    hooks::{self, FunctionLocation, HOOKS, Hook, HookPrograms, HookPurpose},
    kprobes::{self, Kprobe},
    missed::{self, Bounds},
    modules::{LoadedModule, ModuleChange, Modules},
    probe_object, programs, system,
    trampoline::{TracedFunction, Trampolines},
};

/// The reader is woken each time another `1 / 2^WAKE_SHARE` of the ring is unread.
const WAKE_SHARE: u32 = 3;
const RING_BYTES_MIN: u32 = 1 << 20;
const RING_BYTES_MAX: u32 = 1 << 30;

/// A way to hook a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `fentry` and `fexit`: the cheapest. A call is missed only where the kernel
    /// preempts the probe for another thread that calls the same function.
    Fentry,
    /// `kprobe` and `kretprobe`: works without BTF.
    Kprobe,
    /// `uprobe` and `uretprobe` on a stand-in process.
    Uprobe,
}

impl Backend {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Uprobe => "uprobe",
        }
    }
}

/// The loaded probe and the functions that it hooks.
pub(super) struct Attachment {
    pub(super) ebpf: Ebpf,
    hooked: Vec<HookedFunction>,
    /// Of a capture of the driver, and not of a stand-in.
    driver: Option<LateDriver>,
    /// Calls that the kernel had skipped when the hooks last changed; `None` if
    /// the kernel does not count them.
    skipped_at_change: Option<u64>,
    /// [`Attachment::missed_runs`] right after that change.
    missed_at_change: Option<i64>,
}

/// A function that is hooked.
struct HookedFunction {
    hook: &'static Hook,
    backend: Backend,
    /// The module that defines the function.
    module: Option<LoadedModule>,
    /// The programs of [`Backend::Fentry`].
    traced: Vec<TracedFunction>,
    /// The programs of [`Backend::Kprobe`].
    kprobes: Vec<Kprobe>,
}

impl HookedFunction {
    fn is_loaded(&self) -> bool {
        self.module
            .as_ref()
            .is_none_or(LoadedModule::is_still_loaded)
    }

    /// Whether the hook lasts as long as the capture: fentry keeps the kernel from
    /// unloading the module. The functions for the life of channels stay as long as
    /// those for packets.
    fn is_final(&self) -> bool {
        self.module.is_none()
            || self.backend == Backend::Fentry
            || self.hook.purpose == HookPurpose::Channels
    }
}

/// The state that is needed to hook functions of modules that are loaded later.
struct LateDriver {
    backend: Option<Backend>,
    trampolines: Result<Trampolines, String>,
    modules: Modules,
}

/// Loads the probe and attaches it as `options` ask for.
pub(super) fn attach(options: &CaptureOptions) -> Result<Attachment, AttachError> {
    let (path, scope) = match &options.target {
        CaptureTarget::Driver(backend) => return attach_to_driver(options, *backend),
        CaptureTarget::StandIn(pid) => {
            let path = PathBuf::from(format!("/proc/{pid}/exe"));
            let scope =
                NonZeroU32::new(*pid).map_or(UProbeScope::AllProcesses, UProbeScope::OneProcess);
            (path, scope)
        }
        CaptureTarget::StandInProgram(path) => (path.clone(), UProbeScope::AllProcesses),
    };
    let mut attachment = Attachment {
        ebpf: load_probe(options)?,
        hooked: Vec::new(),
        driver: None,
        skipped_at_change: Some(0),
        missed_at_change: None,
    };
    for hook in &HOOKS {
        if attach_uprobes(&mut attachment.ebpf, hook, &path, scope)? {
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

fn attach_to_driver(
    options: &CaptureOptions,
    backend: Option<Backend>,
) -> Result<Attachment, AttachError> {
    if backend == Some(Backend::Uprobe) {
        return Err(AttachError::Backend {
            backend: Backend::Uprobe.name(),
            function: HOOKS[0].function.into(),
            reason: "it hooks stand-in processes, not the kernel".into(),
        });
    }
    // Read first: a module that is loaded after this is found by the next check.
    let modules = Modules::new();
    let locations = hooks::function_locations();
    let missing = HOOKS
        .iter()
        .find(|hook| hook.is_required() && !locations.contains_key(hook.function));
    if let Some(hook) = missing.filter(|_| !options.wait) {
        return Err(AttachError::NoVmbus(hook.function));
    }
    let ebpf = load_probe(options)?;
    kprobes::remove_stale_events();
    let trampolines = match (backend, probe_object::PROBE) {
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
        skipped_at_change: Some(0),
        missed_at_change: None,
    };
    attachment.hook_available(&locations)?;
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

    /// Whether all functions are hooked and stay hooked, but for those that this
    /// kernel lacks.
    pub(super) fn is_final(&self) -> bool {
        self.driver.is_none()
            || self.hooked.iter().all(HookedFunction::is_final)
                && HOOKS.iter().all(|hook| !self.may_appear(hook))
    }

    /// Whether a function may still appear.
    fn may_appear(&self, hook: &Hook) -> bool {
        let is_hooked = |hook: &Hook| {
            let mut hooked = self.hooked.iter();
            hooked.any(|hooked| hooked.hook.function == hook.function)
        };
        match hook.purpose {
            HookPurpose::Packets | HookPurpose::Driver => !is_hooked(hook),
            HookPurpose::Channels => HOOKS
                .iter()
                .any(|hook| hook.is_required() && !is_hooked(hook)),
        }
    }

    /// Name and file descriptor of every attached program.
    pub(super) fn programs(&self) -> Vec<(&'static str, RawFd)> {
        let programs = self.hooked.iter().map(|hooked| self.programs_of(hooked));
        programs.flatten().collect()
    }

    fn programs_of(&self, hooked: &HookedFunction) -> Vec<(&'static str, RawFd)> {
        let traced = hooked.traced.iter();
        let mut programs: Vec<_> = traced
            .map(|one| (one.name, one.program.as_raw_fd()))
            .collect();
        let names = aya_programs(hooked).into_iter();
        for name in names.flat_map(HookPrograms::names) {
            let program = self.ebpf.program(name);
            let fd = program.and_then(|program| program.fd().ok());
            programs.extend(fd.map(|fd| (name, fd.as_fd().as_raw_fd())));
        }
        programs
    }

    /// Upper bound of the calls, on channels of any device, for which the kernel
    /// skipped a program; `None` if the kernel does not count them.
    pub(super) fn skipped(&self, counters: &CounterMaps) -> Option<u64> {
        let now = self.missed_runs(counters)?.most - self.missed_at_change?;
        Some(self.skipped_at_change? + u64::try_from(now).unwrap_or(0))
    }

    /// Takes the current count of skipped calls as the base of [`Self::skipped`].
    /// Must be called after every change of the hooks.
    pub(super) fn restart_skipped_count(&mut self, counters: &CounterMaps) {
        self.missed_at_change = self.missed_runs(counters).map(|missed| missed.least);
    }

    /// Skipped runs of the programs that are attached now, plus a constant that
    /// changes with the hooks.
    fn missed_runs(&self, counters: &CounterMaps) -> Option<Bounds> {
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

    /// Drops the hooks of unloaded modules and hooks the functions of loaded ones.
    /// Returns which modules have changed.
    pub(super) fn update_hooks(&mut self, counters: &CounterMaps) -> Vec<ModuleChange> {
        let Some(driver) = &mut self.driver else {
            return Vec::new();
        };
        let changes = driver.modules.changes();
        if changes.is_empty() {
            return changes;
        }
        self.skipped_at_change = self.skipped(counters);
        let hooked = std::mem::take(&mut self.hooked).into_iter();
        let (kept, gone) = hooked.partition(HookedFunction::is_loaded);
        self.hooked = kept;
        for hooked in gone {
            self.detach(hooked);
        }
        // A function that cannot be hooked is treated as missing.
        let _ = self.hook_available(&hooks::function_locations());
        self.restart_skipped_count(counters);
        changes
    }

    /// Detaches the programs at function entries. Those at returns stay until
    /// [`Attachment::detach_rest`], so that calls in progress are completed.
    pub(super) fn detach_entries(&mut self) {
        self.detach_programs(|name| name.ends_with("entry"));
    }

    /// Detaches all programs that are still attached.
    pub(super) fn detach_rest(&mut self) {
        self.detach_programs(|_| true);
    }

    /// Detaches the programs whose name is `chosen`, all at the same time: for each,
    /// the kernel waits a tenth of a second until it no longer runs.
    fn detach_programs(&mut self, chosen: impl Fn(&str) -> bool) {
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
                    // An error means that the program is not loaded.
                    scope.spawn(|| program.unload());
                }
            }
        });
    }

    fn detach(&mut self, hooked: HookedFunction) {
        let sides = aya_programs(&hooked);
        // A program can be unloaded only once it is detached.
        drop(hooked);
        for name in sides.into_iter().flat_map(HookPrograms::names) {
            unload(&mut self.ebpf, name);
        }
    }

    /// Hooks the functions in `locations` that are not hooked yet.
    fn hook_available(
        &mut self,
        locations: &std::collections::HashMap<&str, FunctionLocation>,
    ) -> Result<(), AttachError> {
        let Some(driver) = &self.driver else {
            return Ok(());
        };
        for hook in &HOOKS {
            let known = self
                .hooked
                .iter()
                .any(|hooked| hooked.hook.function == hook.function);
            let Some(location) = locations.get(hook.function).filter(|_| !known) else {
                continue;
            };
            match hook_function(&mut self.ebpf, driver, hook, location) {
                Ok(Some(hooked)) if hooked.is_loaded() => self.hooked.push(hooked),
                // The module is being loaded or unloaded: wait for the next check.
                Ok(Some(hooked)) => {
                    self.detach(hooked);
                    break;
                }
                Ok(None) => {}
                Err(error) if hook.is_required() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Hooks one function by the best backend that works. Returns `None` if its
/// module is not fully loaded.
fn hook_function(
    ebpf: &mut Ebpf,
    driver: &LateDriver,
    hook: &'static Hook,
    location: &FunctionLocation,
) -> Result<Option<HookedFunction>, AttachError> {
    // Read before attaching, to notice if the module is replaced meanwhile.
    let (name, module) = match location {
        FunctionLocation::Kernel => (None, None),
        FunctionLocation::Module(name) => match LoadedModule::find(name) {
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
            let kprobes = attach_kprobes(ebpf, hook)?;
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

/// The programs of a hook that aya manages.
fn aya_programs(hooked: &HookedFunction) -> Option<&'static HookPrograms> {
    match hooked.backend {
        Backend::Fentry => None,
        Backend::Kprobe => Some(&hooked.hook.kprobe),
        Backend::Uprobe => Some(&hooked.hook.uprobe),
    }
}

fn unload(ebpf: &mut Ebpf, name: &str) {
    // An error means that the program is not loaded.
    let _ = match ebpf.program_mut(name) {
        Some(Program::KProbe(program)) => program.unload(),
        Some(Program::UProbe(program)) => program.unload(),
        _ => Ok(()),
    };
}

fn load_probe(options: &CaptureOptions) -> Result<Ebpf, AttachError> {
    system::raise_memory_limit();
    let ring_bytes = options
        .ring_bytes
        .clamp(RING_BYTES_MIN, RING_BYTES_MAX)
        .next_power_of_two();
    let wake_shift = ring_bytes.ilog2() - WAKE_SHARE;
    let processes = ProcessFilter::new(options)?;
    let filter_comm = u32::from(options.comm.is_some());
    let of_driver = matches!(options.target, CaptureTarget::Driver(_));
    let task_registers = u32::from(of_driver && system::can_read_registers());
    let [comm_low, comm_high] = record::words(options.comm.unwrap_or_default());
    let probe = probe_object::PROBE.ok_or(AttachError::Architecture)?;
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
        .map_err(|error| AttachError::from_load(error, ring_bytes))?;
    processes.select(&mut ebpf, &options.pids)?;
    Ok(ebpf)
}

/// Attaches the kprobes of a hook.
fn attach_kprobes(ebpf: &mut Ebpf, hook: &Hook) -> Result<Vec<Kprobe>, AttachError> {
    let mut kprobes = Vec::new();
    for name in hook.kprobe.names() {
        let program = probe_program::<KProbe>(ebpf, name)?;
        let result = program
            .load()
            .and_then(|()| Kprobe::attach(program, name, hook.function));
        match result {
            Ok(kprobe) => kprobes.push(kprobe),
            Err(error) => {
                drop(kprobes);
                for name in hook.kprobe.names() {
                    unload(ebpf, name);
                }
                return Err(attach_error(Backend::Kprobe, hook.function, &error));
            }
        }
    }
    Ok(kprobes)
}

/// Attaches the uprobes of a hook. Returns false if the program file lacks the
/// function.
fn attach_uprobes(
    ebpf: &mut Ebpf,
    hook: &Hook,
    path: &Path,
    scope: UProbeScope,
) -> Result<bool, AttachError> {
    for name in hook.uprobe.names() {
        let program = probe_program::<UProbe>(ebpf, name)?;
        program
            .load()
            .map_err(|error| AttachError::from_program(&error))?;
        match program.attach(hook.function, path, scope) {
            Ok(_) => {}
            Err(ProgramError::UProbeError(_)) if !hook.is_required() => return Ok(false),
            Err(ProgramError::UProbeError(_)) => {
                return Err(AttachError::NoStandIn {
                    path: path.to_owned(),
                    function: hook.function,
                });
            }
            Err(error) => return Err(attach_error(Backend::Uprobe, hook.function, &error)),
        }
    }
    Ok(true)
}

fn probe_program<'a, T>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut T, AttachError>
where
    &'a mut T: TryFrom<&'a mut Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or_else(|| AttachError::Object(format!("it has no program {name}")))?
        .try_into()
        .map_err(|error: ProgramError| AttachError::from_program(&error))
}

fn attach_error(backend: Backend, function: &str, error: &ProgramError) -> AttachError {
    match AttachError::from_program(error) {
        AttachError::Object(_) => AttachError::Backend {
            backend: backend.name(),
            function: function.into(),
            reason: one_line(error),
        },
        AttachError::Forbidden(error) if !system::has_sys_admin() => {
            match (backend, system::paranoid_level()) {
                (_, Some(level)) => AttachError::Paranoid(level),
                (Backend::Uprobe, None) => AttachError::UprobeRights {
                    program: system::program_path(),
                },
                _ => AttachError::Forbidden(error),
            }
        }
        other => other,
    }
}
