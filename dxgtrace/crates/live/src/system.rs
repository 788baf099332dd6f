//! The rights of this process, and the features of the running kernel.

use std::{fs, path::Path};

use super::error::AttachError;
use dxgtrace_doctor::preemption::{self, CallContext, version};
use dxgtrace_doctor::{SystemFiles, VmbusChannels};

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Whether the driver has channels to capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverState {
    /// The host offers the driver's channels.
    Offered,
    /// There is a VMBus, but the host offers no channel of the driver yet.
    NotOffered,
    /// There is no VMBus.
    NoVmbus,
}

/// Checks whether this process may load and attach the probe, as far as that is
/// known before trying.
pub(super) fn check_rights() -> Result<(), AttachError> {
    let release = kernel_release();
    if version(&release).is_some_and(|version| version < (5, 8)) {
        return Err(AttachError::KernelTooOld { release });
    }
    if let Some(missing) = missing_capabilities(&read_or_empty("/proc/self/status")) {
        return Err(AttachError::Rights {
            missing,
            program: program_path(),
        });
    }
    let lockdown = read_or_empty("/sys/kernel/security/lockdown");
    if lockdown.contains("[confidentiality]") {
        return Err(AttachError::Lockdown("confidentiality".into()));
    }
    Ok(())
}

/// The path of this program, for messages that name it.
pub(super) fn program_path() -> String {
    std::env::current_exe().map_or_else(|_| "dxgtrace".into(), |path| path.display().to_string())
}

/// Whether the process has `CAP_SYS_ADMIN`.
pub(super) fn has_sys_admin() -> bool {
    effective_capabilities(&read_or_empty("/proc/self/status"))
        .is_some_and(|effective| effective >> CAP_SYS_ADMIN & 1 == 1)
}

/// The level of `kernel.perf_event_paranoid`, if with it kernels of Debian and
/// Ubuntu let only `CAP_SYS_ADMIN` open events.
pub(super) fn paranoid_level() -> Option<i32> {
    const ADMINS_ONLY: i32 = 3;
    let level = read_or_empty("/proc/sys/kernel/perf_event_paranoid");
    let level = level.trim().parse().ok()?;
    (level >= ADMINS_ONLY).then_some(level)
}

/// The current state of the driver.
pub(super) fn driver_state() -> DriverState {
    if fs::read_dir("/sys/bus/vmbus/devices").is_err() {
        DriverState::NoVmbus
    } else if offered_channels().is_empty() {
        DriverState::NotOffered
    } else {
        DriverState::Offered
    }
}

/// The channels that the host offers to the driver now.
pub(super) fn offered_channels() -> VmbusChannels {
    dxgtrace_doctor::channels(&SystemFiles::new(Path::new("/")))
}

/// Raises the limit on locked memory, against which kernels before 5.11 charge the
/// maps. If that fails, loading reports the lack of memory.
pub(super) fn raise_memory_limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let _ = setrlimit(Resource::Memlock, unlimited);
}

/// Whether the kernel may preempt code in `context`; see
/// [`preemption::preempts`].
pub(super) fn preempts(context: CallContext) -> bool {
    let name = rustix::system::uname();
    let model = read_or_empty("/sys/kernel/debug/sched/preempt");
    let (build, release) = (name.version(), name.release());
    let version = version(&release.to_string_lossy());
    preemption::preempts(context, &build.to_string_lossy(), version, &model)
}

fn missing_capabilities(status: &str) -> Option<String> {
    let effective = effective_capabilities(status)?;
    let has = |capability: u32| effective >> capability & 1 == 1;
    if has(CAP_SYS_ADMIN) {
        return None;
    }
    match (has(CAP_BPF), has(CAP_PERFMON)) {
        (true, true) => None,
        (true, false) => Some("the capability CAP_PERFMON".into()),
        (false, true) => Some("the capability CAP_BPF".into()),
        (false, false) => Some("the capabilities CAP_BPF and CAP_PERFMON".into()),
    }
}

fn effective_capabilities(status: &str) -> Option<u64> {
    let hex = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(hex.trim(), 16).ok()
}

fn kernel_release() -> String {
    let name = rustix::system::uname();
    name.release().to_string_lossy().into_owned()
}

/// Whether the probe can read a thread's registers.
pub(super) fn can_read_registers() -> bool {
    version(&kernel_release()).is_some_and(|version| version >= (5, 15))
}

fn read_or_empty(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::missing_capabilities;

    #[test]
    fn missing_capabilities_are_named() {
        let status = |mask: u64| format!("Name:\tx\nCapEff:\t{mask:016x}\nCapBnd:\t0\n");
        assert_eq!(missing_capabilities(&status(1 << 21)), None);
        assert_eq!(missing_capabilities(&status(1 << 38 | 1 << 39)), None);
        let only_bpf = missing_capabilities(&status(1 << 39));
        assert_eq!(only_bpf.as_deref(), Some("the capability CAP_PERFMON"));
        let none = missing_capabilities(&status(0));
        assert_eq!(
            none.as_deref(),
            Some("the capabilities CAP_BPF and CAP_PERFMON")
        );
    }
}
