//! Gives up the capabilities that a capture no longer needs once the probe is
//! attached.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// A right that [`give_up_rights`] can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To create and remove files in folders of other users.
    Files,
    /// To send signals to processes of other users.
    Signals,
    /// To see where threads of other users wait.
    Threads,
    /// To hook functions of modules that are loaded later.
    Hooks,
    /// `CAP_SYS_ADMIN`, which [`Right::Hooks`] needs to open the BTF of a module
    /// for fentry, or kprobes with a high `kernel.perf_event_paranoid`.
    Admin,
}

impl Right {
    const fn capability(self) -> CapabilitySet {
        match self {
            Self::Files => CapabilitySet::DAC_OVERRIDE,
            Self::Signals => CapabilitySet::KILL,
            Self::Threads => CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH),
            Self::Hooks => CapabilitySet::PERFMON.union(CapabilitySet::DAC_READ_SEARCH),
            Self::Admin => CapabilitySet::SYS_ADMIN,
        }
    }
}

/// Always kept: before Linux 5.19, reading the probe's counters needs it.
const ALWAYS: CapabilitySet = CapabilitySet::BPF;

/// Gives up all capabilities but `CAP_BPF` and those in `kept`, of this thread and
/// of the threads that it starts later. No program that these execute regains them.
///
/// # Errors
/// The kernel refuses. The caller should not continue then.
pub fn give_up_rights(kept: &[Right]) -> io::Result<()> {
    let kept = kept.iter().map(|right| right.capability());
    keep_only(kept.fold(ALWAYS, CapabilitySet::union))
}

/// Gives up all capabilities, as [`give_up_rights`] does: for a process that does
/// not capture.
///
/// # Errors
/// The kernel refuses; then nothing should go on.
pub fn give_up_all_rights() -> io::Result<()> {
    keep_only(CapabilitySet::empty())
}

fn keep_only(kept: CapabilitySet) -> io::Result<()> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for capability in CapabilitySet::all()
        .iter()
        .filter(|one| !kept.contains(*one))
    {
        // This needs CAP_SETPCAP itself. Without it, the other calls suffice.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    let left = capabilities(None)?.permitted & kept;
    set_capabilities(
        None,
        CapabilitySets {
            effective: left,
            permitted: left,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}
