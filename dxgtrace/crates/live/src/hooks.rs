//! Which functions are hooked, by which programs, and where they are.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
};

use dxgtrace_doctor::preemption::CallContext;

/// A function of the driver or of VMBus, and the programs for it.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) function: &'static str,
    /// Without it, there is nothing to capture.
    pub(super) needed: bool,
    /// Where the driver calls it.
    pub(super) context: CallContext,
    pub(super) kprobe: Sides,
    pub(super) uprobe: Sides,
    pub(super) fentry: &'static [ProgramShape],
}

/// The programs at a function's two ends.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) entry: &'static str,
    pub(super) exit: &'static str,
}

/// Programs for a function with so many parameters: they know where the
/// return value stands.
#[derive(Debug)]
pub(super) struct ProgramShape {
    pub(super) parameters: u16,
    pub(super) entry: Option<&'static str>,
    pub(super) exit: &'static str,
}

const fn sides(entry: &'static str, exit: &'static str) -> Sides {
    Sides { entry, exit }
}

const fn shape(parameters: u16, entry: Option<&'static str>, exit: &'static str) -> ProgramShape {
    ProgramShape {
        parameters,
        entry,
        exit,
    }
}

const VMBUS: &str = "hv_vmbus";
const DRIVER: &str = "dxgkrnl";
/// The modules that hooked functions may be in.
pub(super) const MODULES: [&str; 2] = [VMBUS, DRIVER];

/// Every function that is hooked.
pub(super) static HOOKS: [Hook; 5] = [
    Hook {
        function: "vmbus_sendpacket",
        needed: true,
        context: CallContext::Thread,
        kprobe: sides("k_send_entry", "k_send_return"),
        uprobe: sides("u_send_entry", "u_send_return"),
        fentry: &[shape(6, Some("f_send_entry"), "f_send_return")],
    },
    Hook {
        function: "__hv_pkt_iter_next",
        needed: true,
        context: CallContext::Softirq,
        kprobe: sides("k_next_entry", "k_next_return"),
        uprobe: sides("u_next_entry", "u_next_return"),
        fentry: &[
            shape(2, Some("f_next_entry"), "f_next_return2"),
            // Linux 5.15
            shape(3, Some("f_next_entry"), "f_next_return3"),
        ],
    },
    Hook {
        function: "hv_pkt_iter_first",
        needed: true,
        context: CallContext::Softirq,
        kprobe: sides("k_first_entry", "k_first_return"),
        uprobe: sides("u_first_entry", "u_first_return"),
        fentry: &[shape(1, None, "f_first_return")],
    },
    Hook {
        function: "dxgvmb_send_sync_msg",
        needed: false,
        context: CallContext::Thread,
        kprobe: sides("k_sync_entry", "k_sync_return"),
        uprobe: sides("u_sync_entry", "u_sync_return"),
        fentry: &[shape(5, Some("f_sync_entry"), "f_sync_return")],
    },
    Hook {
        function: "dxgk_unlocked_ioctl",
        needed: false,
        context: CallContext::Thread,
        kprobe: sides("k_ioctl_entry", "k_ioctl_return"),
        uprobe: sides("u_ioctl_entry", "u_ioctl_return"),
        fentry: &[shape(3, Some("f_ioctl_entry"), "f_ioctl_return")],
    },
];

/// Where a function is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FunctionLocation {
    /// In the kernel itself.
    Kernel,
    /// In a module.
    Module(String),
}

/// Where the hooked functions are; those that are nowhere are left out. Names
/// are visible without any rights; only addresses are not.
pub(super) fn homes() -> HashMap<&'static str, FunctionLocation> {
    let mut homes = HashMap::new();
    let Ok(file) = File::open("/proc/kallsyms") else {
        return homes;
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while homes.len() < HOOKS.len() {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if let Some((function, home)) = symbol(&line) {
            homes.entry(function).or_insert(home);
        }
    }
    homes
}

/// The hooked function in a line: address, type, name, and of a module's
/// symbol the module in brackets.
fn symbol(line: &[u8]) -> Option<(&'static str, FunctionLocation)> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .skip(1);
    let code = matches!(words.next()?, b"t" | b"T");
    let name = words.next()?;
    let hook = HOOKS
        .iter()
        .find(|hook| code && hook.function.as_bytes() == name)?;
    let home = match words.next() {
        None => FunctionLocation::Kernel,
        Some(module) => {
            let module = String::from_utf8_lossy(module);
            FunctionLocation::Module(module.trim_matches(['[', ']']).to_owned())
        }
    };
    Some((hook.function, home))
}

#[cfg(test)]
mod tests {
    use super::{FunctionLocation, symbol};

    #[test]
    fn a_function_is_found_in_the_kernel_or_in_its_module() {
        let home = |line: &str| symbol(line.as_bytes()).map(|(_, home)| home);
        assert_eq!(
            home("ffffffff81000000 T vmbus_sendpacket\n"),
            Some(FunctionLocation::Kernel)
        );
        assert_eq!(
            home("0000000000000000 t dxgk_unlocked_ioctl\t[dxgkrnl]\n"),
            Some(FunctionLocation::Module("dxgkrnl".to_owned()))
        );
        assert_eq!(home("0000000000000000 d vmbus_sendpacket\n"), None);
        assert_eq!(home("0000000000000000 t vmbus_sendpacket_getid\n"), None);
    }
}
