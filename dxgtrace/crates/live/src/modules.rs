//! The modules that hooked functions are in: whether they come and go.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::hooks::MODULES;

const FOLDER: &str = "/sys/module";

/// A module has been loaded, unloaded, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleChange {
    /// Its name.
    pub module: &'static str,
    /// Whether it is there now.
    pub loaded: bool,
}

/// What is known of the modules.
pub(super) struct Modules([Option<u64>; MODULES.len()]);

impl Modules {
    /// As they are now.
    pub(super) fn new() -> Self {
        Self(MODULES.map(identity))
    }

    /// What has changed since the last look: one call of the system for each.
    pub(super) fn changes(&mut self) -> Vec<ModuleChange> {
        let mut changes = Vec::new();
        for (module, known) in MODULES.into_iter().zip(&mut self.0) {
            let now = identity(module);
            if now != *known {
                *known = now;
                changes.push(ModuleChange {
                    module,
                    loaded: now.is_some(),
                });
            }
        }
        changes
    }
}

/// A module as it was loaded once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoadedModule {
    name: String,
    identity: u64,
}

impl LoadedModule {
    /// As it is now, if it is there.
    pub(super) fn now(name: &str) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            identity: identity(name)?,
        })
    }

    /// Whether it is still there, and not loaded anew.
    pub(super) fn is_there(&self) -> bool {
        identity(&self.name) == Some(self.identity)
    }
}

/// What tells a module that is loaded from the same one loaded again.
fn identity(module: &str) -> Option<u64> {
    let folder = fs::metadata(Path::new(FOLDER).join(module));
    folder.ok().map(|folder| folder.ino())
}
