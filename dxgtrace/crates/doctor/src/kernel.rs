//! The kernel: version, configuration, BTF, lockdown and sysctls.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::{FactLevel, MachineFact, SystemFiles};
use crate::preemption::{CallContext, preempts, version};
use dxgtrace_protocol::decode::escaped;

/// Oldest kernel that can be traced, as (major, minor).
const OLDEST: (u32, u32) = (5, 10);
/// Longest configuration that is read from `/proc/config.gz`, unpacked, in
/// bytes.
const LONGEST: u64 = 4 << 20;

/// How much an option matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OptionNeed {
    /// Needed by the driver, not for capturing.
    Driver,
    /// Nothing can be captured without it.
    Required,
    /// Capturing works better with it.
    Better,
    /// Used if a better option is not set.
    Alternative,
}

/// An element of `data/kernel-options.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedOption {
    name: String,
    need: OptionNeed,
    r#for: String,
}

#[derive(Debug, Default, Deserialize)]
struct KernelOptionsFile {
    option: Vec<WantedOption>,
}

static OPTIONS: LazyLock<Vec<WantedOption>> = LazyLock::new(|| {
    toml::from_str::<KernelOptionsFile>(include_str!("../data/kernel-options.toml"))
        .unwrap_or_default()
        .option
});

/// What was found out about the kernel.
#[derive(Debug)]
pub(super) struct KernelFacts {
    pub release: String,
    version: Option<(u32, u32)>,
    /// Options that are `y` or `m`, by name without `CONFIG_`; `None` if no
    /// configuration was found.
    options: Option<BTreeMap<String, String>>,
    /// Path of the configuration.
    options_from: String,
    /// Whether the kernel itself has BTF.
    pub btf: bool,
    pub lockdown: Lockdown,
    /// Whether a probe may be preempted in a thread, and in a softirq.
    pub preempts: [bool; 2],
}

/// State of the lockdown security module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lockdown {
    /// Not built in, or securityfs is not mounted.
    Unknown,
    Off,
    Integrity,
    Confidentiality,
}

impl KernelFacts {
    pub fn of(system: &SystemFiles) -> Self {
        let release = system
            .line("/proc/sys/kernel/osrelease")
            .unwrap_or_default();
        let (options, options_from) = options(system, &release);
        let version = version(&release);
        let build = system.line("/proc/version").unwrap_or_default();
        let model = system.line("/sys/kernel/debug/sched/preempt");
        let model = model.unwrap_or_default();
        let preempts = [CallContext::Thread, CallContext::Softirq]
            .map(|context| preempts(context, &build, version, &model));
        Self {
            version,
            preempts,
            options,
            options_from,
            btf: system.exists("/sys/kernel/btf/vmlinux"),
            lockdown: lockdown(system),
            release,
        }
    }

    /// Whether an option is `y` or `m`; `None` if no configuration was found.
    pub fn has(&self, option: &str) -> Option<bool> {
        let options = self.options.as_ref()?;
        Some(options.contains_key(option))
    }

    /// Value of an option, `y` or `m`; `None` if it is not set or not known.
    pub fn option(&self, option: &str) -> Option<&str> {
        let value = self.options.as_ref()?.get(option)?;
        Some(value.as_str())
    }

    /// Whether the kernel is `version` or newer; true if its version is not
    /// known.
    pub fn is_at_least(&self, version: (u32, u32)) -> bool {
        self.version.is_none_or(|own| own >= version)
    }

    pub fn release_fact(&self) -> MachineFact {
        let release = escaped(self.release.as_bytes()).to_string();
        let Some(version) = self.version else {
            return MachineFact::warn("kernel", format!("cannot parse the version \"{release}\""));
        };
        let wsl = if self.release.contains("microsoft") {
            " (WSL)"
        } else {
            ""
        };
        if version < OLDEST {
            let (major, minor) = OLDEST;
            return MachineFact::fail("kernel", format!("Linux {release}{wsl} is too old")).fix(
                format!("Use {major}.{minor} or newer; on WSL: wsl --update."),
            );
        }
        MachineFact::ok("kernel", format!("Linux {release}{wsl}"))
    }

    pub fn facts(&self, system: &SystemFiles) -> Vec<MachineFact> {
        let mut facts = vec![self.btf_fact(system)];
        facts.extend(self.option_facts());
        facts.push(self.lockdown_fact());
        facts.extend(switches(system));
        facts
    }

    fn btf_fact(&self, system: &SystemFiles) -> MachineFact {
        if !self.btf {
            return MachineFact::warn("BTF", "/sys/kernel/btf/vmlinux is not there").fix(
                "Without it, kprobes are used, which can lose packets under load. A kernel with \
                 CONFIG_DEBUG_INFO_BTF=y has it (WSL: from 5.15 on).",
            );
        }
        let modules: Vec<&str> = ["hv_vmbus", "dxgkrnl"]
            .into_iter()
            .filter(|name| system.exists(&format!("/sys/kernel/btf/{name}")))
            .collect();
        let more = match modules.as_slice() {
            [] => String::new(),
            modules => format!(", and of the modules {}", modules.join(", ")),
        };
        MachineFact::ok("BTF", format!("type information of the kernel{more}"))
    }

    fn option_facts(&self) -> Vec<MachineFact> {
        let Some(options) = &self.options else {
            return vec![
                MachineFact::info("options", "the kernel's configuration was not found").fix(
                    "Looked for /proc/config.gz, /boot/config-RELEASE and \
                     /lib/modules/RELEASE/config; the lines below go by what the kernel has.",
                ),
            ];
        };
        let mut facts = Vec::new();
        let mut set = Vec::new();
        for wanted in OPTIONS.iter() {
            let Some(value) = options.get(&wanted.name) else {
                let level = match wanted.need {
                    OptionNeed::Required => FactLevel::Fail,
                    OptionNeed::Driver | OptionNeed::Alternative => FactLevel::Info,
                    OptionNeed::Better => FactLevel::Warn,
                };
                let text = format!("CONFIG_{} is not set: {}", wanted.name, wanted.r#for);
                facts.push(match level {
                    FactLevel::Fail => MachineFact::new("options", level, text)
                        .fix("A kernel with this option is needed to capture here."),
                    _ => MachineFact::new("options", level, text),
                });
                continue;
            };
            set.push(format!("{}={}", wanted.name, escaped(value.as_bytes())));
        }
        if !set.is_empty() {
            let text = format!("{} (from {})", set.join(" "), self.options_from);
            facts.insert(0, MachineFact::ok("options", text));
        }
        facts
    }

    fn lockdown_fact(&self) -> MachineFact {
        match self.lockdown {
            Lockdown::Unknown => {
                MachineFact::info("lockdown", "not built into this kernel, or hidden")
            }
            Lockdown::Off => MachineFact::ok("lockdown", "off"),
            Lockdown::Integrity => MachineFact::ok(
                "lockdown",
                "integrity: reading kernel memory is still allowed",
            ),
            Lockdown::Confidentiality => MachineFact::fail(
                "lockdown",
                "confidentiality: the kernel refuses probes that read its memory",
            )
            .fix(
                "Boot without lockdown=confidentiality; with Secure Boot, use lockdown=integrity.",
            ),
        }
    }
}

/// The options that are set, and the path of the configuration.
fn options(system: &SystemFiles, release: &str) -> (Option<BTreeMap<String, String>>, String) {
    if let Ok(packed) = system.bytes("/proc/config.gz") {
        let mut text = Vec::new();
        let read = GzDecoder::new(packed.as_slice())
            .take(LONGEST)
            .read_to_end(&mut text);
        if read.is_ok() {
            let options = parse(&String::from_utf8_lossy(&text));
            return (Some(options), "/proc/config.gz".to_owned());
        }
    }
    // The release becomes part of a path and must not leave the folder.
    if release.is_empty() || release.contains('/') || release.contains("..") {
        return (None, String::new());
    }
    for path in [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
        format!("/usr/lib/modules/{release}/config"),
    ] {
        if let Some(text) = system.text(&path) {
            return (Some(parse(&text)), path);
        }
    }
    (None, String::new())
}

/// Parses a kernel configuration. Keeps options that are `y` or `m`.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='))
        .filter(|(_, value)| matches!(*value, "y" | "m"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn lockdown(system: &SystemFiles) -> Lockdown {
    let Some(line) = system.line("/sys/kernel/security/lockdown") else {
        return Lockdown::Unknown;
    };
    if line.contains("[confidentiality]") {
        Lockdown::Confidentiality
    } else if line.contains("[integrity]") {
        Lockdown::Integrity
    } else {
        Lockdown::Off
    }
}

/// From this value of `kernel.perf_event_paranoid` on, kernels of Debian and
/// Ubuntu let only `CAP_SYS_ADMIN` open perf events.
const ADMINS_ONLY: i32 = 3;

/// Run-time settings that affect tracing.
fn switches(system: &SystemFiles) -> Vec<MachineFact> {
    let mut facts = Vec::new();
    if system.line("/proc/sys/kernel/ftrace_enabled").as_deref() == Some("0") {
        facts.push(
            MachineFact::fail(
                "switches",
                "kernel.ftrace_enabled is 0: fentry cannot attach",
            )
            .fix("sysctl kernel.ftrace_enabled=1"),
        );
    }
    if system.line("/sys/kernel/debug/kprobes/enabled").as_deref() == Some("0") {
        facts.push(
            MachineFact::fail("switches", "kprobes are disarmed")
                .fix("echo 1 > /sys/kernel/debug/kprobes/enabled"),
        );
    }
    if let Some(level) = system.line("/proc/sys/kernel/perf_event_paranoid") {
        let strict = level.parse().is_ok_and(|level: i32| level >= ADMINS_ONLY);
        let level = escaped(level.as_bytes()).to_string();
        let text = format!("kernel.perf_event_paranoid is {level}: ");
        facts.push(match strict {
            false => MachineFact::info("switches", text + "CAP_PERFMON is needed in any case"),
            true => MachineFact::info(
                "switches",
                text + "Debian's kernels let only root create kprobes",
            )
            .fix("For others with capabilities: sysctl kernel.perf_event_paranoid=2"),
        });
    }
    if let Some(value) = system.line("/proc/sys/kernel/unprivileged_bpf_disabled") {
        let text = match value.as_str() {
            "0" => "ordinary users may load BPF programs, but not ones that trace the kernel",
            _ => "only CAP_BPF may load BPF programs, as it should be",
        };
        facts.push(MachineFact::info("switches", text));
    }
    let tracing = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .into_iter()
        .find(|path| system.exists(&format!("{path}/events")));
    facts.push(match tracing {
        Some(path) => MachineFact::ok("tracefs", format!("mounted at {path}")),
        None => MachineFact::info("tracefs", "not mounted, or not readable").fix(
            "With it, kprobes see the returns of more concurrent calls: mount -t tracefs tracefs /sys/kernel/tracing",
        ),
    });
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unset_ones_are_not() {
        let options = parse("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_D=\"x\"\n");
        assert_eq!(options.keys().collect::<Vec<_>>(), ["A", "C"]);
    }

    #[test]
    fn the_list_of_options_is_whole() {
        assert!(OPTIONS.len() > 10);
    }
}
