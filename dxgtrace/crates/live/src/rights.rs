//! What this process may do once the probe is attached: next to nothing.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// A right that is kept when asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To create and remove files in folders of others.
    Files,
    /// To signal processes of others.
    Signals,
    /// To hook functions of a driver that is loaded later or anew.
    Hooks,
    /// To do so where it takes an administrator: only this lends the type
    /// information of a module, for fentry, and lets kprobes be opened with a high
    /// `kernel.perf_event_paranoid`.
    Admin,
}

impl Right {
    const fn capability(self) -> CapabilitySet {
        match self {
            Self::Files => CapabilitySet::DAC_OVERRIDE,
            Self::Signals => CapabilitySet::KILL,
            Self::Hooks => CapabilitySet::PERFMON.union(CapabilitySet::DAC_READ_SEARCH),
            Self::Admin => CapabilitySet::SYS_ADMIN,
        }
    }
}

/// Reading the probe's counters takes it before Linux 5.19.
const ALWAYS: CapabilitySet = CapabilitySet::BPF;

/// Gives up all capabilities but those that a running capture needs: `CAP_BPF`,
/// and those in `kept`. For this thread and those that it starts from now on,
/// and for good: no program that they run gets them back.
///
/// # Errors
/// The kernel refuses; then nothing should go on.
pub fn give_up_rights(kept: &[Right]) -> io::Result<()> {
    let kept = kept.iter().map(|right| right.capability());
    let kept = kept.fold(ALWAYS, CapabilitySet::union);
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for capability in CapabilitySet::all()
        .iter()
        .filter(|one| !kept.contains(*one))
    {
        // This takes CAP_SETPCAP itself. Without it, what is said above and
        // below suffices.
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
