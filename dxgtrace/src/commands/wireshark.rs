//! `dxgtrace export wireshark`: dissector, profile and capturing from within
//! Wireshark, in the folders that it looks into.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Failure, output};
use dxgtrace_render::export::{self, PROFILE};

/// Where Wireshark looks, from the home folder.
const PLUGINS: &str = ".local/lib/wireshark/plugins";
const CONFIGURATION: &str = ".config/wireshark";
/// Below the configuration, until Wireshark 4.2.
const EXTCAP: &str = "extcap";
/// From the home folder, since Wireshark 4.4.
const EXTCAP_NEW: &str = ".local/lib/wireshark/extcap";

/// `dxgtrace export wireshark`
#[derive(Debug, Clone, Args)]
pub struct WiresharkArgs {
    /// The home folder to write into; without it, this user's
    #[arg(value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Write the profile anew even where it was changed since
    #[arg(long)]
    pub force: bool,
}

/// Writes what is not there yet, and says what it did.
pub fn run(args: &WiresharkArgs) -> Result<Exit, Failure> {
    let places = WiresharkFolders::new(args.home.as_deref())?;
    let mut done = ExportLog::default();
    let mut dissector = String::new();
    export::lua(&mut dissector)
        .map_err(|error| Failure::Input(format!("cannot export: {error}")))?;
    done.file(&places.plugins.join("dxg.lua"), &dissector, true)?;
    for (name, text) in export::profile() {
        done.file(&places.profile.join(name), &text, args.force)?;
    }
    #[cfg(live)]
    for folder in &places.extcaps {
        done.link(&folder.join("dxgtrace"))?;
    }
    output::all(done.text(args.home.as_deref()).as_bytes())
}

/// The folders to write into.
struct WiresharkFolders {
    plugins: PathBuf,
    profile: PathBuf,
    extcaps: [PathBuf; 2],
}

impl WiresharkFolders {
    fn new(home: Option<&Path>) -> Result<Self, Failure> {
        let of = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let (home, configuration) = match home {
            Some(home) => (home.to_owned(), home.join(CONFIGURATION)),
            None => {
                let home = of("HOME").ok_or_else(|| {
                    Failure::Usage("HOME is not set: say which home folder to write into".into())
                })?;
                let configuration = of("WIRESHARK_CONFIG_DIR")
                    .or_else(|| of("XDG_CONFIG_HOME").map(|path| path.join("wireshark")))
                    .unwrap_or_else(|| home.join(CONFIGURATION));
                (home, configuration)
            }
        };
        Ok(Self {
            plugins: home.join(PLUGINS),
            profile: configuration.join("profiles").join(PROFILE),
            extcaps: [configuration.join(EXTCAP), home.join(EXTCAP_NEW)],
        })
    }
}

/// What was done, a line each.
#[derive(Default)]
struct ExportLog {
    lines: String,
    kept: bool,
}

impl ExportLog {
    fn say(&mut self, what: &str, path: &Path) {
        // Writing into a string does not fail.
        let _ = writeln!(self.lines, "{what:<8} {}", path.display());
    }

    /// A file with this text. What somebody changed stays, unless `replace`.
    fn file(&mut self, path: &Path, text: &str, replace: bool) -> Result<(), Failure> {
        let what = match fs::read(path) {
            Ok(found) if found == text.as_bytes() => "current",
            Ok(_) if !replace => {
                self.kept = true;
                "kept"
            }
            Ok(_) => "updated",
            Err(_) => "wrote",
        };
        if matches!(what, "wrote" | "updated") {
            parent(path)?;
            fs::write(path, text).map_err(|error| failed(path, &error))?;
        }
        self.say(what, path);
        Ok(())
    }

    /// A link to this program: called by Wireshark, it speaks Wireshark's
    /// language. A link, so that it stays as new, and as privileged, as the program.
    #[cfg(live)]
    fn link(&mut self, path: &Path) -> Result<(), Failure> {
        let program = std::env::current_exe().map_err(|error| failed(path, &error))?;
        let what = match fs::read_link(path) {
            Ok(found) if found == program => "current",
            Ok(_) => "updated",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "wrote",
            Err(_) => {
                return Err(Failure::Input(format!(
                    "{}: there is something that is no link; remove it first",
                    path.display()
                )));
            }
        };
        if what == "updated" {
            fs::remove_file(path).map_err(|error| failed(path, &error))?;
        }
        if what != "current" {
            parent(path)?;
            std::os::unix::fs::symlink(&program, path).map_err(|error| failed(path, &error))?;
        }
        self.say(what, path);
        Ok(())
    }

    /// All lines, and what to do next.
    fn text(mut self, home: Option<&Path>) -> String {
        if self.kept {
            self.lines += "\nFiles that were changed since were kept; --force replaces them.\n";
        }
        let set = home.map_or_else(String::new, |home| format!("HOME={} ", home.display()));
        let _ = writeln!(self.lines, "\nNext: {set}wireshark -C {PROFILE} gpu.pcapng");
        self.lines + &rights()
    }
}

/// How Wireshark gets to capture without being root.
#[cfg(live)]
fn rights() -> String {
    let program = std::env::current_exe().map_or_else(
        |_| "$(command -v dxgtrace)".into(),
        |path| path.display().to_string(),
    );
    format!(
        "To capture from within Wireshark, which runs as an ordinary user, give the program\n\
         the rights to, then start {PROFILE} in Wireshark's list of interfaces:\n  \
         sudo setcap {} {program}\n",
        dxgtrace_live::CAPABILITIES
    )
}

#[cfg(not(live))]
fn rights() -> String {
    String::new()
}

fn parent(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(|error| failed(folder, &error)),
        None => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}
