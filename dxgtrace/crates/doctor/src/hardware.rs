//! The PCI functions and VMBus channels that the host offers.

use std::collections::BTreeMap;

use super::driver::DriverFacts;
use super::{ConfigSpace, MachineFact, SystemFiles};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

const PCI: &str = "/sys/bus/pci/devices";
const VMBUS: &str = "/sys/bus/vmbus/devices";
/// Most PCI functions examined.
const MAX_FUNCTIONS: usize = 256;

pub(super) fn facts(system: &SystemFiles, driver: &DriverFacts) -> Vec<MachineFact> {
    let channels = channels(system);
    let mut facts = vmbus(system, driver, &channels);
    facts.extend(pci(system, &channels));
    facts
}

/// The driver's channels by instance GUID.
pub type VmbusChannels = BTreeMap<[u8; 16], VmbusOffer>;

/// A channel that the host offers to the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmbusOffer {
    /// Whether it is the channel of a virtual GPU, not the global one.
    pub is_vgpu: bool,
    /// Its number (`child_relid`), if sysfs tells.
    pub relid: Option<u32>,
}

/// Reads from sysfs which channels the host offers to the driver.
pub fn channels(system: &SystemFiles) -> VmbusChannels {
    let mut found = VmbusChannels::new();
    for name in system.names(VMBUS) {
        let class = system.line(&format!("{VMBUS}/{name}/class_id"));
        let class = class.and_then(|text| guid::parse(text.trim_matches(['{', '}'])));
        let id = system.line(&format!("{VMBUS}/{name}/device_id"));
        let instance = id.unwrap_or_else(|| name.clone());
        let instance =
            guid::parse(instance.trim_matches(['{', '}'])).or_else(|| guid::parse(&name));
        let is_vgpu = class == Some(VGPU_CHANNEL);
        if let Some(instance) = instance
            && (is_vgpu || class == Some(GLOBAL_CHANNEL))
        {
            let relid = system.line(&format!("{VMBUS}/{name}/id"));
            let relid = relid.and_then(|text| text.trim().parse().ok());
            found.insert(instance, VmbusOffer { is_vgpu, relid });
        }
    }
    found
}

fn vmbus(system: &SystemFiles, driver: &DriverFacts, channels: &VmbusChannels) -> Vec<MachineFact> {
    if !system.exists(VMBUS) {
        let fact = MachineFact::fail("VMBus", format!("{VMBUS} is not there"));
        return vec![fact.fix("This is not a Hyper-V guest, or CONFIG_HYPERV is off.")];
    }
    let mut facts = Vec::new();
    let global = channels.values().filter(|one| !one.is_vgpu).count();
    let of_host = "The host offers it if GPU paravirtualization is set up for this machine: WSL2 \
                   does so by itself (unless gpuSupport=false in .wslconfig), Hyper-V needs \
                   Add-VMGpuPartitionAdapter.";
    facts.push(match global {
        0 => {
            MachineFact::fail("VMBus", "the host offers no global channel of dxgkrnl").fix(of_host)
        }
        _ => MachineFact::ok("VMBus", "global channel is offered"),
    });
    let mut any = false;
    for instance in channels.iter().filter(|(_, one)| one.is_vgpu) {
        let (high, low) = guid::luid(instance.0);
        any = true;
        facts.push(MachineFact::ok(
            "VMBus",
            format!(
                "vGPU channel {}, LUID in the guest {high:08x}-{low:08x}",
                guid::text(instance.0)
            ),
        ));
    }
    if !any {
        facts.push(MachineFact::fail("VMBus", "the host offers no vGPU channel").fix(of_host));
    }
    if !driver.is_present() && any {
        facts.push(
            MachineFact::warn(
                "VMBus",
                "channels are offered, but there is no driver to use them",
            )
            .fix("See driver."),
        );
    }
    facts
}

fn pci(system: &SystemFiles, channels: &VmbusChannels) -> Vec<MachineFact> {
    let mut facts = Vec::new();
    for name in system.names(PCI).into_iter().take(MAX_FUNCTIONS) {
        let of = |file: &str| {
            let text = system.line(&format!("{PCI}/{name}/{file}"))?;
            u16::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        let Some(config) = system.bytes(&format!("{PCI}/{name}/config")).ok() else {
            continue;
        };
        let ours = match (of("vendor"), of("device")) {
            (Some(vendor), Some(device)) => ConfigSpace::is_vgpu(vendor, device),
            _ => ConfigSpace::of_bytes(&config).is_ok_and(|space| space.is_ours()),
        };
        if !ours {
            continue;
        }
        let shown = escaped(name.as_bytes()).to_string();
        match ConfigSpace::of_bytes(&config) {
            Ok(space) => {
                facts.push(MachineFact::ok("PCI", format!("{shown}: {}", space.kind())));
                if space.is_whole() {
                    facts.extend(space.facts(Some(&|instance| {
                        channels.get(instance).map(|one| one.is_vgpu)
                    })));
                } else {
                    facts.push(
                        MachineFact::info(
                            "PCI",
                            format!("{shown}: only root can read the vGPU's registers"),
                        )
                        .fix("Run dxgtrace doctor as root."),
                    );
                }
            }
            Err(error) => facts.push(MachineFact::warn("PCI", format!("{shown}: {error}"))),
        }
    }
    if facts.is_empty() {
        facts.push(
            MachineFact::fail("PCI", "there is no virtual GPU (1414:008e or 1414:008a)").fix(
                "The host assigns none to this machine: check the GPU's driver on Windows, and \
                 Get-VMGpuPartitionAdapter.",
            ),
        );
    }
    facts
}
