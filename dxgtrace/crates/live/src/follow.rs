//! Selects the processes that the probe captures, and follows their children.
//!
//! The probe keeps the selected processes in a map. With [`CaptureOptions::follow`]
//! it adds each child of a selected process at its fork, before the child runs.

use std::fs;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, HashMap, MapData},
    programs::RawTracePoint,
};
use dxgtrace_ebpf::record::IN_NAMESPACE;

use super::{
    CaptureOptions,
    btf::{self, Btf},
    error::AttachError,
};

/// Number of processes that can be followed at a time.
const FOLLOWED_MAX: u32 = 1 << 16;
/// Inode of the initial PID namespace, the same on all kernels.
const FIRST_NAMESPACE: u64 = 0xefff_fffc;
/// The programs and their tracepoints. The end of tasks is hooked first, so that no
/// process that is followed stays in the map.
const PROGRAMS: [(&str, &str); 2] = [
    ("t_free", "sched_process_free"),
    ("t_fork", "sched_process_fork"),
];

/// The probe's settings of the processes to capture.
#[derive(Default)]
pub(super) struct ProcessFilter {
    filter: u32,
    tgid_offset: u32,
    pid_offset: u32,
    namespace_device: u64,
    namespace_inode: u64,
    follow: bool,
}

impl ProcessFilter {
    /// Determines the settings that `options` need.
    pub(super) fn new(options: &CaptureOptions) -> Result<Self, AttachError> {
        if options.pids.is_empty() {
            return Ok(Self::default());
        }
        let (namespace_device, namespace_inode) = pid_namespace();
        let mut processes = Self {
            filter: 1,
            namespace_device,
            namespace_inode,
            ..Self::default()
        };
        if options.follow {
            let at = btf::KERNEL;
            let types = Btf::read(None)
                .map_err(|error| AttachError::Follow(format!("cannot read {at}: {error}")))?;
            let offset = |member: &str| {
                types
                    .member_offset("task_struct", member)
                    .ok_or_else(|| AttachError::Follow(format!("{at} has no task_struct.{member}")))
            };
            processes.follow = true;
            processes.tgid_offset = offset("tgid")?;
            processes.pid_offset = offset("pid")?;
        }
        Ok(processes)
    }

    /// Sets the probe's globals before it is loaded.
    pub(super) fn configure<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        loader
            .override_global("FILTER_PIDS", &self.filter, true)
            .override_global("TGID_OFFSET", &self.tgid_offset, true)
            .override_global("PID_OFFSET", &self.pid_offset, true)
            .override_global("NAMESPACE_DEVICE", &self.namespace_device, true)
            .override_global("NAMESPACE_INODE", &self.namespace_inode, true);
        if self.follow {
            loader.map_max_entries("PIDS", FOLLOWED_MAX);
        }
    }

    /// Selects `pids`, and if asked for, their children from now on.
    pub(super) fn select(&self, ebpf: &mut Ebpf, pids: &[u32]) -> Result<(), AttachError> {
        let mut chosen = pids.to_vec();
        self.insert(ebpf, &chosen)?;
        if !self.follow {
            return Ok(());
        }
        for (name, hook) in PROGRAMS {
            let program: &mut RawTracePoint = ebpf
                .program_mut(name)
                .ok_or_else(|| AttachError::Object(format!("it has no program {name}")))?
                .try_into()
                .map_err(|error| AttachError::from_program(&error))?;
            program
                .load()
                .and_then(|()| program.attach(hook).map(drop))
                .map_err(|error| AttachError::from_program(&error))?;
        }
        // Children that exist already. Their own children are followed, or found
        // in the next round.
        let mut from = 0;
        while from < chosen.len() {
            let found = children_of(&chosen);
            from = chosen.len();
            chosen.extend(found);
            self.insert(ebpf, chosen.get(from..).unwrap_or_default())?;
        }
        Ok(())
    }

    fn insert(&self, ebpf: &mut Ebpf, pids: &[u32]) -> Result<(), AttachError> {
        let map = ebpf
            .map_mut("PIDS")
            .ok_or(AttachError::Object("the probe has no map PIDS".into()))?;
        let mut map = HashMap::<_, u32, u8>::try_from(map).map_err(AttachError::from_map)?;
        let numbering = if self.namespace_inode == 0 {
            0
        } else {
            IN_NAMESPACE
        };
        for pid in pids {
            map.insert(pid | numbering, 1, 0)
                .map_err(AttachError::from_map)?;
        }
        Ok(())
    }
}

/// The probe's count of children that it could not follow.
pub(super) struct UnfollowedCount(Array<MapData, u64>);

impl UnfollowedCount {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, AttachError> {
        let map = ebpf.take_map("UNFOLLOWED").ok_or(AttachError::Object(
            "the probe has no map UNFOLLOWED".into(),
        ))?;
        Array::try_from(map)
            .map(Self)
            .map_err(AttachError::from_map)
    }

    pub(super) fn count(&self) -> u64 {
        self.0.get(&0, 0).unwrap_or(0)
    }
}

/// Device and inode of this process's PID namespace, as
/// `bpf_get_ns_current_pid_tgid` takes them; 0 for the initial namespace, in which
/// numbers are the kernel's own.
fn pid_namespace() -> (u64, u64) {
    match rustix::fs::stat("/proc/self/ns/pid") {
        Ok(stat) if stat.st_ino != FIRST_NAMESPACE => {
            let (major, minor) = (
                rustix::fs::major(stat.st_dev),
                rustix::fs::minor(stat.st_dev),
            );
            // The kernel's internal encoding of a device number.
            (u64::from(major) << 20 | u64::from(minor), stat.st_ino)
        }
        _ => (0, 0),
    }
}

/// The processes whose parent is in `parents` and that are not in it themselves.
fn children_of(parents: &[u32]) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| !parents.contains(pid))
        .filter(|pid| parent_of(*pid).is_some_and(|parent| parents.contains(&parent)))
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may itself contain brackets.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parent_of;

    #[test]
    fn the_parent_of_this_process_is_known() {
        let pid = std::process::id();
        assert_eq!(parent_of(pid), Some(std::os::unix::process::parent_id()));
    }
}
