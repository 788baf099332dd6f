//! The PCI configuration space of a virtual GPU: decodes its vendor registers
//! and checks that they agree with each other and with the VMBus channels.

use super::MachineFact;
use dxgtrace_protocol::table::framing::{VERSION_COMPATIBLE, VERSION_EXTENDED, VERSION_OLD};
use dxgtrace_protocol::table::guid;

/// PCI vendor id of Microsoft.
const VENDOR: u16 = 0x1414;
/// PCI device id of the virtual render device.
const RENDER: u16 = 0x008E;
/// PCI device id of the virtual compute accelerator.
const COMPUTE: u16 = 0x008A;

/// Offsets of the vGPU's registers, in bytes: GUID of the channel (16 bytes),
/// interface version (4), host LUID (8), host capabilities (4).
const CHANNEL: usize = 192;
const VERSION: usize = 208;
const LUID: usize = 212;
const CAPABILITIES: usize = 220;
/// End of the last register, in bytes.
const END: usize = 224;
/// Value read from a register that does not exist.
const ABSENT: u32 = u32::MAX;
/// Host capability bit 0: the host can map guest pages.
const CAN_MAP_PAGES: u32 = 1;

/// Size of a PCI Express configuration space, in bytes.
const LARGEST: usize = 4096;
/// Size of the part that Linux lets unprivileged users read, in bytes.
const HEADER: usize = 64;

/// Why an input is not a configuration space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConfigSpace {
    /// Shorter than 64 or longer than 4096 bytes; holds the length.
    #[error("{0} bytes are not a PCI configuration space, which has 64, 256 or 4096")]
    Length(usize),
    /// Text without lines of the form `00: 14 14 8e 00 ...`.
    #[error("neither a dump of a configuration space nor the output of lspci -xxx")]
    Text,
}

/// The configuration space of one PCI function, 64 to 4096 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSpace {
    bytes: Vec<u8>,
}

/// Looks up the channel with an instance GUID: `None` if the host does not offer
/// it, else whether it is a vGPU channel.
pub type OfferedChannel<'a> = &'a dyn Fn(&[u8; 16]) -> Option<bool>;

impl ConfigSpace {
    /// Takes the raw bytes of one function.
    ///
    /// # Errors
    /// There are fewer than 64 or more than 4096 bytes.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, NotConfigSpace> {
        if !(HEADER..=LARGEST).contains(&bytes.len()) {
            return Err(NotConfigSpace::Length(bytes.len()));
        }
        Ok(Self {
            bytes: bytes.to_vec(),
        })
    }

    /// Parses the content of a file: the raw bytes of one function, or the
    /// output of `lspci -xxx` or `-xxxx` with one or more. Each comes with its
    /// title line, which is empty for raw bytes.
    ///
    /// # Errors
    /// The content is neither.
    pub fn of_file(content: &[u8]) -> Result<Vec<(String, Self)>, NotConfigSpace> {
        match std::str::from_utf8(content) {
            Ok(text) if text.contains(": ") && !text.contains('\0') => of_lspci(text),
            _ => Ok(vec![(String::new(), Self::of_bytes(content)?)]),
        }
    }

    /// Whether these PCI ids are those of a virtual GPU.
    pub fn is_vgpu(vendor: u16, device: u16) -> bool {
        vendor == VENDOR && matches!(device, RENDER | COMPUTE)
    }

    /// Whether the function is a virtual GPU.
    pub fn is_ours(&self) -> bool {
        Self::is_vgpu(self.u16(0), self.u16(2))
    }

    /// Whether the bytes include the vGPU's registers.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() >= END
    }

    /// The PCI ids and what they stand for, for display.
    pub fn kind(&self) -> String {
        let (vendor, device) = (self.u16(0), self.u16(2));
        let what = match (vendor, device) {
            (VENDOR, RENDER) => "virtual render device",
            (VENDOR, COMPUTE) => "virtual compute accelerator",
            _ => "not a virtual GPU",
        };
        format!("{vendor:04x}:{device:04x}, {what}")
    }

    fn u16(&self, at: usize) -> u16 {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(u16::MAX, |bytes| u16::from_le_bytes(*bytes))
    }

    fn u32(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(ABSENT, |bytes| u32::from_le_bytes(*bytes))
    }

    fn channel(&self) -> [u8; 16] {
        let bytes = self
            .bytes
            .get(CHANNEL..)
            .and_then(|rest| rest.first_chunk());
        bytes.copied().unwrap_or([0xFF; 16])
    }

    /// Decodes the registers and checks them. `offered` looks up the channels
    /// that the host offers; `None` if they are not known.
    pub fn facts(&self, offered: Option<OfferedChannel<'_>>) -> Vec<MachineFact> {
        const TOPIC: &str = "vGPU";
        let mut facts = Vec::new();
        if !self.is_ours() {
            facts.push(
                MachineFact::warn(
                    TOPIC,
                    format!("{}: the registers below mean nothing", self.kind()),
                )
                .fix("Take the configuration space of the function 1414:008e or 1414:008a."),
            );
        }
        if !self.is_whole() {
            let text = format!(
                "only {} bytes: the vGPU's registers stand at {CHANNEL} to {END}",
                self.bytes.len()
            );
            facts.push(MachineFact::fail(TOPIC, text).fix("Read it as root."));
            return facts;
        }
        let channel = self.channel();
        facts.push(channel_fact(&channel, offered));
        let register = self.u32(VERSION);
        let version = match register {
            0 | ABSENT => VERSION_OLD,
            other => other,
        };
        facts.push(version_fact(register));
        facts.extend(self.luid_facts(version, &channel));
        facts.push(self.capabilities_fact(version));
        facts
    }

    fn luid_facts(&self, version: u32, channel: &[u8; 16]) -> Vec<MachineFact> {
        const TOPIC: &str = "vGPU";
        let (low, high) = (self.u32(LUID), self.u32(LUID + 4));
        let host = format!("{high:08x}-{low:08x}");
        // The driver writes the guest's capabilities (0 or 1) to the same
        // offset.
        let empty = high == 0 && low <= 1 || (high, low) == (ABSENT, ABSENT);
        if version < VERSION_EXTENDED {
            return vec![if empty {
                MachineFact::ok(TOPIC, "no host LUID, as this version has none")
            } else {
                MachineFact::warn(
                    TOPIC,
                    format!(
                        "host LUID {host} is there, but interface version {version} says that \
                         there is none: version and LUID contradict each other"
                    ),
                )
                .fix("The driver does not read it; the host's version register is suspect.")
            }];
        }
        if empty {
            return vec![
                MachineFact::fail(
                    TOPIC,
                    format!("interface version {version} says that there is a host LUID, but it is empty"),
                )
                .fix("Messages to this adapter will carry an empty LUID: a fault of the host."),
            ];
        }
        let mut facts = vec![MachineFact::ok(
            TOPIC,
            format!("host LUID {host} (offset {LUID})"),
        )];
        if guid::luid(channel) == (high, low) {
            facts.push(MachineFact::info(
                TOPIC,
                "the host LUID equals the first 8 bytes of the channel's GUID, which are the \
                 guest's own LUID; usually they differ",
            ));
        }
        facts
    }

    fn capabilities_fact(&self, version: u32) -> MachineFact {
        const TOPIC: &str = "vGPU";
        let bits = self.u32(CAPABILITIES);
        if version < VERSION_EXTENDED {
            return match bits {
                0 | ABSENT => {
                    MachineFact::ok(TOPIC, "no host capabilities, as this version has none")
                }
                _ => MachineFact::info(
                    TOPIC,
                    format!(
                        "host capabilities {bits:#x} are there, but this version does not read them"
                    ),
                ),
            };
        }
        let pages = if bits & CAN_MAP_PAGES != 0 {
            "the host can map guest pages (set_existing_sysmem_pages is used)"
        } else {
            "the host cannot map guest pages (set_existing_sysmem_store is used)"
        };
        let unknown = bits & !CAN_MAP_PAGES;
        match (bits, unknown) {
            (ABSENT, _) => MachineFact::warn(TOPIC, "host capabilities cannot be read (all ones)"),
            (_, 0) => MachineFact::ok(TOPIC, format!("host capabilities {bits:#x}: {pages}")),
            _ => MachineFact::info(
                TOPIC,
                format!("host capabilities {bits:#x}: {pages}; bits {unknown:#x} have no name"),
            ),
        }
    }
}

fn channel_fact(channel: &[u8; 16], offered: Option<OfferedChannel<'_>>) -> MachineFact {
    const TOPIC: &str = "vGPU";
    if *channel == [0; 16] || *channel == [0xFF; 16] {
        return MachineFact::fail(
            TOPIC,
            "there is no channel GUID: the host has not set the device up",
        )
        .fix("Start the virtual machine again; look at the GPU's driver on Windows.");
    }
    let (high, low) = guid::luid(channel);
    let text = format!(
        "channel {}, so the LUID in the guest is {high:08x}-{low:08x}",
        guid::text(channel)
    );
    match offered.map(|offered| offered(channel)) {
        None => MachineFact::info(TOPIC, text),
        Some(Some(true)) => MachineFact::ok(TOPIC, text),
        Some(Some(false)) => MachineFact::fail(TOPIC, format!("{text}; that channel is no vGPU's"))
            .fix("PCI function and VMBus disagree: a fault of the host."),
        Some(None) => MachineFact::fail(TOPIC, format!("{text}; but no such channel is offered"))
            .fix("The driver waits for that channel: look at dmesg for hv_vmbus, and at the host."),
    }
}

fn version_fact(register: u32) -> MachineFact {
    const TOPIC: &str = "vGPU";
    match register {
        0 | ABSENT => MachineFact::info(
            TOPIC,
            format!("the host reports no interface version: the driver assumes {VERSION_OLD}"),
        ),
        version if version < VERSION_COMPATIBLE => MachineFact::warn(
            TOPIC,
            format!(
                "interface version {version} is older than {VERSION_COMPATIBLE}, the oldest that \
                 the driver declares compatible"
            ),
        )
        .fix("Update Windows."),
        version if version < VERSION_EXTENDED => MachineFact::ok(
            TOPIC,
            format!("interface version {version}: old format, no extended header"),
        ),
        VERSION_EXTENDED => MachineFact::ok(
            TOPIC,
            format!("interface version {VERSION_EXTENDED}: extended header"),
        ),
        version => MachineFact::info(
            TOPIC,
            format!(
                "the host offers interface version {version}; the driver supports at most \
                 {VERSION_EXTENDED} and uses that"
            ),
        ),
    }
}

/// Parses the output of `lspci -xxx`: per function a title line, then lines of
/// an offset and 16 bytes.
fn of_lspci(text: &str) -> Result<Vec<(String, ConfigSpace)>, NotConfigSpace> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut title = String::new();
    for line in text.lines() {
        match parse_row(line) {
            Some((0, bytes)) => found.push((std::mem::take(&mut title), bytes)),
            Some((at, bytes)) => match found.last_mut() {
                Some((_, all)) if all.len() == at && at < LARGEST => all.extend(bytes),
                _ => return Err(NotConfigSpace::Text),
            },
            None if !line.trim().is_empty() && !line.starts_with([' ', '\t']) => {
                title = line.trim().to_owned();
            }
            None => {}
        }
    }
    if found.is_empty() {
        return Err(NotConfigSpace::Text);
    }
    found
        .into_iter()
        .map(|(title, bytes)| Ok((title, ConfigSpace::of_bytes(&bytes)?)))
        .collect()
}

/// Parses a line `c0: 01 02 ...` into its offset and 16 bytes.
fn parse_row(line: &str) -> Option<(usize, Vec<u8>)> {
    let (offset, rest) = line.split_once(": ")?;
    if !(2..=3).contains(&offset.len()) {
        return None;
    }
    let offset = usize::from_str_radix(offset, 16).ok()?;
    let bytes: Vec<u8> = rest
        .split_ascii_whitespace()
        .map(|word| {
            u8::from_str_radix(word, 16)
                .ok()
                .filter(|_| word.len() == 2)
        })
        .collect::<Option<_>>()?;
    (bytes.len() == 16 && offset % 16 == 0).then_some((offset, bytes))
}
