//! Whether dxgkrnl and VMBus are built in, loaded, loadable or absent, and the
//! device node `/dev/dxg`.

use super::kernel::KernelFacts;
use super::{MachineFact, SystemFiles};
use dxgtrace_protocol::decode::escaped;

/// A function that every version of the driver has.
const FUNCTION: &str = "dxgvmb_send_sync_msg";
/// The function that carries every message to the host.
const SEND: &str = "vmbus_sendpacket";

/// Where a driver is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodePlace {
    BuiltIn,
    Module,
    /// An installed module that is not loaded.
    Unloaded,
    Absent,
}

/// State of the driver and of VMBus.
#[derive(Debug)]
pub(super) struct DriverFacts {
    pub place: CodePlace,
    pub vmbus: CodePlace,
    /// Content of the module's `version` or `srcversion` in sysfs.
    identity: Option<String>,
    /// Whether `/proc/kallsyms` lists the driver's functions.
    symbols: bool,
}

impl DriverFacts {
    pub fn of(system: &SystemFiles, kernel: &KernelFacts) -> Self {
        let symbols = DriverSymbols::of(system);
        let identity = ["version", "srcversion"]
            .into_iter()
            .filter_map(|name| system.line(&format!("/sys/module/dxgkrnl/{name}")))
            .next();
        Self {
            place: place(system, kernel, "dxgkrnl", symbols.driver),
            vmbus: place(system, kernel, "hv_vmbus", symbols.send),
            identity,
            symbols: symbols.driver.is_some(),
        }
    }

    /// Whether the driver is built in or loaded.
    pub fn is_present(&self) -> bool {
        matches!(self.place, CodePlace::BuiltIn | CodePlace::Module)
    }

    pub fn facts(&self, system: &SystemFiles) -> Vec<MachineFact> {
        let mut facts = vec![self.driver_fact()];
        if self.is_present() && !self.symbols {
            facts.push(
                MachineFact::info("driver", "/proc/kallsyms does not list its functions")
                    .fix("Messages are captured anyway; run as root to see ioctls too."),
            );
        }
        facts.push(self.node_fact(system));
        facts
    }

    fn driver_fact(&self) -> MachineFact {
        let identity = match &self.identity {
            Some(text) => format!(", version {}", escaped(text.as_bytes())),
            None => String::new(),
        };
        match self.place {
            CodePlace::BuiltIn => MachineFact::ok("driver", "dxgkrnl is built into the kernel"),
            CodePlace::Module => {
                MachineFact::ok("driver", format!("dxgkrnl is loaded as a module{identity}"))
            }
            CodePlace::Unloaded => {
                MachineFact::fail("driver", "dxgkrnl is installed as a module, but not loaded")
                    .fix("modprobe dxgkrnl")
            }
            CodePlace::Absent if self.vmbus == CodePlace::Absent => MachineFact::fail(
                "driver",
                "this kernel has neither dxgkrnl nor VMBus: not a Hyper-V guest",
            )
            .fix(
                "Nothing can be captured here. Captures can be read, and dxgtrace demo shows how a \
                 capture works.",
            ),
            CodePlace::Absent => MachineFact::fail("driver", "this kernel has no dxgkrnl").fix(
                "On WSL: wsl --update, and no kernel= line in .wslconfig without CONFIG_DXGKRNL. \
                 On Hyper-V: install an out-of-tree build that belongs to this kernel version.",
            ),
        }
    }

    fn node_fact(&self, system: &SystemFiles) -> MachineFact {
        const NODE: &str = "/dev/dxg";
        if !system.exists(NODE) {
            let fact = MachineFact::fail("device", format!("{NODE} is not there"));
            return if self.is_present() {
                fact.fix(
                    "The driver creates it once it has a channel to the host: see the VMBus lines, \
                     and dmesg | grep dxg. In a container: pass --device /dev/dxg.",
                )
            } else {
                fact.fix("It comes with the driver.")
            };
        }
        match permissions(system, NODE) {
            Some((mode, true)) => MachineFact::ok("device", format!("{NODE}, mode {mode:03o}")),
            Some((mode, false)) => MachineFact::warn(
                "device",
                format!("{NODE} has mode {mode:03o}: ordinary users cannot open it"),
            )
            .fix("chmod 666 /dev/dxg, or a udev rule: KERNEL==\"dxg\", MODE=\"0666\""),
            None => MachineFact::ok("device", NODE),
        }
    }
}

/// The mode of a file, and whether all users may read and write it.
#[cfg(unix)]
fn permissions(system: &SystemFiles, path: &str) -> Option<(u32, bool)> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(system.path(path)).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    Some((mode, mode & 0o006 == 0o006))
}

#[cfg(not(unix))]
fn permissions(_: &SystemFiles, _: &str) -> Option<(u32, bool)> {
    None
}

/// Functions found in `/proc/kallsyms`: `Some(true)` if in a module,
/// `Some(false)` if built in.
struct DriverSymbols {
    driver: Option<bool>,
    send: Option<bool>,
}

impl DriverSymbols {
    fn of(system: &SystemFiles) -> Self {
        let mut symbols = Self {
            driver: None,
            send: None,
        };
        let text = system.text("/proc/kallsyms").unwrap_or_default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace().skip(2);
            let Some(name) = words.next() else { continue };
            let of_module = words.next().is_some();
            if name == FUNCTION {
                symbols.driver = Some(of_module);
            } else if name == SEND {
                symbols.send = Some(of_module);
            }
        }
        symbols
    }
}

/// Finds `module` by its symbol in kallsyms, `/proc/modules`, the kernel's
/// configuration and lists of modules, and sysfs.
fn place(
    system: &SystemFiles,
    kernel: &KernelFacts,
    module: &str,
    symbol: Option<bool>,
) -> CodePlace {
    let option = match module {
        "dxgkrnl" => "DXGKRNL",
        _ => "HYPERV",
    };
    let has_line = |path: &str, fits: &dyn Fn(&str) -> bool| {
        system.text(path).is_some_and(|text| text.lines().any(fits))
    };
    let loaded = has_line("/proc/modules", &|line| {
        line.split_ascii_whitespace().next() == Some(module)
    });
    if loaded || symbol == Some(true) {
        return CodePlace::Module;
    }
    let release = &kernel.release;
    let is_path = !release.is_empty() && !release.contains('/') && !release.contains("..");
    let listed = |list: &str| {
        is_path
            && has_line(&format!("/lib/modules/{release}/{list}"), &|line| {
                let path = line.split(':').next().unwrap_or(line);
                let file = path.rsplit('/').next().unwrap_or(path);
                file.split('.').next() == Some(module)
            })
    };
    if symbol == Some(false) || kernel.option(option) == Some("y") || listed("modules.builtin") {
        return CodePlace::BuiltIn;
    }
    if system.exists(&format!("/sys/module/{module}/initstate")) {
        return CodePlace::Module;
    }
    if system.exists(&format!("/sys/module/{module}")) {
        return CodePlace::BuiltIn;
    }
    if listed("modules.dep") {
        return CodePlace::Unloaded;
    }
    CodePlace::Absent
}
