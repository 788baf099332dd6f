//! Predicts which backend `dxgtrace capture` would use on this machine.

use super::MachineFact;
use super::driver::{CodePlace, DriverFacts};
use super::kernel::{KernelFacts, Lockdown};
use super::rights::Rights;

const DIRECT_CALLS: &str = "DYNAMIC_FTRACE_WITH_DIRECT_CALLS";

/// The backend that would be used, and the reason.
#[derive(Debug)]
pub(super) struct BackendChoice {
    /// `None` if nothing can be captured.
    name: Option<&'static str>,
    why: String,
    /// What makes capturing possible; empty if it is.
    fix: &'static str,
}

/// Chooses by the rules of `dxgtrace capture`: for each hooked function fentry
/// if it can attach and sees every call, else a kprobe.
pub(super) fn choose(kernel: &KernelFacts, driver: &DriverFacts, rights: &Rights) -> BackendChoice {
    let none = |why: &str, fix| BackendChoice {
        name: None,
        why: why.to_owned(),
        fix,
    };
    if kernel.lockdown == Lockdown::Confidentiality {
        return none("lockdown forbids it", "See lockdown.");
    }
    if kernel.has("BPF_SYSCALL") == Some(false) {
        return none("the kernel has no BPF", "See options.");
    }
    if matches!(driver.vmbus, CodePlace::Absent | CodePlace::Unloaded) {
        return none(
            "there is no VMBus, so there is nothing to attach to",
            "dxgtrace demo shows on any machine how it works.",
        );
    }
    if !rights.can_trace() {
        return none("capabilities are missing", "See rights.");
    }
    let fentry = check_fentry(kernel, driver, rights);
    let kprobes = kernel.has("KPROBES") != Some(false);
    let [preempts, _] = kernel.preempts;
    match (fentry, kprobes) {
        (Ok(()), true) if preempts => BackendChoice {
            name: Some("fentry/fexit where the driver receives, else kprobe/kretprobe"),
            why: "this kernel may preempt threads in the probe, whose calls fentry would miss"
                .to_owned(),
            fix: "",
        },
        (Ok(()), _) => BackendChoice {
            name: Some("fentry/fexit"),
            why: "BTF knows the functions of VMBus; the cheapest way".to_owned(),
            fix: "",
        },
        (Err(why), true) => BackendChoice {
            name: Some("kprobe/kretprobe"),
            why: format!("{why}; up to 1 % of the received packets may be lost, and are counted"),
            fix: "",
        },
        (Err(why), false) => none(&format!("{why}, and there are no kprobes"), "See options."),
    }
}

/// Whether fentry can be used; the error is the reason why not.
fn check_fentry(
    kernel: &KernelFacts,
    driver: &DriverFacts,
    rights: &Rights,
) -> Result<(), &'static str> {
    if !kernel.btf {
        return Err("the kernel has no BTF");
    }
    if let [_, true] = kernel.preempts {
        return Err(
            "the kernel preempts even softirqs in the probe, whose calls fentry would miss",
        );
    }
    // Modules have BTF since Linux 5.11.
    if driver.vmbus == CodePlace::Module
        && (!kernel.is_at_least((5, 11)) || kernel.has("DEBUG_INFO_BTF_MODULES") == Some(false))
    {
        return Err("VMBus is a module without BTF");
    }
    if driver.vmbus == CodePlace::Module && !rights.can_read_module_btf() {
        return Err("VMBus is a module, whose BTF only CAP_SYS_ADMIN can read");
    }
    let options = ["FUNCTION_TRACER", DIRECT_CALLS];
    if options
        .iter()
        .any(|option| kernel.has(option) == Some(false))
    {
        return Err("the kernel has no direct calls from ftrace");
    }
    if cfg!(target_arch = "aarch64") && !arm64_calls(kernel) {
        return Err("arm64 kernels before 6.4 have no fentry");
    }
    Ok(())
}

/// Whether ftrace on arm64 has direct calls: by the configuration, or else by
/// the version. BPF trampolines alone (6.0) cannot attach without them (6.4).
fn arm64_calls(kernel: &KernelFacts) -> bool {
    kernel
        .has(DIRECT_CALLS)
        .unwrap_or_else(|| kernel.is_at_least((6, 4)))
}

impl BackendChoice {
    pub fn fact(&self) -> MachineFact {
        match self.name {
            Some(name) => MachineFact::ok("capture", format!("would use {name}: {}", self.why)),
            None => {
                MachineFact::fail("capture", format!("not possible: {}", self.why)).fix(self.fix)
            }
        }
    }
}
