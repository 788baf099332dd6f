//! `dxgtrace export wireshark`: installs dissector, profile and capture interface into
//! the user's folders of Wireshark.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Failure, output};
use dxgtrace_render::export::{self, PROFILE};

/// Folder of plugins, relative to the home folder.
const PLUGINS: &str = ".local/lib/wireshark/plugins";
/// Folder of the configuration, relative to the home folder.
const CONFIGURATION: &str = ".config/wireshark";
/// Folder of capture programs until Wireshark 4.2, relative to the configuration.
const EXTCAP: &str = "extcap";
/// Folder of capture programs since Wireshark 4.4, relative to the home folder.
const EXTCAP_NEW: &str = ".local/lib/wireshark/extcap";

/// `dxgtrace export wireshark`
#[derive(Debug, Clone, Args)]
pub struct WiresharkArgs {
    /// The home folder to write into; default is this user's
    #[arg(value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Replace files of the profile that were changed
    #[arg(long)]
    pub force: bool,
}

/// Writes missing and outdated files, and prints what was log.
pub fn run(args: &WiresharkArgs) -> Result<Exit, Failure> {
    let folders = WiresharkFolders::new(args.home.as_deref())?;
    let mut log = ExportLog::default();
    let mut dissector = String::new();
    export::lua(&mut dissector)
        .map_err(|error| Failure::Input(format!("cannot export: {error}")))?;
    log.write_file(&folders.plugins.join("dxg.lua"), &dissector, true)?;
    for (name, text) in export::profile() {
        log.write_file(&folders.profile.join(name), &text, args.force)?;
    }
    #[cfg(live)]
    for folder in &folders.extcaps {
        log.link_program(&folder.join("dxgtrace"))?;
    }
    output::write_all(log.text(args.home.as_deref()).as_bytes())
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

/// Installs files, and logs a line for each.
#[derive(Default)]
struct ExportLog {
    lines: String,
    kept: bool,
}

impl ExportLog {
    fn push_line(&mut self, what: &str, path: &Path) {
        // Writing into a string does not fail.
        let _ = writeln!(self.lines, "{what:<8} {}", path.display());
    }

    /// Writes a file. An existing file with other text is replaced only if `replace`.
    fn write_file(&mut self, path: &Path, text: &str, replace: bool) -> Result<(), Failure> {
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
            create_parent(path)?;
            fs::write(path, text).map_err(|error| failed(path, &error))?;
        }
        self.push_line(what, path);
        Ok(())
    }

    /// Links to this program, which answers Wireshark's extcap calls. A copy would lack
    /// the program's updates and capabilities.
    #[cfg(live)]
    fn link_program(&mut self, path: &Path) -> Result<(), Failure> {
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
            create_parent(path)?;
            std::os::unix::fs::symlink(&program, path).map_err(|error| failed(path, &error))?;
        }
        self.push_line(what, path);
        Ok(())
    }

    /// The log, and the next steps.
    fn text(mut self, home: Option<&Path>) -> String {
        if self.kept {
            self.lines += "\nFiles that were changed since were kept; --force replaces them.\n";
        }
        let set = home.map_or_else(String::new, |home| format!("HOME={} ", home.display()));
        let _ = writeln!(self.lines, "\nNext: {set}wireshark -C {PROFILE} gpu.pcapng");
        self.lines + &rights_hint()
    }
}

/// How to let an ordinary user capture from Wireshark.
#[cfg(live)]
fn rights_hint() -> String {
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
fn rights_hint() -> String {
    String::new()
}

fn create_parent(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(|error| failed(folder, &error)),
        None => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}
