//! A command with the capabilities that capturing takes, and no others.

use std::{error::Error, os::unix::process::CommandExt, process::Command};

use rustix::{
    process::{Gid, Resource, Rlimit, Uid, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, configure_capability_in_ambient_set, set_capabilities,
        set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

/// Nobody in particular.
const USER: u32 = 1000;

/// Becomes an ordinary user with these capabilities, then the command.
pub fn exec(command: &[&str]) -> Result<bool, Box<dyn Error>> {
    let [program, arguments @ ..] = command else {
        return Err("what command?".into());
    };
    // As the manual says: Debian's kernels are stricter by default.
    std::fs::write("/proc/sys/kernel/perf_event_paranoid", "2")?;
    // Kernels before 5.11 count maps against it.
    setrlimit(
        Resource::Memlock,
        Rlimit {
            current: None,
            maximum: None,
        },
    )?;
    let each = [
        CapabilitySet::BPF,
        CapabilitySet::PERFMON,
        CapabilitySet::DAC_READ_SEARCH,
    ];
    let all = each
        .into_iter()
        .fold(CapabilitySet::empty(), |all, one| all | one);
    set_keep_capabilities(true)?;
    set_thread_groups(&[])?;
    let (group, user) = (Gid::from_raw(USER), Uid::from_raw(USER));
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: all,
            permitted: all,
            inheritable: all,
        },
    )?;
    for one in each {
        configure_capability_in_ambient_set(one, true)?;
    }
    Err(Command::new(program).args(arguments).exec().into())
}
