//! The configuration of the terminal UI, in
//! `$XDG_CONFIG_HOME/dxgtrace/config.toml`:
//!
//! ```toml
//! theme = "mono"
//! time = "clock"
//! mouse = true
//!
//! [keys]
//! pause = ["space", "f5"]
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use dxgtrace_render::output::TimeFormat;

use super::keys::Keymap;
use super::theme::{self, Theme};

/// Default of `spill`: disk quota for unsaved live captures, in MiB.
const SPILL: u64 = 2048;

/// Keys of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    theme: Option<String>,
    time: Option<String>,
    #[serde(default)]
    mouse: bool,
    spill: Option<u64>,
    #[serde(default)]
    keys: BTreeMap<String, Vec<String>>,
}

/// The settings of the terminal UI.
#[derive(Debug)]
pub struct Config {
    /// The theme to start with.
    pub theme: Theme,
    /// All themes, built-in ones first.
    pub themes: Vec<Theme>,
    /// Format of times.
    pub time: TimeFormat,
    /// Whether mouse events are handled.
    pub mouse: bool,
    /// Disk quota for unsaved live captures, in bytes.
    pub spill: u64,
    /// Key bindings.
    pub keymap: Keymap,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: theme::dark(),
            themes: theme::built_in(),
            time: TimeFormat::default(),
            mouse: false,
            spill: SPILL << 20,
            keymap: Keymap::default(),
        }
    }
}

/// Names of the time formats in `:time` and in the configuration file.
pub const TIMES: &[(&str, TimeFormat)] = &[
    ("relative", TimeFormat::Relative),
    ("delta", TimeFormat::Delta),
    ("epoch", TimeFormat::Epoch),
    ("clock", TimeFormat::Clock),
    ("date", TimeFormat::Date),
];

impl Config {
    /// Loads the user's configuration; without one, the defaults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_user() -> Result<Self, String> {
        match directory("XDG_CONFIG_HOME", ".config") {
            Some(folder) => Self::load(&folder),
            None => Ok(Self::default()),
        }
    }

    /// This configuration with the theme `mono`.
    pub fn without_colours(mut self) -> Self {
        self.theme = theme::mono();
        self
    }

    /// Loads `config.toml` and the themes in a folder.
    ///
    /// # Errors
    /// A file cannot be read or parsed; the error is a sentence for the user.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let own = Theme::load(&folder.join("themes"))?;
        let path = folder.join("config.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, own),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::parse("", own),
            Err(error) => Err(error.to_string()),
        }
        .map_err(|error| format!("{}: {}", path.display(), error.trim_end()))
    }

    /// Parses the text of a configuration file. Themes in `own` replace built-in
    /// ones of the same name.
    ///
    /// # Errors
    /// The text is not valid; the error is a sentence for the user.
    pub fn parse(text: &str, own: Vec<Theme>) -> Result<Self, String> {
        let file: ConfigFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut config = Self::default();
        config
            .themes
            .retain(|theme| own.iter().all(|own| own.name != theme.name));
        config.themes.extend(own);
        let name = file.theme.as_deref().unwrap_or("default");
        config.theme = by_name(&config.themes, name)?;
        if let Some(name) = file.time {
            config.time = time(&name)?;
        }
        config.mouse = file.mouse;
        if let Some(spill) = file.spill {
            config.spill = spill.saturating_mul(1 << 20);
        }
        for (name, keys) in &file.keys {
            config.keymap.rebind(name, keys)?;
        }
        Ok(config)
    }
}

/// The theme named `name`; the error lists the names.
pub fn by_name(themes: &[Theme], name: &str) -> Result<Theme, String> {
    let found = themes.iter().find(|theme| theme.name == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = themes.iter().map(|theme| theme.name.as_str()).collect();
        format!("there is no theme `{name}`; there are {}", names.join(", "))
    })
}

/// The time format named `name`; the error lists the names.
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

/// This program's folder below an XDG base directory: `variable`/dxgtrace, or
/// `$HOME`/`below_home`/dxgtrace if `variable` is not set to an absolute path.
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

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Vec::new())
    }

    #[test]
    fn a_file_sets_theme_time_mouse_and_keys() {
        let text = "theme = 'mono'\ntime = 'clock'\nmouse = true\n[keys]\npause = ['f5']\n";
        let config = parse(text).unwrap();
        assert_eq!(config.theme.name, "mono");
        assert_eq!(config.time, TimeFormat::Clock);
        assert!(config.mouse);
        assert_eq!(config.keymap.keys_of(super::super::Action::Pause), "f5");
    }

    #[test]
    fn a_theme_of_ones_own_is_found_by_its_name() {
        let own = Theme::parse("night", "text = 'gray'").unwrap();
        let config = Config::parse("theme = 'night'", vec![own.clone()]).unwrap();
        assert_eq!(config.theme, own);
        assert_eq!(config.themes.len(), 4);
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
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected) || expected == "invalid", "{error}");
        }
    }
}
