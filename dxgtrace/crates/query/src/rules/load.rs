//! Loads rules.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::RuleError;
use super::file::Rule;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The rules that are part of the program: name and text.
        pub static SHIPPED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../rules/", $name, ".toml"))),)*
        ];
    };
}

shipped! {
    "adapter-luid-unknown",
    "adapter-queries-harmless",
    "adapter-queries-no-device",
    "adapter-taken-away",
    "allocation-recovered",
    "context-refused-at-start",
    "context-refused-midrun",
    "create-allocation-overflow",
    "create-process-overflow",
    "destroy-allocation-refused",
    "device-removed",
    "escape-sometimes-too-short",
    "escape-too-small",
    "fence-event-closed",
    "field-spanning-write",
    "gpadl-refused",
    "handle-used-after-free",
    "host-silent",
    "iospace-without-lock",
    "killed-while-waiting",
    "late-reply-crash",
    "libdxcore-not-mapped",
    "library-gave-up",
    "library-truncated",
    "make-resident-no-memory",
    "make-resident-slow",
    "mmio-too-small",
    "no-adapter",
    "opened-by-another-process",
    "pinning-not-answered",
    "reserve-gpu-va-too-short",
    "ring-full",
    "rocm-query-asserted",
    "sync-object-crash",
    "sysmem-not-mapped",
    "windows-commit-limit",
    "wrong-kernel-for-driver",
}

/// Maximum size of a rule file in bytes.
const RULE_BYTES_MAX: u64 = 1 << 20;

/// A set of rules.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// The rules that are part of the program.
    ///
    /// # Errors
    /// A shipped rule is invalid, which a test excludes.
    pub fn shipped() -> Result<Self, RuleError> {
        let rules = SHIPPED
            .iter()
            .map(|(name, text)| Rule::parse_shipped(name, text))
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Adds every `*.toml` file in a folder, in the order of names. A rule
    /// replaces an earlier one with the same name.
    ///
    /// # Errors
    /// The folder or a file cannot be read, or a rule is invalid.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), RuleError> {
        let io_error = |path: &Path, source| RuleError::Io {
            path: path.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| io_error(folder, error))? {
            let path = entry.map_err(|error| io_error(folder, error))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let length = fs::metadata(&path)
                .map_err(|error| io_error(&path, error))?
                .len();
            let text = if length > RULE_BYTES_MAX {
                Err(io::Error::other("too long for a rule"))
            } else {
                fs::read_to_string(&path)
            };
            let text = text.map_err(|error| io_error(&path, error))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            self.add(Rule::parse(&name, &text)?);
        }
        Ok(())
    }

    /// Adds a rule, replacing one with the same name.
    pub fn add(&mut self, rule: Rule) {
        match self.rules.iter_mut().find(|old| old.name == rule.name) {
            Some(old) => *old = rule,
            None => self.rules.push(rule),
        }
    }

    /// The rules.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }
}

/// The folder of the user's rules, from `XDG_CONFIG_HOME` or `HOME`.
pub fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let config = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(config.join("dxgtrace").join("rules"))
}
