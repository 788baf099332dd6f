//! Whether this is a container, what is mounted into it, and whether its device
//! cgroup admits `/dev/dxg`.

use super::{MachineFact, SystemFiles};
use dxgtrace_protocol::decode::escaped;

const NODE: &str = "/dev/dxg";
/// Folder of WSL's user-mode side.
pub(super) const USER_MODE: &str = "/usr/lib/wsl";
/// Mount points that are named one by one at most.
const MOUNTS_SHOWN: usize = 4;
/// The list of admitted devices of cgroup v1, as a container sees its own.
const DEVICES: &str = "/sys/fs/cgroup/devices";
/// Major number of the devices of Linux's "misc" class, of which `/dev/dxg` is.
const MISC_MAJOR: u32 = 10;

/// What is known of the container that this process runs in.
#[derive(Debug)]
pub(super) struct ContainerFacts {
    /// What the container was made by, such as `Docker`; `None` outside of one.
    pub engine: Option<String>,
    /// Mount points, in the order of the kernel.
    mounts: Vec<String>,
}

impl ContainerFacts {
    pub fn of(system: &SystemFiles) -> Self {
        let mounts = system.text("/proc/self/mountinfo").unwrap_or_default();
        Self {
            engine: engine(system),
            mounts: mounts.lines().filter_map(mount_point).collect(),
        }
    }

    /// Whether something is mounted exactly at `path`.
    pub fn is_mount_point(&self, path: &str) -> bool {
        self.mounts.iter().any(|mount| mount == path)
    }

    pub fn facts(&self, system: &SystemFiles) -> Vec<MachineFact> {
        let mut facts = Vec::new();
        if let Some(engine) = &self.engine {
            let mapped: Vec<&str> = self
                .mounts
                .iter()
                .filter(|mount| mount.starts_with(USER_MODE))
                .map(String::as_str)
                .collect();
            let mapped = match mapped.as_slice() {
                [] => format!("nothing is mounted at or below {USER_MODE}"),
                few if few.len() <= MOUNTS_SHOWN => {
                    format!("mounted: {}", escaped(few.join(", ").as_bytes()))
                }
                many => format!(
                    "{} files and folders are mounted below {USER_MODE}",
                    many.len()
                ),
            };
            let engine = escaped(engine.as_bytes());
            facts.push(MachineFact::info(
                "container",
                format!("{engine}; {mapped}"),
            ));
        }
        facts.extend(cgroup_fact(system));
        facts
    }
}

/// What the container of this process was made by.
fn engine(system: &SystemFiles) -> Option<String> {
    if system.exists("/.dockerenv") {
        return Some("Docker".to_owned());
    }
    if system.exists("/run/.containerenv") {
        return Some("Podman".to_owned());
    }
    let environment = system.bytes("/proc/1/environ").unwrap_or_default();
    let named = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"container="))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned());
    // Kubernetes sets no such variable, but this one, in every container.
    let own = || {
        let environment = system.bytes("/proc/self/environ").unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(b"KUBERNETES_SERVICE_HOST="))
            .then(|| "Kubernetes".to_owned())
    };
    named.or_else(own)
}

/// The mount point of a line of mountinfo, with its escapes undone.
fn mount_point(line: &str) -> Option<String> {
    let field = line.split(' ').nth(4)?;
    let mut path = String::new();
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        path.push_str(rest.get(..at)?);
        let digits = rest.get(at + 1..at + 4)?;
        path.push(char::from(u8::from_str_radix(digits, 8).ok()?));
        rest = rest.get(at + 4..)?;
    }
    path.push_str(rest);
    Some(path)
}

/// What the device cgroup says to `/dev/dxg`; nothing without the device.
fn cgroup_fact(system: &SystemFiles) -> Option<MachineFact> {
    if !system.exists(NODE) {
        return None;
    }
    let refused = |by: &str| {
        MachineFact::fail("cgroup", format!("the device cgroup refuses {NODE} ({by})")).fix(
            "Start the container with --device /dev/dxg (a folder mounted over /dev is not \
             enough); in Kubernetes, use the device plugin.",
        )
    };
    if let Some(list) = system.text(&format!("{DEVICES}/devices.list")) {
        let minor = minor(system);
        return Some(match admits(&list, minor) {
            true => MachineFact::ok("cgroup", format!("the device cgroup admits {NODE}")),
            false => refused("cgroup v1: devices.list"),
        });
    }
    if system.is_live() && access_is_forbidden(NODE) {
        return Some(refused("access to it gives EPERM"));
    }
    None
}

/// Minor number of `/dev/dxg`, which is a device of the class "misc".
fn minor(system: &SystemFiles) -> Option<u32> {
    system.text("/proc/misc")?.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let minor = words.next()?.parse().ok()?;
        (words.next() == Some("dxg")).then_some(minor)
    })
}

/// Whether a `devices.list` admits reading and writing the device 10:`minor`.
/// An unknown minor number counts as admitted.
fn admits(list: &str, minor: Option<u32>) -> bool {
    let Some(minor) = minor else { return true };
    let fits = |text: &str, number: u32| text == "*" || text.parse() == Ok(number);
    list.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        let (Some(kind), Some(device), Some(access)) = (words.next(), words.next(), words.next())
        else {
            return false;
        };
        let Some((major, of)) = device.split_once(':') else {
            return false;
        };
        matches!(kind, "a" | "c")
            && fits(major, MISC_MAJOR)
            && fits(of, minor)
            && access.contains('r')
            && access.contains('w')
    })
}

/// Whether opening a device would fail with EPERM, as a device cgroup makes it
/// fail; mode bits give EACCES. The device is not opened.
#[cfg(unix)]
fn access_is_forbidden(path: &str) -> bool {
    use rustix::fs::{Access, access};
    use rustix::io::Errno;
    access(path, Access::READ_OK | Access::WRITE_OK) == Err(Errno::PERM)
}

#[cfg(not(unix))]
fn access_is_forbidden(_: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_devices_admits_what_it_names() {
        for (list, admitted) in [
            ("a *:* rwm\n", true),
            ("c 1:3 rwm\nc 10:122 rw\n", true),
            ("c 10:* rwm\n", true),
            ("c 10:122 r\n", false),
            ("b 10:122 rwm\n", false),
            ("c 10:200 rwm\n", false),
            ("", false),
            ("c 10 rwm\nc\n\n", false),
        ] {
            assert_eq!(admits(list, Some(122)), admitted, "{list:?}");
        }
        assert!(admits("", None));
    }

    #[test]
    fn mount_points_are_unescaped() {
        let line = r"36 35 0:34 / /mnt/a\040b rw - 9p none rw";
        assert_eq!(mount_point(line).as_deref(), Some("/mnt/a b"));
        assert_eq!(mount_point(r"36 35 0:34 / /mnt\0 rw"), None);
        assert_eq!(mount_point("36"), None);
    }
}
