//! Whether this machine has the driver, and whether it can be traced: facts
//! from `/dev`, `/sys`, `/proc` and `/boot`, each with what to do about it.
//!
//! Only files are read, and `/dev/dxg` is not even opened, since that would
//! make the host create a process. So the same code examines a made-up tree.

mod backend;
mod config_space;
mod driver;
mod hardware;
mod kernel;
pub mod preemption;
mod rights;
mod system;

pub use config_space::{ConfigSpace, NotConfigSpace};
pub use hardware::{VmbusChannels, channels};
pub use system::SystemFiles;

use serde::Serialize;

/// How good a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactLevel {
    /// As it should be.
    Ok,
    /// Neither good nor bad.
    Info,
    /// Something will not work, or not as well.
    Warn,
    /// The driver or the capture cannot work like this.
    Fail,
}

impl FactLevel {
    /// Every level, best first.
    pub const ALL: &'static [Self] = &[Self::Ok, Self::Info, Self::Warn, Self::Fail];

    /// The level in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A fact about the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineFact {
    /// What it is about.
    pub topic: &'static str,
    /// How good it is.
    pub level: FactLevel,
    /// What was found, safe to print.
    pub text: String,
    /// What to do about it; empty if nothing.
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

/// All that can be found out about a machine.
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
    facts.extend(hardware::facts(system, &driver));
    facts.extend(kernel.facts(system));
    let rights = rights::Rights::of(system);
    facts.extend(rights.facts(system));
    facts.push(backend::choose(&kernel, &driver, &rights).fact());
    facts
}
