//! The user-mode side of the driver: the libraries that the host maps below
//! `/usr/lib/wsl`, and which file the dynamic loader takes for them.

use std::sync::LazyLock;

use serde::Deserialize;

use super::container::{ContainerFacts, USER_MODE};
use super::elf::ElfState;
use super::kernel::KernelFacts;
use super::loader::LoaderPaths;
use super::{MachineFact, SystemFiles};
use dxgtrace_protocol::decode::escaped;

/// Libraries that applications load by name.
const LIBRARIES: &str = "/usr/lib/wsl/lib";
/// Driver packages of Windows, one folder each.
const DRIVER_STORE: &str = "/usr/lib/wsl/drivers";
/// The files that mark NVIDIA's package in the driver store.
const NVIDIA: [&str; 2] = ["libcuda.so.1.1", "libcuda_loader.so"];
/// The part of NVIDIA's package that lists of files to map into containers
/// often lack. Packages before 2024 have none.
const NVIDIA_MEMORY: &str = "libnvdxgdmal.so.1";
/// Files made by WSL itself, whatever the kernel is called.
const OF_WSL: [&str; 3] = [
    "/run/WSL",
    "/proc/sys/fs/binfmt_misc/WSLInterop",
    "/proc/sys/fs/binfmt_misc/WSLInterop-late",
];
/// Lists of the files of Debian's packages.
const PACKAGES: &str = "/var/lib/dpkg/info";
/// Folders of the driver store that are examined at most, and libraries of one
/// folder.
const FOLDERS_MAX: usize = 64;
const LIBRARIES_MAX: usize = 1024;
/// Names that one line shows at most.
const NAMES_SHOWN: usize = 4;

/// Who needs a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LibraryNeed {
    Always,
    Desktop,
    Nvidia,
}

/// An element of `data/user-mode.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedLibrary {
    name: String,
    need: LibraryNeed,
    r#for: String,
}

#[derive(Debug, Default, Deserialize)]
struct UserModeFile {
    library: Vec<WantedLibrary>,
}

static WANTED: LazyLock<Vec<WantedLibrary>> = LazyLock::new(|| {
    toml::from_str::<UserModeFile>(include_str!("../data/user-mode.toml"))
        .unwrap_or_default()
        .library
});

pub(super) fn facts(
    system: &SystemFiles,
    kernel: &KernelFacts,
    container: &ContainerFacts,
) -> Vec<MachineFact> {
    let is_wsl = kernel.release.to_ascii_lowercase().contains("microsoft")
        || OF_WSL.iter().any(|path| system.exists(path));
    if system.resolve(USER_MODE).is_none() {
        return vec![match (is_wsl, &container.engine) {
            (false, _) => MachineFact::info("libraries", "not WSL, not checked"),
            (true, Some(_)) => MachineFact::fail(
                "libraries",
                format!("{USER_MODE} is not mapped into this container"),
            )
            .fix(
                "Map it: -v /usr/lib/wsl:/usr/lib/wsl -e LD_LIBRARY_PATH=/usr/lib/wsl/lib \
                 --device /dev/dxg; for NVIDIA also --gpus all.",
            ),
            (true, None) => MachineFact::fail("libraries", format!("{USER_MODE} is not there"))
                .fix("wsl --update, and no gpuSupport=false in .wslconfig; then wsl --shutdown."),
        }];
    }
    let user_mode = UserMode {
        system,
        container,
        loader: LoaderPaths::of(system),
        packages: packages(system),
    };
    let mut facts = vec![user_mode.folder_fact(LIBRARIES)];
    facts.extend(user_mode.store_facts());
    facts.extend(user_mode.missing_facts());
    facts.extend(user_mode.loader_facts());
    facts
}

/// A folder of the driver store.
struct DriverPackage {
    name: String,
    is_nvidia: bool,
    has_nvidia_memory: bool,
}

fn packages(system: &SystemFiles) -> Vec<DriverPackage> {
    let folders = system.names(DRIVER_STORE).into_iter().take(FOLDERS_MAX);
    folders
        .map(|name| {
            let has = |file: &str| system.exists(&format!("{DRIVER_STORE}/{name}/{file}"));
            DriverPackage {
                is_nvidia: NVIDIA.into_iter().any(has),
                has_nvidia_memory: has(NVIDIA_MEMORY),
                name,
            }
        })
        .collect()
}

struct UserMode<'a> {
    system: &'a SystemFiles,
    container: &'a ContainerFacts,
    loader: LoaderPaths<'a>,
    packages: Vec<DriverPackage>,
}

impl UserMode<'_> {
    fn has_nvidia(&self) -> bool {
        self.packages.iter().any(|package| package.is_nvidia)
    }

    /// Whether the libraries of a folder are whole.
    fn folder_fact(&self, folder: &str) -> MachineFact {
        let names = self.system.names(folder).into_iter();
        let names = names.filter(|name| name.contains(".so"));
        let mut count = 0;
        let (mut damaged, mut doubtful) = (Vec::new(), Vec::new());
        for name in names.take(LIBRARIES_MAX) {
            count += 1;
            let path = format!("{folder}/{name}");
            let shown = escaped(name.as_bytes());
            let Some(path) = self.system.resolve(&path) else {
                damaged.push(format!("{shown} is a link to a file that is not there"));
                continue;
            };
            match ElfState::of(&self.system.path(&path)) {
                Ok(ElfState::Whole) => {}
                Ok(ElfState::Empty) => damaged.push(format!("{shown} is empty")),
                Ok(ElfState::Truncated { needed, length }) => damaged.push(format!(
                    "{shown} is truncated: it has {length} bytes of at least {needed}"
                )),
                Ok(ElfState::Other) => {
                    doubtful.push(format!("{shown} is not a 64-bit ELF library"));
                }
                Err(error) => doubtful.push(format!("{shown} cannot be read: {error}")),
            }
        }
        let folder = escaped(folder.as_bytes());
        if damaged.is_empty() && doubtful.is_empty() {
            return MachineFact::ok("libraries", format!("{folder}: {count} libraries, whole"));
        }
        let rating = match damaged.is_empty() {
            true => MachineFact::warn,
            false => MachineFact::fail,
        };
        damaged.append(&mut doubtful);
        rating("libraries", format!("{folder}: {}", some_of(&damaged))).fix(
            "They are files of Windows: update or reinstall the display driver there, wsl \
             --update, then wsl --shutdown. In a container: map the folder again.",
        )
    }

    /// What the driver store holds.
    fn store_facts(&self) -> Vec<MachineFact> {
        if self.packages.is_empty() {
            let text = format!("{DRIVER_STORE} is empty or not there");
            let fix = match self.container.engine {
                Some(_) => {
                    "Map it into the container: -v /usr/lib/wsl:/usr/lib/wsl, or --gpus all."
                }
                None => {
                    "Windows maps the packages of its display drivers there: install one that \
                     supports WSL, then wsl --shutdown."
                }
            };
            return vec![MachineFact::fail("driver store", text).fix(fix)];
        }
        let names: Vec<String> = self
            .packages
            .iter()
            .map(|package| escaped(package.name.as_bytes()).to_string())
            .collect();
        let mut facts = vec![MachineFact::ok("driver store", some_of(&names))];
        for package in &self.packages {
            let fact = self.folder_fact(&format!("{DRIVER_STORE}/{}", package.name));
            if !fact.fix.is_empty() {
                facts.push(fact);
            }
            if self.container.engine.is_some() && package.is_nvidia && !package.has_nvidia_memory {
                let name = escaped(package.name.as_bytes());
                facts.push(
                    MachineFact::warn("driver store", format!("{name} has no {NVIDIA_MEMORY}"))
                        .fix(
                            "If the package has it outside of the container, it is not mapped, \
                             and cuInit fails with 500: add it to the CDI specification. Old \
                             drivers have none.",
                        ),
                );
            }
        }
        facts
    }

    /// Libraries that should be there and are not.
    fn missing_facts(&self) -> Vec<MachineFact> {
        let mut facts = Vec::new();
        for wanted in WANTED.iter() {
            let name = &wanted.name;
            let is_there = self.system.exists(&format!("{LIBRARIES}/{name}"));
            let is_wanted = match wanted.need {
                LibraryNeed::Always => true,
                LibraryNeed::Desktop => self.container.engine.is_none(),
                LibraryNeed::Nvidia => self.has_nvidia(),
            };
            if !is_wanted || is_there || self.loader.find(name).is_some() {
                continue;
            }
            let text = format!("{name} is missing: {}", wanted.r#for);
            let rating = match wanted.need {
                LibraryNeed::Desktop => MachineFact::warn,
                LibraryNeed::Always | LibraryNeed::Nvidia => MachineFact::fail,
            };
            let fix = match self.container.engine {
                Some(_) => format!("Map {LIBRARIES}/{name} into the container."),
                None => "wsl --update, and a Windows display driver that supports WSL; then wsl \
                         --shutdown."
                    .to_owned(),
            };
            facts.push(rating("libraries", text).fix(fix));
        }
        facts
    }

    /// Which files the dynamic loader takes.
    fn loader_facts(&self) -> Vec<MachineFact> {
        let mut facts = Vec::new();
        for wanted in WANTED.iter() {
            if wanted.need == LibraryNeed::Desktop {
                continue;
            }
            let name = &wanted.name;
            let ours = format!("{LIBRARIES}/{name}");
            let is_there = self.system.exists(&ours);
            if is_there || (wanted.need == LibraryNeed::Nvidia && self.has_nvidia()) {
                facts.extend(self.choice_fact(name, &ours, is_there));
            }
        }
        facts
    }

    /// What the loader takes for `name`; `ours` is where WSL has it, if
    /// `is_there`.
    fn choice_fact(&self, name: &str, ours: &str, is_there: bool) -> Option<MachineFact> {
        let Some(choice) = self.loader.find(name) else {
            let without = match self.loader.has_cache() {
                true => "which /etc/ld.so.cache does not name",
                false => "and there is no /etc/ld.so.cache",
            };
            let text = format!("the loader does not find {ours}, {without}");
            return is_there.then(|| {
                MachineFact::warn("loader", text).fix(
                    "echo /usr/lib/wsl/lib >/etc/ld.so.conf.d/ld.wsl.conf && ldconfig; or, in a \
                     container or without glibc's cache, LD_LIBRARY_PATH=/usr/lib/wsl/lib.",
                )
            });
        };
        let file = self.system.resolve(&choice.path)?;
        let shown = escaped(choice.path.as_bytes());
        let source = choice.source.name();
        let text = format!("{name} is {shown} (by {source})");
        if file.starts_with("/usr/lib/wsl/") {
            return Some(MachineFact::ok("loader", text));
        }
        if self.container.is_mount_point(&file) {
            return Some(MachineFact::ok(
                "loader",
                text + ", mapped into the container",
            ));
        }
        if is_there && self.is_copy(&file, ours) {
            let text = text + ", a copy of the one of WSL";
            return Some(MachineFact::info("loader", text).fix(
                "It stays what it is when Windows updates its driver: a link to the file of WSL \
                 would not.",
            ));
        }
        let owner = self.owner(&[&choice.path, &file]);
        let of = match &owner {
            Some(package) => format!(", of the package {package}"),
            None => String::new(),
        };
        let remove = match &owner {
            Some(package) => format!("apt remove {package}, then ldconfig"),
            None => format!("Remove {shown}, then ldconfig"),
        };
        Some(
            MachineFact::fail(
                "loader",
                format!(
                    "{name} is {shown} (by {source}){of}: it hides the library of WSL, and knows \
                     nothing of /dev/dxg"
                ),
            )
            .fix(format!(
                "{remove}: WSL needs no GPU driver for Linux. For one program: \
                 LD_LIBRARY_PATH=/usr/lib/wsl/lib."
            )),
        )
    }

    /// Whether two files have the same content.
    fn is_copy(&self, one: &str, other: &str) -> bool {
        match (self.system.bytes(one), self.system.bytes(other)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
    }

    /// The Debian package that one of `paths` belongs to.
    fn owner(&self, paths: &[&str]) -> Option<String> {
        // Before /lib became a link to /usr/lib, packages named either.
        let bare = |path: &str| path.strip_prefix("/usr").unwrap_or(path).to_owned();
        let paths: Vec<String> = paths.iter().map(|path| bare(path)).collect();
        let lists = self.system.names(PACKAGES).into_iter();
        let lists = lists.filter_map(|name| Some(name.strip_suffix(".list")?.to_owned()));
        for package in lists {
            let files = self.system.text(&format!("{PACKAGES}/{package}.list"));
            let files = files.unwrap_or_default();
            if files.lines().any(|line| paths.contains(&bare(line))) {
                let name = package.split(':').next().unwrap_or_default();
                return Some(escaped(name.as_bytes()).to_string());
            }
        }
        None
    }
}

/// The first texts of a list, and how many more there are.
fn some_of(texts: &[String]) -> String {
    let shown = texts
        .get(..NAMES_SHOWN.min(texts.len()))
        .unwrap_or_default();
    let shown = shown.join("; ");
    match texts.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_libraries_is_whole() {
        assert_eq!(WANTED.len(), 5);
    }
}
