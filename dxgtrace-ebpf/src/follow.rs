//! Selects the captured processes: the chosen ones, and their children from the
//! fork on.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::bpf_pidns_info,
    helpers::{bpf_get_current_pid_tgid, generated},
};
use dxgtrace_ebpf::record::IN_NAMESPACE;

use crate::{
    config::{NAMESPACE_DEVICE, NAMESPACE_INODE, PID_OFFSET, TGID_OFFSET},
    maps::{PIDS, UNFOLLOWED},
    memory::{Kernel, Memory},
};

/// Whether this task's process is among the chosen ones.
#[inline(always)]
pub fn chosen(task: u64) -> bool {
    if PIDS.get_ptr(&((task >> 32) as u32)).is_some() {
        return true;
    }
    NAMESPACE_INODE.load() != 0 && chosen_in_namespace()
}

/// The same by the number that the process has in the tracer's PID namespace.
#[inline(always)]
fn chosen_in_namespace() -> bool {
    let mut ids = MaybeUninit::<bpf_pidns_info>::uninit();
    // SAFETY: the helper gets the size of the local, and fills it or fails.
    let tgid = unsafe {
        let size = size_of::<bpf_pidns_info>() as u32;
        let (device, inode) = (NAMESPACE_DEVICE.load(), NAMESPACE_INODE.load());
        if generated::bpf_get_ns_current_pid_tgid(device, inode, ids.as_mut_ptr(), size) != 0 {
            return false;
        }
        ids.assume_init().tgid
    };
    PIDS.get_ptr(&(tgid | IN_NAMESPACE)).is_some()
}

/// A task was forked, as a process or a thread, and has not run yet.
#[inline(always)]
pub fn forked(child: u64) {
    if !chosen(bpf_get_current_pid_tgid()) {
        return;
    }
    let tgid = Kernel::read::<u32>(child.wrapping_add(TGID_OFFSET.load().into()));
    let followed = tgid.is_some_and(|tgid| PIDS.insert(&tgid, &1, 0).is_ok());
    if !followed && let Some(count) = UNFOLLOWED.get_ptr_mut(0) {
        crate::maps::add_one(count);
    }
}

/// The kernel frees a task. It frees the first thread of a process last, after all
/// messages that the end of the process sends.
#[inline(always)]
pub fn freed(task: u64) {
    let read = |offset: u32| Kernel::read::<u32>(task.wrapping_add(offset.into()));
    if let Some(tgid) = read(TGID_OFFSET.load())
        && read(PID_OFFSET.load()) == Some(tgid)
    {
        // Most processes are not in the map.
        let _ = PIDS.remove(&tgid);
    }
}
