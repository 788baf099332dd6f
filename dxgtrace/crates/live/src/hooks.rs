//! The hooked functions, their programs, and the modules that define them.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
};

use dxgtrace_doctor::preemption::CallContext;
use dxgtrace_ebpf::functions;

/// A hooked function of the driver or of VMBus, and the programs for it.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) function: &'static str,
    /// What it is hooked for.
    pub(super) purpose: HookPurpose,
    /// The context in which the driver calls it.
    pub(super) context: CallContext,
    pub(super) kprobe: HookPrograms,
    pub(super) uprobe: HookPrograms,
    pub(super) fentry: &'static [FentryPrograms],
}

/// What a function is hooked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HookPurpose {
    /// Packets.
    Packets,
    /// The driver's view of packets, and its ioctls.
    Driver,
    /// The life of channels. These functions of VMBus come with those for packets,
    /// or not at all.
    Channels,
}

impl Hook {
    /// Whether a capture is impossible without it.
    pub(super) fn is_required(&self) -> bool {
        self.purpose == HookPurpose::Packets
    }
}

/// The programs at a function's entry and exit.
#[derive(Debug)]
pub(super) struct HookPrograms {
    pub(super) entry: &'static str,
    pub(super) exit: Option<&'static str>,
}

impl HookPrograms {
    /// The names of the programs, the exit first: the probe ignores an exit without
    /// an entry, but an entry without an exit is a call of unknown outcome.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.exit.into_iter().chain([self.entry])
    }
}

/// The fentry and fexit programs for a function with `parameters` parameters,
/// whose number decides where fexit finds the return value.
#[derive(Debug)]
pub(super) struct FentryPrograms {
    pub(super) parameters: u16,
    pub(super) entry: Option<&'static str>,
    pub(super) exit: Option<&'static str>,
}

const fn programs(entry: &'static str, exit: &'static str) -> HookPrograms {
    HookPrograms {
        entry,
        exit: Some(exit),
    }
}

const fn entry_program(entry: &'static str) -> HookPrograms {
    HookPrograms { entry, exit: None }
}

const fn fentry(
    parameters: u16,
    entry: Option<&'static str>,
    exit: &'static str,
) -> FentryPrograms {
    FentryPrograms {
        parameters,
        entry,
        exit: Some(exit),
    }
}

const fn fentry_of_one_parameter(entry: &'static str) -> FentryPrograms {
    FentryPrograms {
        parameters: 1,
        entry: Some(entry),
        exit: None,
    }
}

const VMBUS: &str = "hv_vmbus";
const DRIVER: &str = "dxgkrnl";
/// The modules that may define hooked functions.
pub(super) const MODULES: [&str; 2] = [VMBUS, DRIVER];

/// All hooked functions.
pub(super) static HOOKS: [Hook; functions::ALL.len()] = [
    Hook {
        function: functions::SEND,
        purpose: HookPurpose::Packets,
        context: CallContext::Thread,
        kprobe: programs("k_send_entry", "k_send_return"),
        uprobe: programs("u_send_entry", "u_send_return"),
        fentry: &[fentry(6, Some("f_send_entry"), "f_send_return")],
    },
    Hook {
        function: functions::NEXT,
        purpose: HookPurpose::Packets,
        context: CallContext::Softirq,
        kprobe: programs("k_next_entry", "k_next_return"),
        uprobe: programs("u_next_entry", "u_next_return"),
        fentry: &[
            fentry(2, Some("f_next_entry"), "f_next_return2"),
            // Linux 5.15
            fentry(3, Some("f_next_entry"), "f_next_return3"),
        ],
    },
    Hook {
        function: functions::FIRST,
        purpose: HookPurpose::Packets,
        context: CallContext::Softirq,
        kprobe: programs("k_first_entry", "k_first_return"),
        uprobe: programs("u_first_entry", "u_first_return"),
        fentry: &[fentry(1, None, "f_first_return")],
    },
    Hook {
        function: functions::SYNC,
        purpose: HookPurpose::Driver,
        context: CallContext::Thread,
        kprobe: programs("k_sync_entry", "k_sync_return"),
        uprobe: programs("u_sync_entry", "u_sync_return"),
        fentry: &[fentry(5, Some("f_sync_entry"), "f_sync_return")],
    },
    Hook {
        function: functions::IOCTL,
        purpose: HookPurpose::Driver,
        context: CallContext::Thread,
        kprobe: programs("k_ioctl_entry", "k_ioctl_return"),
        uprobe: programs("u_ioctl_entry", "u_ioctl_return"),
        fentry: &[fentry(3, Some("f_ioctl_entry"), "f_ioctl_return")],
    },
    Hook {
        function: functions::OPEN,
        purpose: HookPurpose::Channels,
        context: CallContext::Thread,
        kprobe: programs("k_open_entry", "k_open_return"),
        uprobe: programs("u_open_entry", "u_open_return"),
        fentry: &[fentry(7, None, "f_open_return")],
    },
    Hook {
        function: functions::CLOSE,
        purpose: HookPurpose::Channels,
        context: CallContext::Thread,
        kprobe: entry_program("k_close_entry"),
        uprobe: entry_program("u_close_entry"),
        fentry: &[fentry_of_one_parameter("f_close_entry")],
    },
    Hook {
        function: functions::OFFER,
        purpose: HookPurpose::Channels,
        context: CallContext::Thread,
        kprobe: entry_program("k_offer_entry"),
        uprobe: entry_program("u_offer_entry"),
        fentry: &[fentry_of_one_parameter("f_offer_entry")],
    },
    Hook {
        function: functions::RESCIND,
        purpose: HookPurpose::Channels,
        context: CallContext::Thread,
        kprobe: entry_program("k_rescind_entry"),
        uprobe: entry_program("u_rescind_entry"),
        fentry: &[fentry_of_one_parameter("f_rescind_entry")],
    },
];

/// Where a function is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FunctionLocation {
    /// In the kernel itself.
    Kernel,
    /// In a module.
    Module(String),
}

/// Finds the hooked functions in `/proc/kallsyms`, whose names are readable
/// without any rights. Functions that the kernel lacks are left out.
pub(super) fn function_locations() -> HashMap<&'static str, FunctionLocation> {
    let mut locations = HashMap::new();
    let Ok(file) = File::open("/proc/kallsyms") else {
        return locations;
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while locations.len() < HOOKS.len() {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if let Some((function, location)) = parse_symbol(&line) {
            locations.entry(function).or_insert(location);
        }
    }
    locations
}

/// The hooked function in a line of `/proc/kallsyms`: address, type, name, and for
/// a module's symbol the module in brackets.
fn parse_symbol(line: &[u8]) -> Option<(&'static str, FunctionLocation)> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .skip(1);
    let code = matches!(words.next()?, b"t" | b"T");
    let name = words.next()?;
    let hook = HOOKS
        .iter()
        .find(|hook| code && hook.function.as_bytes() == name)?;
    let location = match words.next() {
        None => FunctionLocation::Kernel,
        Some(module) => {
            let module = String::from_utf8_lossy(module);
            FunctionLocation::Module(module.trim_matches(['[', ']']).to_owned())
        }
    };
    Some((hook.function, location))
}

#[cfg(test)]
mod tests {
    use super::{FunctionLocation, parse_symbol};

    #[test]
    fn a_function_is_found_in_the_kernel_or_in_its_module() {
        let location = |line: &str| parse_symbol(line.as_bytes()).map(|(_, location)| location);
        assert_eq!(
            location("ffffffff81000000 T vmbus_sendpacket\n"),
            Some(FunctionLocation::Kernel)
        );
        assert_eq!(
            location("0000000000000000 t dxgk_unlocked_ioctl\t[dxgkrnl]\n"),
            Some(FunctionLocation::Module("dxgkrnl".to_owned()))
        );
        assert_eq!(location("0000000000000000 d vmbus_sendpacket\n"), None);
        assert_eq!(
            location("0000000000000000 t vmbus_sendpacket_getid\n"),
            None
        );
    }
}
