//! The configuration file, `$XDG_CONFIG_HOME/dxgtrace/config.toml`:
//!
//! ```toml
//! theme = "mono"
//! time = "clock"
//!
//! [keys]
//! pause = ["space", "f5"]
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::output::TimeFormat;

use super::keys::Keymap;
use super::theme::{self, Theme};

/// What the configuration file can say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Option<String>,
    time: Option<String>,
    #[serde(default)]
    keys: BTreeMap<String, Vec<String>>,
}

/// What can be chosen.
#[derive(Debug)]
pub struct Config {
    /// How things look.
    pub theme: Theme,
    /// How times are written.
    pub time: TimeFormat,
    /// The keys.
    pub keymap: Keymap,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: theme::dark(),
            time: TimeFormat::default(),
            keymap: Keymap::default(),
        }
    }
}

/// Names of the time formats, as `:time` and the file have them.
pub const TIMES: &[(&str, TimeFormat)] = &[
    ("relative", TimeFormat::Relative),
    ("delta", TimeFormat::Delta),
    ("epoch", TimeFormat::Epoch),
    ("clock", TimeFormat::Clock),
    ("date", TimeFormat::Date),
];

impl Config {
    /// Where the file is.
    pub fn path() -> Option<PathBuf> {
        directory("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("config.toml"))
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
        .map_err(|error| format!("{}: {}", path.display(), error.trim_end()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut config = Self::default();
        if let Some(name) = file.theme {
            config.theme = theme::by_name(&name).ok_or_else(|| {
                let names = theme::themes().map(|theme| theme.name).join(", ");
                format!("there is no theme `{name}`; there are {names}")
            })?;
        }
        if let Some(name) = file.time {
            config.time = time(&name)?;
        }
        for (name, keys) in &file.keys {
            config.keymap.rebind(name, keys)?;
        }
        Ok(config)
    }
}

/// The time format of that name.
pub fn time(name: &str) -> Result<TimeFormat, String> {
    TIMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, format)| *format)
        .ok_or_else(|| {
            let names: Vec<_> = TIMES.iter().map(|(name, _)| *name).collect();
            format!(
                "there is no time format `{name}`; there are {}",
                names.join(", ")
            )
        })
}

/// This program's directory of a kind that the XDG specification names.
pub fn directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |value| Some(PathBuf::from(value)).filter(|path: &PathBuf| path.is_absolute());
    std::env::var_os(variable)
        .and_then(absolute)
        .or_else(|| {
            let home = std::env::var_os("HOME").and_then(absolute)?;
            Some(home.join(below_home))
        })
        .map(|directory| directory.join("dxgtrace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_theme_time_and_keys() {
        let text = "theme = 'mono'\ntime = 'clock'\n[keys]\npause = ['f5']\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.theme.name, "mono");
        assert_eq!(config.time, TimeFormat::Clock);
        assert_eq!(config.keymap.keys_of(super::super::Action::Pause), "f5");
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said() {
        for (text, expected) in [
            ("theme = 'x'", "there is no theme `x`"),
            ("time = 'x'", "there is no time format `x`"),
            ("[keys]\ndance = ['x']", "there is no action `dance`"),
            ("colour = 1", "unknown field `colour`"),
            ("[keys", "invalid"),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.contains(expected) || expected == "invalid", "{error}");
        }
    }
}
