//! Notices when a module with hooked functions is loaded or unloaded.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::hooks::MODULES;

const FOLDER: &str = "/sys/module";

/// A module was loaded, unloaded, or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleChange {
    /// Its name.
    pub module: &'static str,
    /// Whether it is loaded now.
    pub loaded: bool,
}

/// The last known state of the modules in [`MODULES`].
pub(super) struct Modules([Option<u64>; MODULES.len()]);

impl Modules {
    /// The current state.
    pub(super) fn new() -> Self {
        Self(MODULES.map(load_identity))
    }

    /// Returns the changes since the last call. Makes one system call for each
    /// module.
    pub(super) fn changes(&mut self) -> Vec<ModuleChange> {
        let mut changes = Vec::new();
        for (module, known) in MODULES.into_iter().zip(&mut self.0) {
            let now = load_identity(module);
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

/// One load of a module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoadedModule {
    name: String,
    identity: u64,
}

impl LoadedModule {
    /// The module as it is loaded now.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            identity: load_identity(name)?,
        })
    }

    /// Whether it was neither unloaded nor replaced since.
    pub(super) fn is_still_loaded(&self) -> bool {
        load_identity(&self.name) == Some(self.identity)
    }
}

/// A number that changes when a module is loaded again: the inode of its folder in
/// sysfs.
fn load_identity(module: &str) -> Option<u64> {
    let folder = fs::metadata(Path::new(FOLDER).join(module));
    folder.ok().map(|folder| folder.ino())
}
