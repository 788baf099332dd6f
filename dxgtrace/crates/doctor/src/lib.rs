//! Examines a machine: does it have the driver, and can the driver be traced?
//!
//! [`examine`] returns a list of facts, each with the fix if something is
//! wrong. `kernel` looks at the kernel, `driver` at dxgkrnl and VMBus,
//! `hardware` at what the host offers, `config_space` at the registers of a
//! vGPU, `container` at what a container admits, `user_mode` at the libraries
//! below `/usr/lib/wsl`, `rights` at the capabilities of this process; `backend`
//! concludes how a capture would be made. [`DriverThreads`] tells which threads
//! are in an ioctl of the driver.
//!
//! Only files below `/dev`, `/sys`, `/proc`, `/boot`, `/lib`, `/usr/lib`, `/run`,
//! `/var/lib/dpkg/info` and `/etc/ld.so.cache` are read, so the same code examines
//! a copied tree. `/dev/dxg` is not opened: that would make the host create a
//! process.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod backend;
mod config_space;
mod container;
mod driver;
mod elf;
mod hardware;
mod kernel;
mod loader;
pub mod preemption;
mod rights;
mod system;
mod threads;
mod user_mode;

pub use config_space::{ConfigSpace, NotConfigSpace};
pub use hardware::{VmbusChannels, VmbusOffer, channels};
pub use system::SystemFiles;
pub use threads::{DriverThread, DriverThreads};

use serde::Serialize;

/// Rating of a fact, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactLevel {
    /// As it should be.
    Ok,
    /// Neither good nor bad.
    Info,
    /// Something will not work, or work less well.
    Warn,
    /// The driver, its libraries or the capture cannot work like this.
    Fail,
}

impl FactLevel {
    /// Every level, best first.
    pub const ALL: &'static [Self] = &[Self::Ok, Self::Info, Self::Warn, Self::Fail];

    /// The level as one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report about a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineFact {
    /// The part of the machine that was examined, such as `kernel`.
    pub topic: &'static str,
    /// Rating of what was found.
    pub level: FactLevel,
    /// What was found, safe to print.
    pub text: String,
    /// How to fix it; empty if there is nothing to fix.
    pub fix: String,
}

impl MachineFact {
    fn new(topic: &'static str, level: FactLevel, text: impl Into<String>) -> Self {
        Self {
            topic,
            level,
            text: text.into(),
            fix: String::new(),
        }
    }

    fn ok(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, FactLevel::Ok, text)
    }

    fn info(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, FactLevel::Info, text)
    }

    fn warn(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, FactLevel::Warn, text)
    }

    fn fail(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, FactLevel::Fail, text)
    }

    fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix = text.into();
        self
    }
}

/// Examines the machine whose files are `system`.
pub fn examine(system: &SystemFiles) -> Vec<MachineFact> {
    if !system.has_proc() {
        return vec![
            MachineFact::warn(
                "system",
                "there is no /proc here: this is not Linux, or not a whole tree of one",
            )
            .fix(
                "Nothing can be captured here, but capture files can be read: dxgtrace read FILE.",
            ),
        ];
    }
    let kernel = kernel::KernelFacts::of(system);
    let driver = driver::DriverFacts::of(system, &kernel);
    let mut facts = vec![kernel.release_fact()];
    facts.extend(driver.facts(system));
    let container = container::ContainerFacts::of(system);
    facts.extend(container.facts(system));
    facts.extend(user_mode::facts(system, &kernel, &container));
    facts.extend(hardware::facts(system, &driver));
    facts.extend(kernel.facts(system));
    let rights = rights::Rights::of(system);
    facts.extend(rights.facts(system));
    facts.push(backend::choose(&kernel, &driver, &rights).fact());
    facts
}
