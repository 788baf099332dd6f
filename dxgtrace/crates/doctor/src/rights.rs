//! The capabilities of this process.

use super::{MachineFact, SystemFiles};

/// Capability numbers of `linux/capability.h`.
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// The capabilities of this process.
#[derive(Debug)]
pub(super) struct Rights {
    /// Effective capabilities, one bit each; `None` if they cannot be read.
    capabilities: Option<u64>,
}

impl Rights {
    pub fn of(system: &SystemFiles) -> Self {
        let status = system.text("/proc/self/status").unwrap_or_default();
        let capabilities = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
        Self { capabilities }
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities
            .is_some_and(|all| all & 1 << capability != 0)
    }

    /// Whether this process may load and attach a probe.
    pub fn can_trace(&self) -> bool {
        self.has(SYS_ADMIN) || (self.has(BPF) && self.has(PERFMON))
    }

    /// Whether this process may read the BTF of modules, which is needed to
    /// attach fentry to their functions.
    pub fn can_read_module_btf(&self) -> bool {
        self.has(SYS_ADMIN)
    }

    pub fn facts(&self, system: &SystemFiles) -> Vec<MachineFact> {
        let Some(all) = self.capabilities else {
            return vec![MachineFact::info(
                "rights",
                "the capabilities of this process are not known",
            )];
        };
        let fact = if self.can_trace() {
            let by = if self.has(BPF) && self.has(PERFMON) {
                "CAP_BPF and CAP_PERFMON"
            } else {
                "CAP_SYS_ADMIN"
            };
            MachineFact::ok(
                "rights",
                format!("{by}: probes can be loaded (CapEff {all:016x})"),
            )
        } else {
            let missing: Vec<&str> = [(BPF, "CAP_BPF"), (PERFMON, "CAP_PERFMON")]
                .into_iter()
                .filter(|(capability, _)| !self.has(*capability))
                .map(|(_, name)| name)
                .collect();
            let fix = if system.is_live() {
                "Run with sudo, or once: setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep \
                 $(command -v dxgtrace)"
            } else {
                "Run with sudo where the capture is to be made."
            };
            MachineFact::warn(
                "rights",
                format!("{} missing: nothing can be captured", missing.join(" and ")),
            )
            .fix(fix)
        };
        vec![fact]
    }
}
