//! Where the threads of the driver's users are: which of them are in an ioctl
//! of `/dev/dxg`, and where in the driver they wait.

use std::collections::BTreeSet;
use std::fs;

use super::SystemFiles;

const NODE: &str = "/dev/dxg";
/// Numbers of ioctl(2): on x86_64, arm64 and 32-bit systems.
const IOCTL: [u64; 3] = [16, 29, 54];
/// Type byte of the driver's ioctls, `G`.
const TYPE: u32 = 0x47;
/// Descriptors of a process that are looked at, at most.
const DESCRIPTORS_MAX: usize = 1 << 16;
/// Threads that are looked at in one sample, at most.
const THREADS_MAX: usize = 1 << 14;

/// A thread in an ioctl of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverThread {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The thread's name, not escaped.
    pub comm: String,
    /// The request number of the ioctl.
    pub request: u32,
    /// The address of the ioctl's argument.
    pub argument: u64,
    /// The driver's function in which the thread waits, or else the kernel's;
    /// `None` if it cannot be read.
    pub place: Option<String>,
}

/// The threads of all processes that have `/dev/dxg` open, at one moment.
#[derive(Debug, Clone, Default)]
pub struct DriverThreads {
    /// Those in an ioctl of the driver.
    pub in_ioctl: Vec<DriverThread>,
    /// Processes that have `/dev/dxg` open.
    pub users: usize,
    /// Processes whose descriptors or threads this process may not see.
    pub hidden: usize,
}

impl DriverThreads {
    /// Looks at `/proc`.
    pub fn of(system: &SystemFiles) -> Self {
        let mut found = Self::default();
        let mut budget = THREADS_MAX;
        for name in system.names("/proc") {
            if let Ok(pid) = name.parse() {
                found.process(system, pid, &mut budget);
            }
        }
        found
    }

    fn process(&mut self, system: &SystemFiles, pid: u32, budget: &mut usize) {
        let descriptors = match descriptors(system, pid) {
            Some(descriptors) if descriptors.is_empty() => return,
            Some(descriptors) => descriptors,
            None => {
                self.hidden += 1;
                return;
            }
        };
        self.users += 1;
        let mut is_hidden = false;
        for name in system.names(&format!("/proc/{pid}/task")) {
            let Ok(tid) = name.parse() else { continue };
            if *budget == 0 {
                break;
            }
            *budget -= 1;
            match system.line(&format!("/proc/{pid}/task/{tid}/syscall")) {
                None => is_hidden = true,
                Some(line) => {
                    let ioctl = ioctl(&line, &descriptors);
                    let thread = ioctl.map(|(request, argument)| DriverThread {
                        pid,
                        tid,
                        comm: system
                            .line(&format!("/proc/{pid}/task/{tid}/comm"))
                            .unwrap_or_default(),
                        request,
                        argument,
                        place: place(system, pid, tid),
                    });
                    self.in_ioctl.extend(thread);
                }
            }
        }
        self.hidden += usize::from(is_hidden);
    }
}

/// The descriptors of a process that lead to `/dev/dxg`; `None` if they cannot
/// be read.
fn descriptors(system: &SystemFiles, pid: u32) -> Option<BTreeSet<u64>> {
    let folder = system.path(&format!("/proc/{pid}/fd"));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // The process has ended.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some(BTreeSet::new());
        }
        Err(_) => return None,
    };
    let entries = entries.take(DESCRIPTORS_MAX).filter_map(Result::ok);
    let ours = entries
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == NODE));
    let numbers = ours.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(numbers.collect())
}

/// Request and argument of the ioctl that a line of `syscall` shows, if it is
/// one of the driver.
fn ioctl(line: &str, descriptors: &BTreeSet<u64>) -> Option<(u32, u64)> {
    let mut words = line.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (descriptor, request, address) = (argument()?, argument()?, argument()?);
    // The kernel takes 32 bits of either.
    let request = request as u32;
    let is_ours = IOCTL.contains(&number)
        && descriptors.contains(&(descriptor & 0xFFFF_FFFF))
        && request >> 8 & 0xFF == TYPE;
    is_ours.then_some((request, address))
}

/// Where a thread waits: the driver's innermost function on its stack, which
/// only administrators can read, or else what the kernel says it waits in.
fn place(system: &SystemFiles, pid: u32, tid: u32) -> Option<String> {
    let folder = format!("/proc/{pid}/task/{tid}");
    let stack = system.text(&format!("{folder}/stack")).unwrap_or_default();
    let on_stack = stack.lines().find_map(|line| {
        let function = line.split_ascii_whitespace().nth(1)?;
        let name = function.split(['+', '.']).next()?;
        name.starts_with("dxg").then(|| name.to_owned())
    });
    on_stack.or_else(|| {
        let channel = system.line(&format!("{folder}/wchan"))?;
        (!channel.is_empty() && channel != "0").then_some(channel)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ioctls_of_the_driver_count() {
        let descriptors = BTreeSet::from([3]);
        let of = |line: &str| ioctl(line, &descriptors);
        let tail = "0x7ffd1000 0x0 0x0 0x0 0x7ffd0f00 0x7f0000001234";
        assert_eq!(
            of(&format!("16 0x3 0xc0384702 {tail}")),
            Some((0xC038_4702, 0x7FFD_1000))
        );
        assert_eq!(
            of(&format!("29 0x3 0xffffffffc0384702 {tail}")),
            Some((0xC038_4702, 0x7FFD_1000))
        );
        for other in [
            "running",
            "-1 0x7ffd0f00 0x7f0000001234",
            "16 0x3",
            "",
            &format!("16 0x4 0xc0384702 {tail}"),
            &format!("16 0x3 0x5413 {tail}"),
            &format!("202 0x3 0xc0384702 {tail}"),
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
